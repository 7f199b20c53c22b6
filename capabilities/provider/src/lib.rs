//! Defines the trait that a capability provider implements, and the handle by which it calls actors.
//!
//! A provider serves one capability (`wascc:keyvalue`, `wascc:http_server`, ...). The host hands it links: *this actor may
//! use you under this link name with this configuration*. From then on calls go both ways, and neither side knows the other:
//!
//! ```text
//!            CapabilityCall                      ActorHandle::call
//!   actor ──────────────────▶ Provider::handle      provider ──────────────────▶ actor
//!         ◀────────────────── bytes or error                 ◀────────────────── bytes or error
//! ```
//!
//! # Example
//!
//! A provider that answers every operation with the bytes it was given:
//!
//! ```
//! use bytes::Bytes;
//! use capability_provider::{
//!     ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
//! };
//!
//! #[derive(Debug)]
//! struct Mirror;
//!
//! impl Provider for Mirror {
//!     fn capability(&self) -> CapabilityId {
//!         CapabilityId::new("example:mirror").expect("a literal without white space")
//!     }
//!     fn name(&self) -> &str {
//!         "mirror"
//!     }
//!     fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
//!         Ok(())
//!     }
//!     fn unlink(&self, _: &LinkKey) {}
//!     fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
//!         Ok(Bytes::copy_from_slice(call.payload).into())
//!     }
//! }
//! ```
//!
//! This crate has no features.
#![forbid(unsafe_code)]

mod blocking;
mod call;
mod config;
mod deadline;
mod dispatch;
mod error;
mod id;
mod provider;
mod reply;

pub use call_context::{
    CallContext, CallId, Caller, CallerKind, Callers, CancelToken, ErrorKind, Interrupted, Trace, TraceError,
};

pub use crate::{
    blocking::{Blocking, BlockingBuilder},
    call::CapabilityCall,
    config::LinkConfig,
    deadline::deadline_after,
    dispatch::{ActorHandle, Dispatch, DispatchError},
    error::ProviderError,
    id::{ActorId, CapabilityId, IdError, LinkKey, LinkName},
    provider::Provider,
    reply::{Later, Reply},
};
