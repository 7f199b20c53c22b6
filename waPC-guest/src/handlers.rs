//! Leads from an operation's name to its handler and back to the reply.

use alloc::{string::String, vec::Vec};
use core::fmt::Display;

use crate::text::displayed;

/// What a handler may return as its reply.
pub trait IntoReply {
    /// The reply's bytes. Owned bytes are passed on without a copy.
    fn into_reply(self) -> Vec<u8>;
}

impl IntoReply for Vec<u8> {
    fn into_reply(self) -> Vec<u8> {
        self
    }
}

impl IntoReply for String {
    fn into_reply(self) -> Vec<u8> {
        self.into_bytes()
    }
}

impl IntoReply for &[u8] {
    fn into_reply(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl IntoReply for &str {
    fn into_reply(self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

/// An empty reply.
impl IntoReply for () {
    fn into_reply(self) -> Vec<u8> {
        Vec::new()
    }
}

/// Runs one handler; its error becomes the text that the host gets.
#[doc(hidden)]
pub fn run<R: IntoReply, E: Display>(
    handler: impl FnOnce(Vec<u8>) -> Result<R, E>,
    payload: Vec<u8>,
) -> Result<Vec<u8>, String> {
    match handler(payload) {
        Ok(reply) => Ok(reply.into_reply()),
        Err(error) => Err(displayed(&error)),
    }
}

/// Registers the handlers of a guest and makes the module callable. Once in a crate, at its root.
///
/// Each line is an operation's name and a function `fn(Vec<u8>) -> Result<R, E>`, where `R` is bytes, text or nothing (see
/// [`IntoReply`]) and `E` is anything that can be displayed; an error's text is what the host gets.
///
/// It makes a function `guest_call(operation: &str, payload: Vec<u8>) -> Result<Vec<u8>, String>`, which tests call as a host
/// would, and on `wasm32` the export `__guest_call`.
///
/// ```
/// fn double(payload: Vec<u8>) -> Result<Vec<u8>, std::convert::Infallible> {
///     Ok(payload.repeat(2))
/// }
///
/// wapc_guest::handlers! { "double" => double }
///
/// # fn main() {
/// assert_eq!(guest_call("double", vec![7]), Ok(vec![7, 7]));
/// assert_eq!(
///     guest_call("triple", vec![7]),
///     Err("this module has no operation `triple`; it has: `double`".to_string()),
/// );
/// # }
/// ```
///
/// With the feature `codec`, a guest may name a `Codec` first. A line with `typed` then takes a function
/// `fn(T) -> Result<R, E>` with any `T` and `R` that serde reads and writes; a message that cannot be read is an error that
/// names the operation:
///
/// ```
/// use std::convert::Infallible;
/// use wapc_guest::MessagePack;
///
/// wapc_guest::handlers! {
///     codec = MessagePack;
///     "double" => typed double,
///     "echo" => echo,
/// }
///
/// fn double(number: u32) -> Result<u64, Infallible> {
///     Ok(2 * u64::from(number))
/// }
///
/// fn echo(payload: Vec<u8>) -> Result<Vec<u8>, Infallible> {
///     Ok(payload)
/// }
/// # fn main() {
/// assert_eq!(guest_call("double", vec![21]), Ok(vec![42]));
/// # }
/// ```
#[macro_export]
macro_rules! handlers {
    (codec = $codec:ty; $($lines:tt)+) => {
        $crate::__typed_handlers! { $codec; [] $($lines)+ }
    };
    ($($operation:expr => $handler:expr),+ $(,)?) => {
        /// Calls the handler of `operation`, as the host does.
        ///
        /// # Errors
        /// The handler's error text, or that there is no such operation.
        pub fn guest_call(
            operation: &str,
            payload: $crate::__private::Vec<u8>,
        ) -> ::core::result::Result<$crate::__private::Vec<u8>, $crate::__private::String> {
            $(if operation == $operation {
                return $crate::__private::run($handler, payload);
            })+
            ::core::result::Result::Err($crate::__private::unknown_operation(operation, &[$($operation),+]))
        }

        $crate::__export!(guest_call);
    };
}

/// Makes a line with bytes of each line with types, one after the other, for [`handlers!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __typed_handlers {
    ($codec:ty; [$($done:tt)+]) => {
        $crate::handlers! { $($done)+ }
    };
    ($codec:ty; [$($done:tt)*] $operation:expr => typed $handler:expr $(, $($rest:tt)*)?) => {
        $crate::__typed_handlers! {
            $codec;
            [$($done)* $operation =>
                |payload| $crate::typed::<$codec, _, _, _>($operation, $handler, &payload),]
            $($($rest)*)?
        }
    };
    ($codec:ty; [$($done:tt)*] $operation:expr => $handler:expr $(, $($rest:tt)*)?) => {
        $crate::__typed_handlers! { $codec; [$($done)* $operation => $handler,] $($($rest)*)? }
    };
}
