//! Carries what holds for a call, wherever it goes: its id, deadline, cancellation, depth, callers and trace.
//!
//! ```text
//! client ──▶ provider ──▶ host ──▶ guest ──▶ host ──▶ provider
//!            └─────────────── one CallContext ───────────────┘
//! ```
//!
//! ```
//! use std::time::Duration;
//! use call_context::CallContext;
//!
//! let request = CallContext::new().with_timeout(Duration::from_secs(2));
//! let inner = request.nested().with_timeout(Duration::from_secs(60));
//! assert_eq!((inner.id(), inner.depth()), (request.id(), 1));
//! assert_eq!(inner.deadline(), request.deadline()); // it only becomes earlier
//! ```
#![forbid(unsafe_code)]

mod caller;
mod cancel;
mod context;
mod id;
mod kind;
mod trace;
mod wait;

/// The README's example runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::{
    caller::{Caller, CallerKind, Callers},
    cancel::{CancelToken, Registration},
    context::CallContext,
    id::CallId,
    kind::ErrorKind,
    trace::{Trace, TraceError},
    wait::Interrupted,
};
