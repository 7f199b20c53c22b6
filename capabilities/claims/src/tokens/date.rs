//! Reads times as RFC 7519 §2 writes them (`NumericDate`): seconds since 1970, which may have a fraction.
//!
//! Clocks here tell whole seconds, so a fraction is rounded to where the token is good for less: a
//! beginning up, an end down.

use std::fmt;

use serde::{
    Deserializer,
    de::{Error, Unexpected, Visitor},
};

/// The first number that is no `u64` any more.
const BEYOND: f64 = 18_446_744_073_709_551_616.0;

/// Reads a time from which on something holds.
pub(crate) fn beginning<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(NumericDate(f64::ceil)).map(Some)
}

/// Reads a time up to which something holds.
pub(crate) fn end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    moment(deserializer).map(Some)
}

/// Reads the second in which something was.
pub(crate) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(NumericDate(f64::floor))
}

/// Holds how fractions are rounded.
struct NumericDate(fn(f64) -> f64);

impl Visitor<'_> for NumericDate {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time in seconds since 1970")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<u64, E> {
        Ok(seconds)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<u64, E> {
        if !(0.0..BEYOND).contains(&seconds) {
            return Err(E::invalid_value(Unexpected::Float(seconds), &self));
        }
        let whole = (self.0)(seconds);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(whole as u64)
    }
}
