#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod caller;
mod cancel;
mod context;
mod id;
mod kind;
mod trace;
mod wait;

pub use crate::{
    caller::{Caller, CallerKind, Callers},
    cancel::{CancelToken, Registration},
    context::CallContext,
    id::CallId,
    kind::ErrorKind,
    trace::{Trace, TraceError},
    wait::Interrupted,
};
