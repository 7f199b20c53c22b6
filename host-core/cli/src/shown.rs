//! Text and times from modules, made fit for a terminal.

use std::{
    fmt,
    time::{Duration, UNIX_EPOCH},
};

/// Text from outside: control characters and the like are escaped, so that it cannot write to the terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\'' | '\\' => fmt::Write::write_char(f, c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        Ok(())
    }
}

/// Text of several lines that has text from outside in it: as [`Shown`], but lines stay lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines<'a>(pub(crate) &'a str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.split('\n').enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            write!(f, "{between}{}", Shown(line))?;
        }
        Ok(())
    }
}

/// Seconds since 1970 as RFC 3339 in UTC, or the bare number where that form ends (after the year 9999).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_10000: u64 = 253_402_300_800;
        match UNIX_EPOCH.checked_add(Duration::from_secs(self.0)) {
            Some(time) if self.0 < YEAR_10000 => humantime::format_rfc3339_seconds(time).fmt(f),
            _ => write!(f, "second {} of the epoch", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Shown};

    #[test]
    fn text_cannot_write_to_the_terminal() {
        assert_eq!(Shown("a\u{1b}[2Jb\nc\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(Shown(r#"Käse "1" C:\x"#).to_string(), r#"Käse "1" C:\x"#);
    }

    #[test]
    fn every_moment_can_be_shown() {
        assert_eq!(Moment(1_590_205_332).to_string(), "2020-05-23T03:42:12Z");
        assert_eq!(Moment(u64::MAX).to_string(), "second 18446744073709551615 of the epoch");
    }
}
