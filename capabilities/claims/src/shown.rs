//! Text that strangers wrote, on its way to people.

use std::fmt;

/// Text from a token, made fit for a terminal and a log: control characters escaped, and cut after some length.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 160;
        for c in self.0.chars().take(LONGEST) {
            match c {
                '"' | '\'' => fmt::Write::write_char(f, c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        if self.0.chars().nth(LONGEST).is_some() { f.write_str("...") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn what_a_token_says_cannot_write_to_the_terminal() {
        assert_eq!(Shown("a\u{1b}[2Jb\nc\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(Shown(&"x".repeat(1000)).to_string(), format!("{}...", "x".repeat(160)));
        assert_eq!(Shown("K\u{e4}se \"1\"").to_string(), "K\u{e4}se \"1\"");
    }
}
