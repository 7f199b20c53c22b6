//! Making an actor's words fit for one line of a log.

use std::fmt::Write;

/// How many bytes of an actor's text are written, before control characters are spelt out. What is longer is cut.
pub const MAX_LINE: usize = 8 * 1024;

/// The text in one line: control characters spelt out, so that an actor can neither forge another line nor send commands
/// to a terminal; cut at [`MAX_LINE`].
pub(crate) fn harmless(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_LINE);
    let mut line = String::with_capacity(end);
    for c in text[..end].chars() {
        if is_harmful(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    if end < text.len() {
        // Writing to a string does not fail.
        let _ = write!(line, " ... ({} bytes in all)", text.len());
    }
    line
}

/// Controls, the separators that some viewers take for line ends, and the characters that turn the direction of writing.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(harmless("größer, 更大, \\n and {braces}"), "größer, 更大, \\n and {braces}");
    }

    #[test]
    fn control_characters_are_spelt_out() {
        assert_eq!(
            harmless("a\nb\r\tc\u{1b}[31m\u{202e}\u{2028}\u{0}"),
            "a\\nb\\r\\tc\\u{1b}[31m\\u{202e}\\u{2028}\\u{0}"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = format!("x{}", "é".repeat(MAX_LINE));
        let line = harmless(&text);
        assert!(line.ends_with(&format!("é ... ({} bytes in all)", text.len())), "{line}");
        assert_eq!(line.matches('é').count(), (MAX_LINE - 1) / 2);
    }
}
