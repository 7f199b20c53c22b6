//! Writes JSON that is safe on a terminal and keeps its numbers in readers that have only doubles.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

/// The largest whole number up to which a double (RFC 8259 §6) has every one.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// Writes a value on one line, without a line break.
pub(crate) fn write(value: &impl Serialize, to: impl Write) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(to, Careful))
}

/// As `serde_json` writes, but characters that have no picture of their own are escaped, and whole numbers that a double could not
/// hold are written as text.
struct Careful;

impl Formatter for Careful {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut characters = rest[at..].chars();
            let hidden = characters.next();
            for unit in hidden.iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        if value > LARGEST_EXACT { write!(writer, "\"{value}\"") } else { write!(writer, "{value}") }
    }

    fn write_i64<W: ?Sized + Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        if value.unsigned_abs() > LARGEST_EXACT {
            write!(writer, "\"{value}\"")
        } else {
            write!(writer, "{value}")
        }
    }
}

/// Whether a terminal would obey a character, or turn text around by it, in place of showing it.
fn is_hidden(c: char) -> bool {
    c >= '\u{7f}' && c.escape_debug().nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use super::write;

    fn written(value: &impl serde::Serialize) -> String {
        let mut bytes = Vec::new();
        write(value, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_text_reaches_a_terminal_as_a_command_and_every_text_is_read_back() {
        let all: String = ('\0'..=char::MAX).collect();
        let json = written(&all);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), all);
        let harmful = |c: char| {
            c.is_control()
                || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        };
        assert!(!json.contains(harmful));
        assert_eq!(
            written(&"a\u{9b}31m\u{202e}\u{61c}\u{7f}\u{e0001}ä"),
            r#""a\u009b31m\u202e\u061c\u007f\udb40\udc01ä""#
        );
    }

    #[test]
    fn numbers_that_a_double_would_change_are_text() {
        assert_eq!(
            written(&[9_007_199_254_740_991_u64, 9_007_199_254_740_992, u64::MAX]),
            r#"[9007199254740991,"9007199254740992","18446744073709551615"]"#
        );
        assert_eq!(
            written(&[-9_007_199_254_740_991_i64, i64::MIN, 7]),
            r#"[-9007199254740991,"-9223372036854775808",7]"#
        );
    }
}
