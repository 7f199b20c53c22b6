//! Leads from a message's bytes to the actor's function and back.

use alloc::{string::String, vec::Vec};
use core::{convert::Infallible, fmt::Display};

use capability_contracts::{
    health::{HealthRequest, OP_HEALTH_REQUEST},
    http_server::{OP_HANDLE_REQUEST, Request, Response},
};
use wapc_guest::typed;

use crate::codec::Contracts;

#[doc(hidden)]
pub fn http<E: Display>(
    handler: impl FnOnce(Request) -> Result<Response, E>,
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    typed::<Contracts, _, _, _>(OP_HANDLE_REQUEST, handler, payload)
}

/// A health check says nothing yet, so that some hosts send no bytes with it.
#[doc(hidden)]
pub fn health<E: Display>(
    handler: impl FnOnce(HealthRequest) -> Result<(), E>,
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    const NIL: &[u8] = b"\xc0";
    match payload {
        [] | NIL => {
            typed::<Contracts, _, _, _>(OP_HEALTH_REQUEST, |()| handler(HealthRequest::default()), NIL)
        }
        message => typed::<Contracts, _, _, _>(OP_HEALTH_REQUEST, handler, message),
    }
}

/// The health check of actors that have none of their own: one that answers is well.
#[doc(hidden)]
pub fn always_well(_: HealthRequest) -> Result<(), Infallible> {
    Ok(())
}

/// Registers an actor's functions and makes the module callable. Once in a crate, at its root.
///
/// | line | the function's type |
/// |---|---|
/// | `http => f` | `fn(http::Request) -> Result<http::Response, E>` |
/// | `health => f` | `fn(health::Request) -> Result<(), E>`; without this line the actor is well whenever it answers |
/// | `"Operation" => f` | `fn(T) -> Result<R, E>` with any `T` and `R` that serde reads and writes |
///
/// `E` is [`Error`](crate::Error) or anything else that can be displayed; its text is what the caller gets.
///
/// It makes a function `guest_call(operation: &str, payload: Vec<u8>) -> Result<Vec<u8>, String>`, which tests call as a host
/// would, and on `wasm32` the export `__guest_call`.
///
/// ```
/// use actor_sdk::prelude::*;
///
/// actor! { "Double" => double }
///
/// fn double(number: u64) -> Result<u64, Error> {
///     number.checked_mul(2).ok_or_else(|| Error::new(format!("{number} is too large to be doubled")))
/// }
///
/// # fn main() {
/// assert_eq!(guest_call("Double", vec![21]), Ok(vec![42]));
/// assert_eq!(guest_call("HealthRequest", vec![]), Ok(vec![0xc0]));
/// # }
/// ```
#[macro_export]
macro_rules! actor {
    ($($operation:tt => $handler:expr),+ $(,)?) => {
        $crate::__private::handlers! {
            $($crate::__operation!($operation) => |payload| $crate::__handle!($operation, $handler, &payload),)+
            $crate::__private::OP_HEALTH_REQUEST =>
                |payload| $crate::__private::health($crate::__private::always_well, &payload),
        }
    };
}

/// The name on the wire of an operation in [`actor!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __operation {
    (http) => {
        $crate::__private::OP_HANDLE_REQUEST
    };
    (health) => {
        $crate::__private::OP_HEALTH_REQUEST
    };
    ($operation:literal) => {
        $operation
    };
}

/// The call of a function in [`actor!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __handle {
    (http, $handler:expr, $payload:expr) => {
        $crate::__private::http($handler, $payload)
    };
    (health, $handler:expr, $payload:expr) => {
        $crate::__private::health($handler, $payload)
    };
    ($operation:literal, $handler:expr, $payload:expr) => {
        $crate::__private::typed::<$crate::__private::Contracts, _, _, _>($operation, $handler, $payload)
    };
}
