//! Makes strangers' text safe to show to people: in errors, logs and terminals.
//!
//! ```text
//! guest, token, client, server ──▶ Shown ──▶ error, log, Display, terminal
//! ```
//!
//! ```
//! use untrusted_text::Shown;
//!
//! let name = "counter\nerror: all is lost\u{1b}[2J";
//! assert_eq!(format!("no actor \"{}\"", Shown::new(name)), "no actor \"counter\\nerror: all is lost\\u{1b}[2J\"");
//! ```
#![no_std]
#![forbid(unsafe_code)]

use core::fmt::{self, Write};

/// The most characters that [`Shown`] writes of a text unless it is told otherwise.
pub const LONGEST: usize = 160;
/// The most characters that [`Shown::words`] writes.
pub const LONGEST_WORDS: usize = 1024;

/// A text, written so that it can do no harm where people read it.
///
/// Characters that have no picture of their own are spelt out as Rust spells them (`\n`, `\u{1b}`): controls (C0, C1 and DEL), format
/// characters (those that turn the direction of writing, and those of no width), the separators of lines and paragraphs, characters for
/// private use and unassigned ones, and a combining mark at the start, which would change what stands before it. What is longer than the bound, in
/// characters, is cut and ends in `...`. Backslashes and quotation marks stay as they are, so that text which is shown twice is
/// not changed by the second time.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    text: &'a str,
    longest: usize,
    lines: bool,
}

impl<'a> Shown<'a> {
    /// One line of at most [`LONGEST`] characters.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, longest: LONGEST, lines: false }
    }

    /// One line of at most [`LONGEST_WORDS`] characters: for what somebody says, where a name would be too short.
    #[must_use]
    pub const fn words(text: &'a str) -> Self {
        Self { text, longest: LONGEST_WORDS, lines: false }
    }

    /// At most so many characters of the text, of which each may take up to ten when it is spelt out.
    #[must_use]
    pub const fn up_to(self, characters: usize) -> Self {
        Self { longest: characters, ..self }
    }

    /// Line feeds and tabs stay as they are.
    #[must_use]
    pub const fn with_lines(self) -> Self {
        Self { lines: true, ..self }
    }

    fn write_to<'f, 'b>(&self, f: &'f mut fmt::Formatter<'b>) -> Writer<'f, 'b> {
        Writer { to: f, left: self.longest, lines: self.lines, starts: true, cut: false }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = self.write_to(f);
        writer.write_str(self.text)?;
        writer.end()
    }
}

/// Anything that has a text, such as a path, written as [`Shown::words`] writes a text.
///
/// ```
/// use std::path::Path;
///
/// use untrusted_text::ShownOf;
///
/// let path = Path::new("counter.wasm\nerror: all is lost");
/// assert_eq!(ShownOf(path.display()).to_string(), "counter.wasm\\nerror: all is lost");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ShownOf<T>(pub T);

impl<T: fmt::Display> fmt::Display for ShownOf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut writer = Shown::words("").write_to(f);
        write!(writer, "{}", self.0)?;
        writer.end()
    }
}

/// Writes what comes in, in whatever pieces, as one text that is [`Shown`].
struct Writer<'f, 'b> {
    to: &'f mut fmt::Formatter<'b>,
    /// How many characters there is room for.
    left: usize,
    lines: bool,
    /// Whether nothing stands before the next character that it could be joined to.
    starts: bool,
    /// Whether there was no room for something.
    cut: bool,
}

impl Writer<'_, '_> {
    fn stays(&self, c: char) -> bool {
        matches!(c, ' '..='~') || (self.lines && matches!(c, '\n' | '\t')) || (!self.starts && joins(c))
    }

    fn end(self) -> fmt::Result {
        if self.cut { self.to.write_str("...") } else { Ok(()) }
    }
}

impl fmt::Write for Writer<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                self.cut = true;
                break;
            }
            self.left -= 1;
            if self.stays(c) {
                self.to.write_char(c)?;
            } else {
                write!(self.to, "{}", c.escape_debug())?;
            }
            self.starts = self.lines && c == '\n';
        }
        Ok(())
    }
}

/// As much of a text as has to be kept so that [`Shown`] writes the same of it: one character more than is shown.
///
/// ```
/// use untrusted_text::{Shown, cut};
///
/// let long = "x".repeat(100_000);
/// assert_eq!(cut(&long).len(), 161);
/// assert_eq!(Shown::new(cut(&long)).to_string(), Shown::new(&long).to_string());
/// ```
#[must_use]
pub fn cut(text: &str) -> &str {
    &text[..end_of(text, LONGEST + 1)]
}

/// Where so many characters of a text end, in bytes.
fn end_of(text: &str, characters: usize) -> usize {
    // A character has at least one byte, so most texts need no counting.
    if text.len() <= characters {
        return text.len();
    }
    text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at)
}

/// Whether a character is written as it is behind another, such as a combining mark.
fn joins(c: char) -> bool {
    let mut pair = [b'a'; 5];
    let length = c.encode_utf8(&mut pair[1..]).len();
    // A text's own `escape_debug` spells combining marks out at its start only.
    let pair = core::str::from_utf8(&pair[..=length]).unwrap_or_default();
    pair.escape_debug().nth(1) == Some(c)
}

/// The README's example runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    extern crate std;
    use std::{format, string::ToString};

    use super::{LONGEST_WORDS, Shown, ShownOf, cut};

    #[test]
    fn text_cannot_write_to_a_terminal_or_forge_a_line() {
        assert_eq!(Shown::new("a\u{1b}[2Jb\nc\u{202e}d").to_string(), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(
            Shown::new("\u{9b}31m\u{7f}\r\t\0\u{2028}\u{200b}\u{2066}\u{feff}\u{e000}").to_string(),
            "\\u{9b}31m\\u{7f}\\r\\t\\0\\u{2028}\\u{200b}\\u{2066}\\u{feff}\\u{e000}"
        );
    }

    #[test]
    fn no_character_of_unicode_gets_through_that_has_no_picture() {
        for c in '\0'..=char::MAX {
            let shown = format!("{}", Shown::new(&format!("a{c}")));
            let harmful = c.is_control()
                || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
            assert!(!harmful || shown.is_ascii(), "{c:?} was shown as {shown:?}");
        }
    }

    #[test]
    fn ordinary_text_of_any_language_stays_as_it_is() {
        for text in ["größer, 更大, \\n and {braces} \"1\" 'C:\\x'", "e\u{301}tude", "हिन्दी", "עברית", "🦀"]
        {
            assert_eq!(Shown::new(text).to_string(), text);
        }
        assert_eq!(
            Shown::new("\u{301}a").to_string(),
            "\\u{301}a",
            "it would stand on the quotation mark before it"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(Shown::new(&"é".repeat(161)).to_string(), format!("{}...", "é".repeat(160)));
        assert_eq!(Shown::new(&"é".repeat(160)).to_string(), "é".repeat(160));
        let words = Shown::words(&"é".repeat(5000)).to_string();
        assert_eq!(words, format!("{}...", "é".repeat(LONGEST_WORDS)));
        assert_eq!(Shown::new("abc").up_to(0).to_string(), "...");
    }

    #[test]
    fn what_comes_in_pieces_is_shown_as_one_text() {
        let (name, mark) = ("a\u{1b}[2J\n", "\u{301}");
        assert_eq!(
            ShownOf(format_args!("{name}b{mark}/{mark}")).to_string(),
            "a\\u{1b}[2J\\nb\u{301}/\u{301}"
        );
        assert_eq!(ShownOf(format_args!("{mark}{name}")).to_string(), "\\u{301}a\\u{1b}[2J\\n");
        let half = "é".repeat(LONGEST_WORDS / 2);
        assert_eq!(ShownOf(format_args!("{half}{half}")).to_string(), format!("{half}{half}"));
        assert_eq!(ShownOf(format_args!("{half}{half}{half}")).to_string(), format!("{half}{half}..."));
    }

    #[test]
    fn lines_stay_lines_where_that_is_wanted() {
        assert_eq!(Shown::new("a\n\tb\r\u{1b}").with_lines().to_string(), "a\n\tb\\r\\u{1b}");
    }

    #[test]
    fn a_text_that_was_cut_or_shown_is_shown_as_before() {
        for text in ["", "short\n\\", &"x".repeat(160), &"ä".repeat(161), &"ä".repeat(5000)] {
            assert_eq!(Shown::new(cut(text)).to_string(), Shown::new(text).to_string());
            let once = Shown::new(text).up_to(100).to_string();
            assert_eq!(Shown::new(&once).to_string(), once);
        }
    }
}
