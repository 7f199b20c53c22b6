//! Reads and writes MessagePack, as far as these contracts and their users need it.
//!
//! <https://github.com/msgpack/msgpack/blob/master/spec.md>

mod decoder;
mod elements;
mod encoder;
mod fault;
mod reader;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::any::type_name;

use serde::{Serialize, de::DeserializeOwned};

use self::{decoder::Decoder, encoder::Encoder};
use crate::CodecError;

/// The bytes of `value`: structures as maps with their field names.
///
/// # Errors
/// [`CodecError::Encode`] when the value's own `Serialize` fails or holds what MessagePack has nothing for; no message of
/// this crate does.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut encoder = Encoder::new();
    match value.serialize(&mut encoder) {
        Ok(()) => Ok(encoder.into_bytes()),
        Err(fault) => Err(CodecError::Encode { type_name: type_name::<T>(), reason: fault.to_string() }),
    }
}

/// Reads the message that `operation` takes or answers with; leniently, as the crate's documentation says.
///
/// Never takes memory for more elements than `payload` has bytes for, whatever lengths it claims.
///
/// # Errors
/// Any [`CodecError`] but `Encode`; each names the operation.
pub fn decode<T: DeserializeOwned>(operation: &str, payload: &[u8]) -> Result<T, CodecError> {
    let mut decoder = Decoder::new(payload);
    T::deserialize(&mut decoder)
        .map_err(|fault| fault.into_error(String::from(operation), payload.len(), decoder.offset()))
}
