//! Shows who passes what, as a table.

use std::fmt;

use untrusted_text::Shown;

use crate::Verdict;

/// Who passes what: a row for each case, a column for each implementation.
#[derive(Debug, Clone, Default)]
pub struct Table {
    heading: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Verdict>)>,
}

impl Table {
    /// An empty table, with a heading for its cases. Names of implementations may be those of files.
    #[must_use]
    pub fn new(heading: &str, columns: Vec<String>) -> Self {
        let columns = columns.iter().map(|name| Shown::new(name).to_string()).collect();
        Self { heading: heading.to_owned(), columns, rows: Vec::new() }
    }

    /// Adds what came of a case, in the order of the columns.
    pub fn row(&mut self, title: &str, verdicts: Vec<Verdict>) {
        self.rows.push((title.to_owned(), verdicts));
    }

    /// How many cases an implementation passes.
    #[must_use]
    pub fn passed(&self, column: usize) -> usize {
        self.rows.iter().filter(|(_, verdicts)| verdicts.get(column).is_some_and(Verdict::passes)).count()
    }

    /// How many cases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// What one implementation fails for. What is the same for many cases is told once.
    fn write_reasons(&self, f: &mut fmt::Formatter<'_>, column: usize, name: &str) -> fmt::Result {
        let mut told: Vec<(String, &str, usize)> = Vec::new();
        for (title, verdicts) in &self.rows {
            let Some(verdict) = verdicts.get(column).filter(|verdict| !verdict.passes()) else { continue };
            let reason = verdict.to_string();
            match told.iter_mut().find(|(known, ..)| *known == reason) {
                Some((.., times)) => *times += 1,
                None => told.push((reason, title, 1)),
            }
        }
        told.iter().try_for_each(|(reason, title, times)| match times {
            1 => writeln!(f, "{name}: {title}: {reason}"),
            times => writeln!(f, "{name}: {times} cases: {reason}"),
        })
    }

    /// Whether there are no cases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = self.rows.iter().map(|(title, _)| title.chars().count());
        let width = titles.chain([self.heading.chars().count()]).max().unwrap_or_default();
        let widths: Vec<_> = self.columns.iter().map(|name| name.chars().count().max(7)).collect();
        let line = |f: &mut fmt::Formatter<'_>, first: &str, cells: &[String]| {
            write!(f, "{first:width$}")?;
            cells.iter().zip(&widths).try_for_each(|(cell, width)| write!(f, "  {cell:width$}"))?;
            writeln!(f)
        };
        line(f, &self.heading, &self.columns)?;
        for (title, verdicts) in &self.rows {
            let words: Vec<_> = verdicts.iter().map(|verdict| verdict.word().to_owned()).collect();
            line(f, title, &words)?;
        }
        let passed: Vec<_> =
            (0..self.columns.len()).map(|at| format!("{}/{}", self.passed(at), self.len())).collect();
        line(f, "", &passed)?;
        for (at, name) in self.columns.iter().enumerate() {
            self.write_reasons(f, at, name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_counts_and_tells_each_reason_once() {
        let failed = || Verdict::Failed { reason: "it rains".to_owned() };
        let mut table = Table::new("Cases", vec!["one".to_owned(), "two".to_owned()]);
        table.row("a", vec![Verdict::Passed, failed()]);
        table.row("b", vec![Verdict::Hung, failed()]);
        let lines = [
            "Cases  one      two    ",
            "a      passes   FAILS  ",
            "b      HANGS    FAILS  ",
            "       1/2      0/2    ",
            "one: b: did not come back",
            "two: 2 cases: it rains",
        ];
        assert_eq!(table.to_string().lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn nobody_writes_to_the_terminal_through_a_table() {
        let strange = "tea\u{1b}[2J\nFORGED\u{61c}".to_owned();
        let mut table = Table::new("Cases", vec![strange.clone(), "two".to_owned()]);
        let verdicts =
            vec![Verdict::Failed { reason: strange.clone() }, Verdict::Panicked { message: strange }];
        table.row("a", verdicts);
        let shown = "tea\\u{1b}[2J\\nFORGED\\u{61c}";
        let text = table.to_string();
        let last: Vec<_> = text.lines().skip(3).collect();
        assert_eq!(last, [format!("{shown}: a: {shown}"), format!("two: a: panicked: {shown}")], "{text}");
        assert!(!text.contains(['\u{1b}', '\u{61c}']), "{text:?}");
    }
}
