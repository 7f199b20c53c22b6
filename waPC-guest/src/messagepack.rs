//! Reads and writes MessagePack, for guests whose messages are types of their own.

use alloc::{format, string::String, vec::Vec};

use serde::{Serialize, de::DeserializeOwned};

use crate::Codec;

/// MessagePack as the ecosystem of waPC writes it: structures as maps with the names of their fields, numbers as short as
/// they fit. Structures that come as arrays are read as well. Needs no standard library.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use wapc_guest::{Codec, HostError, MessagePack};
///
/// #[derive(Serialize, Deserialize)]
/// struct AddRequest {
///     left: u32,
///     right: u32,
/// }
///
/// wapc_guest::handlers! {
///     codec = MessagePack;
///     "add" => typed add,
///     "sum" => typed sum,
/// }
///
/// fn add(request: AddRequest) -> Result<u32, &'static str> {
///     request.left.checked_add(request.right).ok_or("the sum does not fit")
/// }
///
/// /// Lets the host do the same.
/// fn sum(request: AddRequest) -> Result<u32, HostError> {
///     MessagePack::call("default", "example:calculator", "Add", &request)
/// }
///
/// # fn main() {
/// // A handler is a function, and is tested as one; or over the bytes that a host sends.
/// assert_eq!(add(AddRequest { left: 1, right: 2 }), Ok(3));
/// assert_eq!(guest_call("add", b"\x82\xa4left\x01\xa5right\x02".to_vec()), Ok(vec![3]));
/// assert_eq!(
///     guest_call("add", b"\x81\xa4left\x01".to_vec()),
///     Err("the message of `add` cannot be read: missing field `right`".to_string()),
/// );
///
/// let host = wapc_guest::testing::install(|call| {
///     let AddRequest { left, right } = MessagePack::decode("Add", &call.payload)?;
///     MessagePack::encode("Add", &(left + right))
/// });
/// assert_eq!(sum(AddRequest { left: 20, right: 22 }), Ok(42));
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MessagePack;

impl Codec for MessagePack {
    type Error = String;

    fn encode<T: Serialize + ?Sized>(operation: &str, message: &T) -> Result<Vec<u8>, String> {
        messagepack_serde::to_vec(&message)
            .map_err(|error| format!("a message of `{operation}` cannot be written: {error}"))
    }

    fn decode<T: DeserializeOwned>(operation: &str, bytes: &[u8]) -> Result<T, String> {
        messagepack_serde::from_slice(bytes)
            .map_err(|error| format!("the message of `{operation}` cannot be read: {error}"))
    }
}
