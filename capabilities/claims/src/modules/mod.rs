//! Finds the token and the chain in a module, and puts them there; section bodies are never looked into.

pub(crate) mod file;
mod hash;
pub(crate) mod inspect;
pub(crate) mod section;
mod sign;

pub use file::{extract, strip};
pub use hash::ModuleHash;
pub use inspect::{Inspection, inspect};
pub use sign::{ClaimsBuilder, sign_module};
