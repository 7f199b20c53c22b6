//! Serves the `wascc:logging` capability, and writes to the log facade.
//!
//! What an actor says goes to whatever logger the host's program has installed, under the target `actor::` and the actor's
//! id, so that a filter can name all actors (`actor=info`) or one of them:
//!
//! ```text
//!  actor ── WriteLog {level, body} ──▶ LogProvider ── target "actor::M..." ──▶ log ──▶ the program's logger
//! ```
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use capability_contracts::{encode, logging::{LEVEL_INFO, OP_WRITE_LOG, WriteLogRequest}};
//! use capability_provider::{CallContext,
//!     ActorHandle, ActorId, CapabilityCall, Dispatch, DispatchError, LinkConfig, LinkKey, LinkName, Provider,
//! };
//! use provider_logging::LogProvider;
//!
//! # struct Nobody;
//! # impl Dispatch for Nobody {
//! #     fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> { Ok(Bytes::new()) }
//! #     fn health(&self) -> Result<(), DispatchError> { Ok(()) }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = LogProvider::new();
//! let (actor, link) = (ActorId::new(&format!("M{}", "A".repeat(55)))?, LinkName::default());
//! let key = LinkKey::new(actor.clone(), provider.capability(), link.clone());
//! provider.link(&key, &LinkConfig::new(), ActorHandle::new(key.clone(), Arc::new(Nobody)))?;
//!
//! let payload = encode(&WriteLogRequest { level: LEVEL_INFO, body: "ready".to_owned() })?;
//! CapabilityCall::new(&actor, &link, OP_WRITE_LOG, &payload).send_to(&provider)?;
//! # Ok(())
//! # }
//! ```
//!
//! This crate has no features.
#![forbid(unsafe_code)]

mod line;
mod provider;

pub use crate::{line::MAX_LINE, provider::LogProvider};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
