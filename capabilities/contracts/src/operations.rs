//! Lists the operations that not everybody may send.

use crate::{health::OP_HEALTH_REQUEST, http_server::OP_HANDLE_REQUEST};

/// The operations that only the host, and the providers they belong to, may send to an actor; never another actor.
pub const RESERVED_OPERATIONS: &[&str] = &[
    OP_HANDLE_REQUEST,
    "DeliverMessage",
    OP_HEALTH_REQUEST,
    "Initialize",
    "BindActor",
    "RemoveActor",
    "IdentifyCapability",
    "PerformLiveUpdate",
];

/// Whether `operation` is one of [`RESERVED_OPERATIONS`].
///
/// ```
/// assert!(capability_contracts::is_reserved("HandleRequest"));
/// assert!(!capability_contracts::is_reserved("Transfer"));
/// ```
#[must_use]
pub fn is_reserved(operation: &str) -> bool {
    RESERVED_OPERATIONS.contains(&operation)
}
