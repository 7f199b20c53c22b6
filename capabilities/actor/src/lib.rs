//! Gives an actor's author typed handlers and capability clients.
//!
//! An actor is a WebAssembly module that answers messages and uses capabilities (a key-value store, a log, other actors),
//! knowing nothing about who provides them. The host binds providers to it at run time.
//!
//! ```text
//!             actor!                    keyvalue, logging, ...
//!   host ───────────────▶ your function ───────────────▶ host ──▶ provider
//!         http::Request                  AddRequest, ...
//! ```
//!
//! # Example
//!
//! A complete actor, and the test of its logic, which needs neither WebAssembly nor a host:
//!
//! ```
//! use actor_sdk::prelude::*;
//!
//! actor! { http => count, health => well }
//!
//! fn count(request: http::Request) -> Result<http::Response, Error> {
//!     let visits = keyvalue::default().add(&request.path, 1)?;
//!     Ok(http::Response::text(format!("visit {visits}")))
//! }
//!
//! fn well(_: health::Request) -> Result<(), Error> {
//!     Ok(())
//! }
//!
//! # fn main() {
//! use actor_sdk::{messages::keyvalue::*, testing};
//!
//! let _host = testing::host()
//!     .on(CAPABILITY, OP_ADD, |request: AddRequest| Ok(AddResponse { value: 41 + request.value }))
//!     .install();
//! let response = count(http::Request { path: "/home".into(), ..Default::default() }).unwrap();
//! assert_eq!(response.body, b"visit 42");
//! # }
//! ```
//!
//! # Two links of one capability
//!
//! ```no_run
//! # use actor_sdk::{Error, keyvalue};
//! # fn example() -> Result<(), Error> {
//! keyvalue::default().set("greeting", "hello")?;
//! let title = keyvalue::link("archive").get("title")?;
//! # Ok(()) }
//! ```
//!
//! | feature | what it adds |
//! |---|---|
//! | `runtime` | [`no_std_runtime!`]: an allocator and a panic handler for actors without the standard library |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(not(target_arch = "wasm32"))]
extern crate std;

mod call;
mod codec;
mod error;
mod handlers;

pub mod actor;
pub mod http_client;
pub mod keyvalue;
pub mod logging;
pub mod prelude;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use capability_contracts as messages;
pub use wapc_guest::{console_log, no_std_runtime, panic_hook};

pub use crate::{
    call::{call, request},
    error::Error,
};

/// The messages of an HTTP handler.
pub mod http {
    pub use capability_contracts::http_server::{Request, Response};
}

/// The message of a health check.
pub mod health {
    pub use capability_contracts::health::HealthRequest as Request;
}

/// What the macros of this crate name in an actor's crate. Not part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use capability_contracts::{health::OP_HEALTH_REQUEST, http_server::OP_HANDLE_REQUEST};
    pub use wapc_guest::{handlers, typed};

    pub use crate::{
        codec::Contracts,
        handlers::{always_well, health, http},
    };
}

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
