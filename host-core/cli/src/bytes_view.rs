//! Shows bytes in two forms: a short one for people, the whole for programs.

use std::{fmt, str::FromStr};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::Serialize;
use untrusted_text::Shown;

/// How much of a text is shown to people, in characters.
const TEXT: usize = 120;
/// How many bytes are shown to people when they are not text.
const BINARY: usize = 32;

/// Bytes that went over a border.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BytesView {
    size: usize,
    hex: String,
    /// The bytes as text, if they are UTF-8.
    text: Option<String>,
}

impl BytesView {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let text = str::from_utf8(bytes).ok().map(str::to_owned);
        Self { size: bytes.len(), hex: HEXLOWER.encode(bytes), text }
    }
}

impl fmt::Display for BytesView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.size)?;
        match &self.text {
            _ if self.size == 0 => Ok(()),
            Some(text) if !text.contains(is_binary) => {
                let shown: String = text.chars().take(TEXT).collect();
                let more = if shown.len() < text.len() { "..." } else { "" };
                write!(f, " \"{}\"{more}", Shown::new(&shown))
            }
            _ => {
                let shown = &self.hex[..self.hex.len().min(2 * BINARY)];
                let more = if shown.len() < self.hex.len() { "..." } else { "" };
                write!(f, " {shown}{more}")
            }
        }
    }
}

/// Whether a character makes a text look like something else.
fn is_binary(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// Bytes that are written as hexadecimal digits, two for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

impl FromStr for Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .map(Self)
            .map_err(|_| "give an even number of hexadecimal digits, such as 00ff")
    }
}

#[cfg(test)]
mod tests {
    use super::{BytesView, Hex};

    #[test]
    fn people_see_text_as_text_and_the_rest_in_hexadecimal() {
        assert_eq!(BytesView::new(b"hello\n").to_string(), "6 bytes \"hello\\n\"");
        assert_eq!(BytesView::new(b"").to_string(), "0 bytes");
        assert_eq!(BytesView::new(b"\x00\xff").to_string(), "2 bytes 00ff");
        assert_eq!(BytesView::new(&[7; 100]).to_string(), format!("100 bytes {}...", "07".repeat(32)));
        assert_eq!(
            BytesView::new("ä".repeat(200).as_bytes()).to_string(),
            format!("400 bytes \"{}\"...", "ä".repeat(120))
        );
    }

    #[test]
    fn hexadecimal_comes_in_pairs() {
        assert_eq!("00fF".parse(), Ok(Hex(vec![0, 255])));
        assert_eq!("".parse(), Ok(Hex(Vec::new())));
        assert!("0".parse::<Hex>().is_err() && "zz".parse::<Hex>().is_err());
    }
}
