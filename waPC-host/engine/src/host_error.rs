//! Describes how host functions fail: with an error of their own, by a panic, or because the guest
//! wants to end.

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::text;

/// Why a host function refuses to go on. It ends the guest's run; the instance is not usable
/// afterwards.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// The guest asked a host function to end its run, and all is well. A host function returns this as
/// its error: the run ends with [`Error::Host`](crate::Error::Host), and the instance can be used
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the guest ended its run on its own account")]
pub struct Leave;

/// A host function panicked. The panic went no further than the call that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a host function panicked: {}", text::words(message))]
pub struct HostPanic {
    /// What the panic said, cut to 4,096 characters.
    pub message: String,
}

impl HostPanic {
    /// From what a caught panic carries. What it carries is dropped, which may well panic, too:
    /// that is held here.
    #[must_use]
    pub fn caught(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text::cut(text.unwrap_or("without a message")).to_owned();
        drop_foreign(payload);
        Self { message }
    }
}

/// Drops a value of the embedding program's making. A panic goes no further.
pub(crate) fn drop_foreign<V>(value: V) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // Whoever panics in a drop may do so in the next one: this payload is left where it is.
        mem::forget(payload);
    }
}
