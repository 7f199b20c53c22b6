//! Text that strangers wrote, on its way to people.

use std::fmt;

/// The most characters that are shown of one text.
const LONGEST: usize = 160;

/// Text from a token, made fit for a terminal and a log: control characters escaped, and cut after some length.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars().take(LONGEST) {
            match c {
                '"' | '\'' => fmt::Write::write_char(f, c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        if self.0.chars().nth(LONGEST).is_some() { f.write_str("...") } else { Ok(()) }
    }
}

/// No more of a text than is shown of it: what a running module asks for may be of any length.
pub(crate) fn cut(text: &str) -> Box<str> {
    let end = text.char_indices().nth(LONGEST + 1).map_or(text.len(), |(at, _)| at);
    text[..end].into()
}

#[cfg(test)]
mod tests {
    use super::{Shown, cut};

    #[test]
    fn a_text_that_was_cut_is_shown_as_before() {
        for text in ["", "short", &"x".repeat(160), &"\u{e4}".repeat(161), &"\u{e4}".repeat(5000)] {
            assert_eq!(Shown(&cut(text)).to_string(), Shown(text).to_string());
            assert!(cut(text).chars().count() <= 161);
        }
    }

    #[test]
    fn what_a_token_says_cannot_write_to_the_terminal() {
        assert_eq!(Shown("a\u{1b}[2Jb\nc\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(Shown(&"x".repeat(1000)).to_string(), format!("{}...", "x".repeat(160)));
        assert_eq!(Shown("K\u{e4}se \"1\"").to_string(), "K\u{e4}se \"1\"");
    }
}
