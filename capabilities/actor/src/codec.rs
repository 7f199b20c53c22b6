//! Gives the contracts' codec the form that handlers of this crate name.

use alloc::vec::Vec;

use capability_contracts::{CodecError, decode, encode};
use serde::{Serialize, de::DeserializeOwned};
use wapc_guest::Codec;

/// MessagePack as the contracts write it and read it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Contracts;

impl Codec for Contracts {
    type Error = CodecError;

    fn encode<T: Serialize + ?Sized>(_operation: &str, message: &T) -> Result<Vec<u8>, CodecError> {
        encode(message)
    }

    fn decode<T: DeserializeOwned>(operation: &str, bytes: &[u8]) -> Result<T, CodecError> {
        decode(operation, bytes)
    }
}
