//! Serves the `wascc:keyvalue` capability in memory.
//!
//! Texts, counters, lists and sets lie in one store that all links of a provider share. It holds what fits its [`Limits`], of each link and
//! in all, lives as long as the provider does, and behaves as its sibling on Redis does: the same conformance suite runs against both.
//!
//! ```text
//!  actor A ── link (prefix "a:") ──┐
//!  actor B ── link ────────────────┼──▶ MemoryKeyValue ── one lock ── keys ─▶ text | list | set
//!  actor B ── link "other" ────────┘                      (never held for longer because a value is large)
//! ```
//!
//! # Example
//!
//! The host gives a provider its links and calls; here they are made by hand.
//!
//! ```
//! use std::sync::Arc;
//!
//! use bytes::Bytes;
//! use capability_contracts::{decode, encode, keyvalue::{AddRequest, AddResponse, OP_ADD}};
//! use capability_provider::{CallContext,
//!     ActorHandle, ActorId, CapabilityCall, Dispatch, DispatchError, LinkConfig, LinkKey, LinkName, Provider,
//! };
//! use provider_keyvalue_memory::MemoryKeyValue;
//!
//! # struct Nobody;
//! # impl Dispatch for Nobody {
//! #     fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> { Ok(Bytes::new()) }
//! #     fn health(&self) -> Result<(), DispatchError> { Ok(()) }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryKeyValue::new();
//! let (actor, link) = (ActorId::new(&format!("M{}", "A".repeat(55)))?, LinkName::default());
//! let key = LinkKey::new(actor.clone(), store.capability(), link.clone());
//! store.link(&key, &LinkConfig::new(), ActorHandle::new(key.clone(), Arc::new(Nobody)))?;
//!
//! let payload = encode(&AddRequest { key: "visits".to_owned(), value: 2 })?;
//! let call = CapabilityCall::new(&actor, &link, OP_ADD, &payload);
//! let reply: AddResponse = decode(OP_ADD, &call.send_to(&store)?)?;
//! assert_eq!(reply.value, 2);
//! assert_eq!(store.get("visits").as_deref(), Some("2"));
//! # Ok(())
//! # }
//! ```
//!
//! This crate has no features.
#![forbid(unsafe_code)]

mod answer;
mod fault;
mod limits;
mod links;
mod provider;
mod store;
mod value;

pub use crate::{limits::Limits, provider::MemoryKeyValue};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
