//! Calls whatever stands behind a link.

use alloc::vec::Vec;

use capability_contracts::{decode, encode};
use serde::{Serialize, de::DeserializeOwned};
use wapc_guest::host_call;

use crate::Error;

/// The link's name when an actor has one link of a capability only.
pub(crate) const DEFAULT_LINK: &str = "default";

/// Sends bytes over a link and returns the reply's bytes: for capabilities that this crate has no client for.
///
/// # Errors
/// [`Error::Host`] with the words of the provider or the host.
pub fn call(link: &str, capability: &str, operation: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(host_call(link, capability, operation, payload)?)
}

/// Sends a message over a link and reads the reply's.
///
/// # Errors
/// [`Error::Host`] with the words of the provider or the host; [`Error::Codec`] when the reply is not what was expected.
pub fn request<T, R>(link: &str, capability: &str, operation: &str, message: &T) -> Result<R, Error>
where
    T: Serialize + ?Sized,
    R: DeserializeOwned,
{
    Ok(decode(operation, &call(link, capability, operation, &encode(message)?)?)?)
}

/// Sends a message over a link and ignores the reply's bytes.
pub(crate) fn tell<T>(link: &str, capability: &str, operation: &str, message: &T) -> Result<(), Error>
where
    T: Serialize + ?Sized,
{
    call(link, capability, operation, &encode(message)?).map(drop)
}
