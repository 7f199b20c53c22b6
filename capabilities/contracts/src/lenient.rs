//! Reads fields that others write in more than one way.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Deserializer, de};

/// Bodies take no more room up front than this, whatever length the sender claims.
const FIRST_RESERVE: usize = 4096;

/// Reads a field that may be `nil`, as some encoders write what is empty.
pub(crate) fn nil_is_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Bodies: written as `bin`; read as `bin`, as text, as an array of integers from 0 to 255, or as `nil`.
pub(crate) mod body {
    use serde::Serializer;

    use super::{Body, Deserializer, Vec};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Body)
    }
}

struct Body;

impl<'de> de::Visitor<'de> for Body {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes or an array of integers from 0 to 255")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.as_bytes().to_vec())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<u8>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::with_capacity(elements.size_hint().unwrap_or_default().min(FIRST_RESERVE));
        while let Some(byte) = elements.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}
