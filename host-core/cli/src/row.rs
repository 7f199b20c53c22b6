//! Prints tables of two columns.

use std::fmt;

use untrusted_text::Shown;

/// How much of one value is shown to people, in characters.
pub(crate) const LONGEST: usize = 2000;

/// One line of a table: what, and the value.
pub(crate) struct Row<'a>(pub(crate) &'a str, pub(crate) &'a str);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<18}{}", self.0, Shown::new(self.1).up_to(LONGEST))
    }
}

/// As many lines of the table as there are values.
pub(crate) struct List<'a>(pub(crate) &'a str, pub(crate) &'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.1.split_first() else { return Row(self.0, "none").fmt(f) };
        Row(self.0, first).fmt(f)?;
        rest.iter().try_for_each(|value| write!(f, "\n{}", Row("", value)))
    }
}
