//! Says why bytes cannot be read, before it is known what operation they belong to.

use alloc::string::{String, ToString};
use core::fmt;

use serde::{
    de::{self, Expected, Unexpected},
    ser,
};

use super::reader::Head;
use crate::CodecError;

/// How many structures inside structures are followed.
pub(super) const DEPTH_LIMIT: usize = 64;

#[derive(Debug)]
pub(super) enum Fault {
    Truncated,
    TooDeep,
    OutOfRange { value: String, expected: &'static str },
    Other(String),
}

impl Fault {
    #[cold]
    pub(super) fn other(reason: &str) -> Self {
        Self::Other(String::from(reason))
    }

    #[cold]
    pub(super) fn expected(expected: &str, found: &str) -> Self {
        Self::Other(["expected ", expected, ", found ", found].concat())
    }

    /// `number` does not fit into the type `expected`.
    #[cold]
    pub(super) fn out_of_range(number: Head, expected: &'static str) -> Self {
        let value = match number {
            Head::Unsigned(number) => number.to_string(),
            Head::Negative(number) => number.to_string(),
            other => other.name().to_string(),
        };
        Self::OutOfRange { value, expected }
    }

    /// The same as an error of `operation`, whose payload has `size` bytes and was read up to `offset`.
    #[cold]
    pub(super) fn into_error(self, operation: String, size: usize, offset: usize) -> CodecError {
        match self {
            Self::Truncated => CodecError::Truncated { operation, size },
            Self::TooDeep => CodecError::TooDeep { operation, limit: DEPTH_LIMIT },
            Self::OutOfRange { value, expected } => CodecError::OutOfRange { operation, value, expected },
            Self::Other(reason) => CodecError::Malformed { operation, size, offset, reason },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "too few bytes",
            Self::TooDeep => "too many levels",
            Self::OutOfRange { value, .. } => value,
            Self::Other(reason) => reason,
        })
    }
}

impl core::error::Error for Fault {}

/// Has words of its own where serde's would bring the whole of float formatting, which is much code for a guest.
impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(&expected.to_string(), name(&found))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::expected(&expected.to_string(), name(&found))
    }
}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }
}

fn name(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "text",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit | Unexpected::Option => "nil",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a map",
        _ => "something else",
    }
}
