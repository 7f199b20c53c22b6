//! Makes texts without panicking: a lack of memory cuts them short and does not end the run.
//!
//! That is how this crate makes all of its texts. It does not panic itself, so that a guest which does not either has
//! nothing in its module of what a panic's message needs.

use alloc::string::String;
use core::fmt::{self, Display, Write};

/// The text that these bytes are. What is not UTF-8 among them becomes U+FFFD, the replacement character.
///
/// As [`String::from_utf8_lossy`], but for a module that runs out of memory: the text is cut short and nothing panics.
///
/// ```
/// assert_eq!(wapc_guest::text_lossy("naïve".as_bytes()), "naïve");
/// assert_eq!(wapc_guest::text_lossy(b"na\xefve"), "na\u{fffd}ve");
/// ```
#[must_use]
pub fn text_lossy(bytes: &[u8]) -> String {
    let mut text = Text::default();
    for chunk in bytes.utf8_chunks() {
        text.push(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push("\u{fffd}");
        }
    }
    text.0
}

/// What `value` displays as.
pub(crate) fn displayed(value: &dyn Display) -> String {
    let mut text = Text::default();
    // A value that fails to display itself has said what it could.
    let _ = write!(text, "{value}");
    text.0
}

/// A text of one's own.
pub(crate) fn owned(text: &str) -> String {
    let mut copy = Text::default();
    copy.push(text);
    copy.0
}

/// The error text for an operation that no handler was registered for.
#[doc(hidden)]
#[must_use]
pub fn unknown_operation(operation: &str, known: &[&str]) -> String {
    let mut text = Text::default();
    text.push("this module has no operation `");
    text.push(operation);
    text.push("`; it has:");
    for (position, name) in known.iter().enumerate() {
        let first_of_its_name = known.iter().position(|other| other == name) == Some(position);
        if first_of_its_name {
            text.push(" `");
            text.push(name);
            text.push("`");
        }
    }
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    /// Once in a module, not once for each piece.
    #[inline(never)]
    fn push(&mut self, piece: &str) {
        crate::ffi::append(&mut self.0, piece);
    }
}

impl Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.push(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::ToOwned, format, string::String};

    use super::{displayed, owned, text_lossy};

    #[test]
    fn a_lossy_text_is_that_of_the_standard_library() {
        let samples: [&[u8]; 6] =
            [b"", b"plain", "ü→🦀".as_bytes(), b"\xff", b"a\xf0\x9fb\xe2\x82", b"\xc0\x80z"];
        for sample in samples {
            assert_eq!(text_lossy(sample), String::from_utf8_lossy(sample), "{sample:?}");
        }
    }

    #[test]
    fn texts_grow_as_they_need_to() {
        let long = "long and longer, ".repeat(1000);
        assert_eq!(owned(&long), long);
        assert_eq!(displayed(&format_args!("{long}{}{:>4}", 'ü', 7)), format!("{long}ü   7"));
        assert_eq!(owned(""), "".to_owned());
    }
}
