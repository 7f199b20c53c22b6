//! Reads bytes as they stand in a case: text, hexadecimal, or one byte many times.

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Deserialize;

/// Bytes in a case: a text, `{ hex = "ff00" }`, or `{ byte = 97, count = 65536 }`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "Written")]
pub struct Bytes(Vec<u8>);

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Text(String),
    Hex { hex: String },
    Many { byte: u8, count: usize },
}

/// The most bytes that a case may ask for.
const MOST: usize = 16 << 20;

impl TryFrom<Written> for Bytes {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Text(text) => Ok(Self(text.into_bytes())),
            Written::Hex { hex } => HEXLOWER_PERMISSIVE
                .decode(hex.as_bytes())
                .map(Self)
                .map_err(|error| format!("`{hex}` is not hexadecimal: {error}")),
            Written::Many { count, .. } if count > MOST => Err(format!("{count} bytes are more than {MOST}")),
            Written::Many { byte, count } => Ok(Self(vec![byte; count])),
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Bytes {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

/// Short ones as text, long ones by their beginning and length.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text: String =
        String::from_utf8_lossy(bytes).chars().take(40).flat_map(char::escape_default).collect();
    if bytes.len() <= 40 { format!("\"{text}\"") } else { format!("\"{text}…\" ({} bytes)", bytes.len()) }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_read_in_pairs() {
        let read = |hex: &str| Bytes::try_from(Written::Hex { hex: hex.to_owned() });
        assert_eq!(read("00fF7a").unwrap().as_slice(), [0, 255, 122]);
        assert_eq!(read("").unwrap().as_slice(), []);
        assert!(read("0").is_err() && read("0g").is_err());
    }
}
