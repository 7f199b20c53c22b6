//! Names the numbers that are passed to a module and back, and their types, and reads them from
//! text.

use std::{fmt, str::FromStr};

/// The type of a number that WebAssembly passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit floating point number (IEEE 754).
    F32,
    /// A 64-bit floating point number (IEEE 754).
    F64,
}

impl ValueType {
    /// Reads a number of this type as it is written in the text format of numbers: decimal, or
    /// hexadecimal with `0x` for integers. Integers may be given signed or unsigned, as WebAssembly
    /// does not tell them apart. A floating point number is rounded to the nearest, and one that is
    /// too large for its type is refused; infinity is `inf`, and what is not a number `nan`.
    ///
    /// # Errors
    /// [`ParseValueError`] when the text is no such number or does not fit.
    pub fn parse(self, text: &str) -> Result<Value, ParseValueError> {
        let failed = || ParseValueError { text: text.chars().take(80).collect(), expected: self };
        match self {
            Self::I32 => integer(text)
                .and_then(|n| i32::try_from(n).ok().or_else(|| u32::try_from(n).ok().map(u32::cast_signed)))
                .map(Value::I32),
            Self::I64 => integer(text)
                .and_then(|n| i64::try_from(n).ok().or_else(|| u64::try_from(n).ok().map(u64::cast_signed)))
                .map(Value::I64),
            Self::F32 => {
                f32::from_str(text).ok().filter(|n| n.is_finite() || !is_finite(text)).map(Value::F32)
            }
            Self::F64 => {
                f64::from_str(text).ok().filter(|n| n.is_finite() || !is_finite(text)).map(Value::F64)
            }
        }
        .ok_or_else(failed)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// A text that is no number of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a number of type {expected}")]
pub struct ParseValueError {
    /// The text, cut to a length fit for a message.
    pub text: String,
    /// The type that was asked for.
    pub expected: ValueType,
}

/// A number that WebAssembly passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A 32-bit integer.
    I32(i32),
    /// A 64-bit integer.
    I64(i64),
    /// A 32-bit floating point number.
    F32(f32),
    /// A 64-bit floating point number.
    F64(f64),
}

impl Value {
    /// The number's type.
    #[must_use]
    pub fn ty(&self) -> ValueType {
        match self {
            Self::I32(_) => ValueType::I32,
            Self::I64(_) => ValueType::I64,
            Self::F32(_) => ValueType::F32,
            Self::F64(_) => ValueType::F64,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(n) => n.fmt(f),
            Self::I64(n) => n.fmt(f),
            Self::F32(n) => n.fmt(f),
            Self::F64(n) => n.fmt(f),
        }
    }
}

/// Whether a text that was read as a floating point number has digits: it is no infinity then, nor
/// what is not a number.
fn is_finite(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            i128::from_str_radix(hex, 16).ok()?
        }
        None if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_signed_and_unsigned() {
        assert_eq!(ValueType::I32.parse("-1"), Ok(Value::I32(-1)));
        assert_eq!(ValueType::I32.parse("4294967295"), Ok(Value::I32(-1)));
        assert_eq!(ValueType::I32.parse("0x10"), Ok(Value::I32(16)));
        assert_eq!(ValueType::I64.parse("18446744073709551615"), Ok(Value::I64(-1)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["4294967296", "-2147483649", "two", "", "-", "0x", "--1", "0x-1", "+1", "1.5"] {
            assert!(ValueType::I32.parse(text).is_err(), "{text}");
        }
        assert!(ValueType::F64.parse("1.5").is_ok());
    }

    #[test]
    fn floats_that_do_not_fit_are_no_infinities() {
        for (ty, text) in [
            (ValueType::F32, "1e39"),
            (ValueType::F32, "-3.4028236e38"),
            (ValueType::F32, "340282356779733661637539395458142568448"),
            (ValueType::F64, "1e309"),
            (ValueType::F64, "-1.8e308"),
        ] {
            assert!(ty.parse(text).is_err(), "{text}");
        }
        assert_eq!(ValueType::F32.parse("3.4028235e38"), Ok(Value::F32(f32::MAX)));
        assert_eq!(ValueType::F64.parse("-1.7976931348623157e308"), Ok(Value::F64(f64::MIN)));
        assert_eq!(ValueType::F32.parse("1e-60"), Ok(Value::F32(0.0)), "the nearest");
        assert_eq!(ValueType::F32.parse("-inf"), Ok(Value::F32(f32::NEG_INFINITY)));
        assert_eq!(ValueType::F64.parse("Infinity"), Ok(Value::F64(f64::INFINITY)));
        assert!(matches!(ValueType::F64.parse("NaN"), Ok(Value::F64(n)) if n.is_nan()));
    }
}
