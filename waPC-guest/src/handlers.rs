//! From an operation's name to its handler and back to the reply.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Display;

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
        Err(error) => Err(error.to_string()),
    }
}

/// The error text for an operation that no handler was registered for.
#[doc(hidden)]
#[must_use]
pub fn unknown_operation(operation: &str, known: &[&str]) -> String {
    let mut text = String::from("this module has no operation `");
    text.push_str(operation);
    text.push_str("`; it has:");
    for (position, name) in known.iter().enumerate() {
        if !known.iter().take(position).any(|earlier| earlier == name) {
            text.push_str(" `");
            text.push_str(name);
            text.push('`');
        }
    }
    text
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
#[macro_export]
macro_rules! handlers {
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
