//! Writes a record as one line: JSON in ASCII, closed by the hash of what stands before it.

use std::io::{self, Write};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use crate::hash::{Head, RecordHash};

/// The longest line that is written or read, in bytes without its end. The largest event has not three quarters of that, however its
/// texts are escaped.
pub(crate) const LONGEST_LINE: usize = 1024 * 1024;

/// The most bytes of one text; the rest is cut off.
const LONGEST_TEXT: usize = 1024;

const BEFORE_HASH: &[u8] = b",\"hash\":\"";
const AFTER_HASH: &[u8] = b"\"}";
const DIGITS: usize = 64;

/// What every record has; whatever else it says is for others to read.
#[derive(Debug, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) seq: u64,
    pub(crate) at: u64,
    pub(crate) prev: RecordHash,
    /// Its kind, which may be one that a later version knows.
    pub(crate) event: String,
    #[serde(rename = "hash")]
    _hash: IgnoredAny,
}

#[derive(Serialize)]
struct WrittenRecord<'a, E> {
    seq: u64,
    at: u64,
    prev: RecordHash,
    #[serde(flatten)]
    event: &'a E,
}

/// Appends the line of the record that follows `head`, its end included, and returns the head that it makes.
pub(crate) fn append(lines: &mut Vec<u8>, head: Head, at: u64, event: &impl Serialize) -> Head {
    let records = head.records + 1;
    let start = lines.len();
    let record = WrittenRecord { seq: records, at, prev: head.hash, event };
    record
        .serialize(&mut Serializer::with_formatter(&mut *lines, Careful::default()))
        .expect("a record has only text for keys, and memory takes all that is written to it");
    // The brace that closes the record comes after its hash.
    lines.pop();
    let hash = RecordHash::of(&lines[start..]);
    lines.extend_from_slice(BEFORE_HASH);
    lines.extend_from_slice(hash.to_string().as_bytes());
    lines.extend_from_slice(AFTER_HASH);
    lines.push(b'\n');
    Head { records, hash }
}

/// Takes a line without its end apart: what is hashed, and the hash that the line says it has.
pub(crate) fn split(line: &[u8]) -> Option<(&[u8], RecordHash)> {
    let (rest, digits) = line.strip_suffix(AFTER_HASH)?.split_last_chunk::<DIGITS>()?;
    let hashed = rest.strip_suffix(BEFORE_HASH)?;
    Some((hashed, str::from_utf8(digits).ok()?.parse().ok()?))
}

/// Writes texts in ASCII, so that they cannot write to a terminal, and cuts those that are too long.
#[derive(Debug, Default)]
struct Careful {
    /// How many bytes the text that is being written may still have.
    room: usize,
    /// How many bytes of it were left out.
    cut: usize,
}

impl Careful {
    /// The part of a text that there is room for.
    fn fitting<'a>(&mut self, fragment: &'a str) -> &'a str {
        // Once something was left out, nothing that comes after it is written either.
        let room = if self.cut > 0 { 0 } else { self.room };
        let fitting = &fragment[..fragment.floor_char_boundary(room)];
        self.room -= fitting.len();
        self.cut += fragment.len() - fitting.len();
        fitting
    }
}

impl Formatter for Careful {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        *self = Self { room: LONGEST_TEXT, cut: 0 };
        CompactFormatter.begin_string(writer)
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.cut > 0 {
            write!(writer, "... ({} more bytes)", self.cut)?;
        }
        CompactFormatter.end_string(writer)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in self.fitting(fragment).chars() {
            if c.is_ascii() && !c.is_ascii_control() {
                writer.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        // Every character that has an escape of its own is one byte.
        match self.fitting("?") {
            "" => Ok(()),
            _ => CompactFormatter.write_char_escape(writer, escape),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Event, Token};

    fn line(event: &Event<'_>) -> String {
        let mut lines = Vec::new();
        append(&mut lines, Head::START, 0, event);
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn what_a_stranger_wrote_is_ascii_and_comes_back_whole() {
        let name = "a\u{1b}[2J\nb\u{202e}\u{7f}\u{9b}ä😀\"\\\",\"hash\":\"";
        let line = line(&Event::ActorRefused { actor: None, name: Some(name), reason: "" });
        assert!(line.trim_end().bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["name"], name);
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        for (text, kept) in [("x".repeat(1024), 1024), ("x".repeat(1025), 1024), ("\n".repeat(3000), 1024)] {
            let value: serde_json::Value =
                serde_json::from_str(&line(&Event::ActorBarred { actor: "M", reason: &text })).unwrap();
            let more = text.len() - kept;
            let marked = if more > 0 { format!("... ({more} more bytes)") } else { String::new() };
            assert_eq!(value["reason"], format!("{}{marked}", &text[..kept]));
        }
        let text = format!("{}ä\nxyz", "x".repeat(1023));
        let value: serde_json::Value =
            serde_json::from_str(&line(&Event::ActorBarred { actor: "M", reason: &text })).unwrap();
        assert_eq!(value["reason"], format!("{}... (6 more bytes)", "x".repeat(1023)));
    }

    #[test]
    fn a_long_policy_is_told_by_its_hash() {
        let one = line(&Event::PolicyReplaced { policy: &"x".repeat(2000) });
        let other = line(&Event::PolicyReplaced { policy: &format!("{}y", "x".repeat(1999)) });
        let policy = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["policy"].clone();
        assert_eq!(policy(&one)["text"], policy(&other)["text"]);
        assert_ne!(policy(&one)["sha256"], policy(&other)["sha256"]);
    }

    #[test]
    fn the_largest_record_fits_in_a_line() {
        let text = "\u{1}".repeat(100_000);
        for grants in [vec![text.clone(); 100], vec![String::new(); 100_000], vec!["\u{1}".repeat(1000); 100]]
        {
            let token = Token {
                id: &text,
                issuer: &text,
                name: Some(&text),
                revision: Some(i32::MIN),
                version: Some(&text),
                module_hash: &text,
            };
            let line = line(&Event::ActorSwapped {
                actor: &text,
                old: token,
                new: token,
                authority: &[Authority { key: &text, token: Some(&text) }; 100],
                gained: &grants,
                lost: &grants,
                forced: false,
                handover: Some(&text),
            });
            assert!(line.len() < LONGEST_LINE * 3 / 4, "{}", line.len());
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            let shown = value["gained"].as_array().unwrap();
            let last = format!("... ({} more)", grants.len() - (shown.len() - 1));
            assert_eq!(shown.last().unwrap(), &last);
        }
    }
}
