//! Holds our host and our guest library to their goals.

use std::fmt;

use crate::{GUESTS, Host, report::Row};

pub(crate) struct Goal {
    pub(crate) title: &'static str,
    pub(crate) bound: Bound,
    pub(crate) figure: fn(&Row) -> Figure,
}

/// What a row has to say on a goal.
pub(crate) enum Figure {
    /// It is held to the bound.
    Held(f64),
    /// It is worth knowing.
    Shown(f64),
    Nothing,
}

#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// How many goals were met.
#[derive(Default)]
pub(crate) struct Score {
    met: usize,
    judged: usize,
}

pub(crate) const GOALS: [Goal; 5] = [
    Goal {
        title: "ours / floor",
        bound: Bound::AtMost(1.1),
        figure: |row| Figure::Held(row.of(Host::Ours).ratio(row.of(Host::Floor))),
    },
    Goal {
        title: "ours / wapc-rs",
        bound: Bound::AtMost(0.55),
        figure: |row| Figure::Held(row.of(Host::Ours).ratio(row.of(Host::WapcRs))),
    },
    Goal {
        title: "Extism / ours",
        bound: Bound::AtLeast(15.0),
        figure: |row| Figure::Held(row.of(Host::Extism).ratio(row.of(Host::Ours))),
    },
    Goal { title: "a deadline adds, ns", bound: Bound::AtMost(60.0), figure: deadline },
    Goal { title: "this guest / first guest", bound: Bound::AtMost(1.3), figure: library },
];

/// It costs the same at every size, and drowns in the copies of large payloads.
fn deadline(row: &Row) -> Figure {
    match row.size {
        0..=1024 => Figure::Held(row.of(Host::OursWithDeadline).excess(row.of(Host::Ours))),
        _ => Figure::Nothing,
    }
}

/// Our library is held to it where the payload counts; the figures of the others stand beside it.
fn library(row: &Row) -> Figure {
    let figure = row.of(Host::Ours).ratio(&row.measure);
    match GUESTS.iter().position(|guest| *guest == row.guest) {
        Some(0) => Figure::Nothing,
        Some(1) if row.operation == "echo" && row.size >= 64 << 10 => Figure::Held(figure),
        _ => Figure::Shown(figure),
    }
}

impl Score {
    /// The figure, and whether it is within the bound.
    pub(crate) fn judge(&mut self, figure: f64, bound: Bound) -> String {
        let met = match bound {
            Bound::AtMost(most) => figure <= most,
            Bound::AtLeast(least) => figure >= least,
        };
        self.judged += 1;
        self.met += usize::from(met);
        format!("{figure:.2} {}", if met { "pass" } else { "**fail**" })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {most}"),
            Self::AtLeast(least) => write!(f, ">= {least}"),
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} pass.", self.met, self.judged)
    }
}
