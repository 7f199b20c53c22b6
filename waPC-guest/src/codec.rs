//! Gives messages types, by a codec that the guest names.

use alloc::{string::String, vec::Vec};
use core::fmt::Display;

use serde::{Serialize, de::DeserializeOwned};

use crate::{HostError, host_call, text::displayed};

/// How messages are written as bytes and read from them. Named by a guest in [`handlers!`](crate::handlers!) and at a call;
/// everything else follows when the guest is compiled.
///
/// `MessagePack`, with the feature `messagepack`, is what the ecosystem of waPC writes. Another is made in a few lines:
///
/// ```
/// use serde::{Serialize, de::DeserializeOwned};
/// use wapc_guest::Codec;
///
/// /// JSON, for guests that are talked to by hand.
/// struct Json;
///
/// impl Codec for Json {
///     type Error = String;
///
///     fn encode<T: Serialize + ?Sized>(operation: &str, message: &T) -> Result<Vec<u8>, String> {
///         serde_json::to_vec(message).map_err(|error| format!("`{operation}`: {error}"))
///     }
///
///     fn decode<T: DeserializeOwned>(operation: &str, bytes: &[u8]) -> Result<T, String> {
///         serde_json::from_slice(bytes).map_err(|error| format!("`{operation}`: {error}"))
///     }
/// }
///
/// wapc_guest::handlers! { codec = Json; "length" => typed length }
///
/// fn length(text: String) -> Result<usize, std::convert::Infallible> {
///     Ok(text.len())
/// }
///
/// # fn main() {
/// assert_eq!(guest_call("length", b"\"four\"".to_vec()), Ok(b"4".to_vec()));
/// # }
/// ```
pub trait Codec {
    /// Why a message could not be written or read. Its text names the operation.
    type Error: Display;

    /// Writes a message of `operation`.
    ///
    /// # Errors
    /// When the message has something that the codec cannot write.
    fn encode<T: Serialize + ?Sized>(operation: &str, message: &T) -> Result<Vec<u8>, Self::Error>;

    /// Reads a message of `operation`.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    fn decode<T: DeserializeOwned>(operation: &str, bytes: &[u8]) -> Result<T, Self::Error>;

    /// Sends a message to the host and reads the reply: [`host_call`] with types.
    ///
    /// # Errors
    /// As [`host_call`], and [`HostError::Codec`] when the message could not be written or the reply not be read.
    fn call<T, R>(binding: &str, namespace: &str, operation: &str, message: &T) -> Result<R, HostError>
    where
        T: Serialize + ?Sized,
        R: DeserializeOwned,
    {
        let failed = |error: Self::Error| HostError::of_codec(namespace, operation, displayed(&error));
        let payload = Self::encode(operation, message).map_err(failed)?;
        let reply = host_call(binding, namespace, operation, &payload)?;
        Self::decode(operation, &reply).map_err(failed)
    }
}

/// Reads the message, calls the handler, writes its reply; an error becomes its text.
///
/// What [`handlers!`](crate::handlers!) makes of a line with `typed`, for crates that have a macro of their own.
///
/// # Errors
/// The text of the codec's error or of the handler's.
pub fn typed<C, T, R, E>(
    operation: &str,
    handler: impl FnOnce(T) -> Result<R, E>,
    payload: &[u8],
) -> Result<Vec<u8>, String>
where
    C: Codec,
    T: DeserializeOwned,
    R: Serialize,
    E: Display,
{
    let message = C::decode(operation, payload).map_err(|error| displayed(&error))?;
    let reply = handler(message).map_err(|error| displayed(&error))?;
    C::encode(operation, &reply).map_err(|error| displayed(&error))
}
