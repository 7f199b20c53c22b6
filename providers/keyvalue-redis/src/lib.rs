//! Serves the `wascc:keyvalue` capability on Redis.
//!
//! The provider behaves as the store in memory does, and its values outlive the host: the same conformance suite runs against
//! both. Each operation is one command or one script on the server, so it is done whole or not at all.
//!
//! ```text
//!  actor A ── link (prefix "a:") ──┐                    ┌─ pool ─▶ redis (the provider's URL)
//!  actor B ── link ────────────────┼──▶ RedisKeyValue ──┤
//!  actor C ── link (url) ──────────┘                    └─ pool ─▶ redis (the link's URL)
//! ```
//!
//! # Example
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use capability_provider::Provider;
//! use provider_keyvalue_redis::RedisKeyValue;
//!
//! # fn main() -> Result<(), capability_provider::ProviderError> {
//! let store = RedisKeyValue::new("redis://127.0.0.1:6379/0")?; // reaches for the server at the first link
//! store.health()?; // asks whether it is there
//! let provider: Arc<dyn Provider> = Arc::new(store); // what a host takes
//! # Ok(())
//! # }
//! ```
//!
//! This crate has no features.
#![forbid(unsafe_code)]

mod code;
mod command;
mod connection;
mod lookup;
mod operation;
mod pool;
mod provider;
mod reply;
mod server;
mod until;

pub use crate::provider::RedisKeyValue;

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
