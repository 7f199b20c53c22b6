//! Defines what actors and providers agree on.

use serde::{Deserialize, Serialize};

// region contract
/// The capability's id, which a module's token grants.
pub const CAPABILITY: &str = "example:dictionary";
/// What a word means: [`LookUpRequest`] in, [`LookUpResponse`] out. Changes nothing.
pub const OP_LOOK_UP: &str = "LookUp";

/// Asks what a word means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LookUpRequest {
    /// The word, in any case. An empty word is refused.
    pub word: String,
}

/// What a word means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LookUpResponse {
    /// The meaning; nothing for a word that is not known.
    pub meaning: Option<String>,
}
// endregion contract
