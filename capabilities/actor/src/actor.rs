//! Calls other actors, by their public key. The caller's grants must name the key.

use alloc::vec::Vec;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, call::DEFAULT_LINK};

/// Sends bytes to the actor with the public key `key` (56 characters, the first an M) and returns the reply's bytes.
///
/// # Errors
/// [`Error::Host`] with the words of that actor or the host.
pub fn call(key: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
    crate::call(DEFAULT_LINK, key, operation, payload)
}

/// Sends a message to the actor with the public key `key` and reads the reply's.
///
/// # Errors
/// [`Error::Host`] with the words of that actor or the host; [`Error::Codec`] when the reply is not what was expected.
pub fn request<T, R>(key: &str, operation: &str, message: &T) -> Result<R, Error>
where
    T: Serialize + ?Sized,
    R: DeserializeOwned,
{
    crate::request(DEFAULT_LINK, key, operation, message)
}
