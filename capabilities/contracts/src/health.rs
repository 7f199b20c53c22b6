//! Defines the health check that the host sends to every actor.
//!
//! The reply is `nil` or nothing at all; an error means that the actor is not well.

use serde::{Deserialize, Serialize};

/// The host asks the actor whether it is well: [`HealthRequest`] in, nothing out.
pub const OP_HEALTH_REQUEST: &str = "HealthRequest";

/// Asks whether an actor is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HealthRequest {
    /// Stands for fields to come; its value means nothing.
    #[serde(default)]
    pub placeholder: bool,
}
