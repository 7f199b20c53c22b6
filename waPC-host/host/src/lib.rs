//! Hosts waPC guests: an operation name and opaque bytes in, opaque bytes or an error out, in both directions.
//!
//! WebAssembly passes numbers. waPC (WebAssembly Procedure Calls) makes calls of them, and is stateless: neither side knows
//! how the other allocates, and nothing of one side is kept by the other beyond one exchange.
//!
//! ```text
//!            call("greet", bytes)                  __host_call(binding, namespace, operation, bytes)
//!   host ───────────────────────────▶ guest ───────────────────────────▶ HostHandler
//!        ◀───────────────────────────       ◀───────────────────────────
//!            bytes or an error                     bytes or an error
//! ```
//!
//! A [`WapcHost`] is one module and a bounded pool of its instances. It is `Clone + Send + Sync`: several calls run at once,
//! each in an instance of its own, and an instance in which a call failed is never used again.
//!
//! # Example
//!
//! The guest says hello through the host; any module of the waPC family does in its place.
//!
//! ```
//! use wapc_host::{Engine, HostCall, HostCallError, WapcHost};
//!
//! # const GUEST: &str = r#"(module
//! #   (import "wapc" "__guest_request" (func $request (param i32 i32)))
//! #   (import "wapc" "__guest_response" (func $response (param i32 i32)))
//! #   (import "wapc" "__host_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
//! #   (import "wapc" "__host_response_len" (func $len (result i32)))
//! #   (import "wapc" "__host_response" (func $read (param i32)))
//! #   (memory (export "memory") 1) (data (i32.const 0) "shout")
//! #   (func (export "__guest_call") (param i32 i32) (result i32)
//! #     (call $request (i32.const 100) (i32.const 200))
//! #     (drop (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 5)
//! #       (i32.const 200) (local.get 1)))
//! #     (call $read (i32.const 200)) (call $response (i32.const 200) (call $len)) (i32.const 1)))"#;
//! # fn main() -> Result<(), wapc_host::Error> {
//! let module = Engine::new().compile(GUEST.as_bytes())?;
//! let host = WapcHost::new(&module, |call: &HostCall<'_>| match call.operation {
//!     "shout" => Ok::<_, HostCallError>(call.payload.to_ascii_uppercase()),
//!     other => Err(format!("I cannot {other}").into()),
//! })?;
//! assert_eq!(host.call("greet", b"hello")?, b"HELLO");
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! Memory, time, payload, reply, depth and the number of instances are bounded from the start; [`WapcHost::builder`] lists
//! the bounds and changes them. Each has its own [`Error`], with the numbers in it. [`CallOptions`] tighten them for one call,
//! let a [`CancelToken`] end it from any thread, bound its fuel, or set what it may find of earlier calls in its instance ([`Isolation`]).
//!
//! # Instances
//!
//! An idle instance waits where the thread finds it that used it last, so that threads that call at the same time do not wait
//! for each other. One in which a call trapped, was ended from outside or broke the protocol is thrown away; one that nobody
//! needs is released ([`WapcHostBuilder::idle_timeout`], [`WapcHost::release_idle`]). [`PoolStats`] counts all of it.
//!
//! # Futures
//!
//! [`AsyncHost`] makes calls as futures, for any executor. It is not a second way into the guest: each call runs as
//! [`WapcHost::call_with`] on one of a few threads, and a future that is dropped cancels its call.
//!
//! # Older guests and other languages
//!
//! Older host calls (six and four arguments, modules `wasmbus` and `wascap`), AssemblyScript's `env`, and WASI preview 1 are
//! offered as well. WASI gives a console, the time and random numbers and nothing else; [`WapcHostBuilder::no_clock`] and
//! [`WapcHostBuilder::no_random`] deny these, too.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `host-interrupt` | yes | Ends a guest at its deadline wherever it is, through a signal to its thread. **Takes over `SIGUSR1` in the whole program** (Unix): a program that uses that signal itself must switch the feature off. Without it a guest is ended at its deadline only when it next calls the host. |
#![forbid(unsafe_code)]

mod abi;
mod async_host;
mod builder;
mod error;
mod exchange;
mod fuel;
mod guest;
mod handler;
mod host;
mod isolation;
mod kind;
mod lease;
mod options;
mod pool;
mod refusal;
mod settings;
mod slots;
mod stats;
mod system;
mod wait_queue;
mod wasi;

pub use call_context::{CallContext, CancelToken, ErrorKind};
pub use wapc_engine::{
    CompileBound, CompileLimits, Engine, EngineBuilder, Error as EngineError, MemoryFault, Module,
    SystemLimit, SystemResource, TrapKind, Unreached, Unrestorable,
};

pub use crate::{
    async_host::{AsyncCall, AsyncHost, AsyncHostBuilder},
    builder::WapcHostBuilder,
    error::{Abort, Error, Exit, Violation},
    fuel::FuelCounter,
    handler::{HostCall, HostCallError, HostHandler, Reply},
    host::WapcHost,
    isolation::{Isolation, NotPristine},
    options::CallOptions,
    stats::PoolStats,
    system::{GuestClock, SystemGuestClock},
};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
