//! Reads what a folder with an actor says of itself.

use capability_provider::CapabilityId;
use serde::Deserialize;

use crate::manifest::Text;

/// The file that says it.
pub(crate) const FILE: &str = "wascc.toml";

/// Where the development keys are.
pub(crate) const KEYS: &str = "keys";
pub(crate) const ACCOUNT: &str = "keys/account.nk";
pub(crate) const MODULE: &str = "keys/module.nk";

/// What a module is signed with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Project {
    pub(crate) name: Text<String>,
    #[serde(default)]
    pub(crate) capabilities: Vec<Text<CapabilityId>>,
}
