//! Makes an actor's words fit for one line of a log.

use std::fmt::Write;

use untrusted_text::Shown;

/// How many bytes of an actor's text are written, before control characters are spelt out. What is longer is cut.
pub const MAX_LINE: usize = 8 * 1024;

/// The text in one line: control characters spelt out, so that an actor can neither forge another line nor send commands
/// to a terminal; cut at [`MAX_LINE`].
pub(crate) fn harmless(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_LINE);
    let mut line = Shown::new(&text[..end]).up_to(MAX_LINE).to_string();
    if end < text.len() {
        // Writing to a string does not fail.
        let _ = write!(line, " ... ({} bytes in all)", text.len());
    }
    line
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
            "a\\nb\\r\\tc\\u{1b}[31m\\u{202e}\\u{2028}\\0"
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
