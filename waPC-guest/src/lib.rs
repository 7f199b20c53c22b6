//! Makes a module a waPC guest: handlers for operations, and calls to the host.
//!
//! waPC (WebAssembly Procedure Calls) sends *an operation's name and bytes in, bytes or an error text out*, in both
//! directions. A guest registers a handler for each operation; while one runs, it can call the host the same way:
//!
//! ```text
//!          __guest_call                    host_call
//!   host ───────────────▶ your handler ───────────────▶ host
//!        ◀───────────────              ◀───────────────
//!         bytes or error                bytes or error
//! ```
//!
//! # Example
//!
//! ```
//! use wapc_guest::{console_log, host_call, HostError};
//!
//! fn echo(payload: Vec<u8>) -> Result<Vec<u8>, HostError> {
//!     Ok(payload)
//! }
//!
//! fn greet(name: Vec<u8>) -> Result<String, HostError> {
//!     console_log("somebody is here");
//!     let title = host_call("default", "example:people", "Title", &name)?;
//!     Ok(format!("Hello, {} {}!", String::from_utf8_lossy(&title), String::from_utf8_lossy(&name)))
//! }
//!
//! wapc_guest::handlers! {
//!     "echo" => echo,
//!     "greet" => greet,
//! }
//!
//! // The same handlers in a test, without WebAssembly: the test plays the host.
//! # fn main() {
//! let host = wapc_guest::testing::install(|call| {
//!     assert_eq!(call.operation, "Title");
//!     Ok(b"Dr.".to_vec())
//! });
//! assert_eq!(guest_call("greet", b"Who".to_vec()), Ok(b"Hello, Dr. Who!".to_vec()));
//! assert_eq!(host.console(), ["somebody is here"]);
//! # }
//! ```
//!
//! # How it behaves under any host
//!
//! - [`handlers!`] makes a chain of comparisons: no map, no lock, nothing that starts up.
//! - A call ends with exactly one reply or one error text, also when the payload or the reply is empty, and returns 1 or 0.
//! - The payload is read into memory that was not zeroed first and handed to the handler as it is; the handler's reply is
//!   read by the host from where it lies.
//! - The module `wapc` is all that is imported; there is no WASI.
//! - The crate itself never panics: a lack of memory is an error of the call, or cuts a text short.
//! - A panic's message reaches the host as the call's error before the trap, with [`panic_hook!`] or [`no_std_runtime!`].
//!
//! # Bytes, or messages with types
//!
//! A handler takes bytes. With the feature `codec` it may take and return types that serde reads and writes, in the codec
//! that the guest names (`handlers! { codec = MessagePack; "add" => typed add }`), and `MessagePack::call` calls the host with
//! such types. Which codec it is, is settled when the guest is compiled.
//!
//! # With or without the standard library
//!
//! This crate is `no_std`. A guest may use the standard library, which brings an allocator; one that does not, and is
//! smaller for it, says `no_std_runtime!()` once.
//!
//! | feature | what it adds |
//! |---|---|
//! | `runtime` | [`allocator!`], and [`no_std_runtime!`]: that allocator and a panic handler |
//! | `codec` | the trait `Codec` over serde: handlers and calls with types |
//! | `messagepack` | `codec`, and the codec `MessagePack` |
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

#[cfg(feature = "codec")]
mod codec;
mod error;
#[allow(unsafe_code)]
mod ffi;
mod handlers;
mod host;
#[cfg(feature = "messagepack")]
mod messagepack;
mod panic;
mod runtime;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod text;

#[cfg(feature = "codec")]
pub use crate::codec::{Codec, typed};
#[cfg(feature = "messagepack")]
pub use crate::messagepack::MessagePack;
pub use crate::{
    error::HostError,
    handlers::IntoReply,
    host::{console_log, host_call},
    text::text_lossy,
};

/// What the macros of this crate name in a guest's crate. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use alloc::{string::String, vec::Vec};

    #[cfg(all(target_arch = "wasm32", feature = "runtime"))]
    pub use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

    #[cfg(target_arch = "wasm32")]
    pub use crate::{
        ffi::serve,
        panic::{abort, report},
    };
    pub use crate::{handlers::run, text::unknown_operation};
}

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
