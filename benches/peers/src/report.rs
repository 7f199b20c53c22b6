//! Writes what was measured as tables in Markdown.

use std::fmt;

use crate::{
    Entrant, GUESTS, Guest, Host, Samples,
    goals::{Figure, GOALS, Score},
};

/// What is measured.
pub const OPERATIONS: [&str; 2] = ["echo", "callback"];

/// With payloads of how many bytes.
pub const SIZES: [usize; 5] = [0, 64, 1 << 10, 64 << 10, 1 << 20];

/// Everything that was measured. Its text is the tables.
#[derive(Debug)]
pub struct Report {
    entrants: Vec<Entrant>,
    rows: Vec<Row>,
}

/// One line of the tables: one guest, everywhere.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) operation: &'static str,
    pub(crate) size: usize,
    pub(crate) guest: Guest,
    /// In the order of [`Host::ALL`].
    samples: Vec<Samples>,
    /// The first guest on our host.
    pub(crate) measure: Samples,
}

/// A number of bytes, as people say it.
struct Bytes(usize);

impl Report {
    /// A report without figures as yet.
    #[must_use]
    pub fn new(entrants: Vec<Entrant>) -> Self {
        Self { entrants, rows: Vec::new() }
    }

    /// Adds the samples of one operation with a payload of `size` bytes, in the entrants' order.
    pub fn add(&mut self, operation: &'static str, size: usize, samples: &[Samples]) {
        let of = |guest: Guest, host: Host| {
            let guest = if host.speaks_wapc() { guest } else { Guest::PLUGIN };
            let place = self.entrants.iter().position(|entrant| *entrant == Entrant { guest, host });
            place.and_then(|place| samples.get(place)).cloned().unwrap_or_default()
        };
        self.rows.extend(GUESTS.iter().map(|&guest| Row {
            operation,
            size,
            guest,
            samples: Host::ALL.map(|host| of(guest, host)).into(),
            measure: of(GUESTS[0], Host::Ours),
        }));
    }
}

impl Row {
    pub(crate) fn of(&self, host: Host) -> &Samples {
        &self.samples[host as usize]
    }

    fn time(&self, host: Host) -> String {
        let (samples, floor) = (self.of(host), self.of(Host::Floor));
        match host {
            Host::Floor => format!("{:.0}", floor.median()),
            _ => format!("{:.0} ({:.2})", samples.median(), samples.ratio(floor)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "What a call takes, in nanoseconds; in brackets as a multiple of the floor:\n")?;
        heading(f, Host::ALL.map(|host| host.title().to_owned()))?;
        for row in &self.rows {
            line(f, row, Host::ALL.into_iter().map(|host| row.time(host)))?;
        }
        writeln!(f, "\nOur host, and what it is held to:\n")?;
        let mut score = Score::default();
        heading(f, GOALS.each_ref().map(|goal| format!("{} ({})", goal.title, goal.bound)))?;
        for row in &self.rows {
            line(
                f,
                row,
                GOALS.iter().map(|goal| match (goal.figure)(row) {
                    Figure::Held(figure) => score.judge(figure, goal.bound),
                    Figure::Shown(figure) => format!("{figure:.2}"),
                    Figure::Nothing => String::new(),
                }),
            )?;
        }
        write!(f, "\n{score}")
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 20 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} B"),
        }
    }
}

fn heading<const COLUMNS: usize>(f: &mut fmt::Formatter<'_>, titles: [String; COLUMNS]) -> fmt::Result {
    writeln!(f, "| operation | size | guest | {} |", titles.join(" | "))?;
    writeln!(f, "|---|--:|---|{}", "--:|".repeat(COLUMNS))
}

fn line(f: &mut fmt::Formatter<'_>, row: &Row, cells: impl Iterator<Item = String>) -> fmt::Result {
    write!(f, "| {} | {} | {} |", row.operation, Bytes(row.size), row.guest.name)?;
    for cell in cells {
        write!(f, " {cell} |")?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_shows_its_own_entrant() {
        let entrants = Entrant::all();
        let samples: Vec<Samples> = (0..entrants.len()).map(|place| Samples::from([place as f64])).collect();
        let mut report = Report::new(entrants.clone());
        report.add("echo", 64 << 10, &samples);
        for row in &report.rows {
            for host in Host::ALL {
                let entrant = entrants[row.of(host).median() as usize];
                assert_eq!(entrant.host, host);
                assert!(entrant.guest == row.guest || host == Host::Extism);
            }
        }
        let text = report.to_string();
        assert!(text.contains("| echo | 64 KiB | WAT | 0 |"), "{text}");
    }
}
