//! Reads, checks and writes signed tokens: of modules, accounts and operators, and of keys that hand over.

mod account;
pub(crate) mod claims;
mod date;
mod json;
mod label;
pub(crate) mod module;
mod operator;
mod rotation;
mod signer;
pub(crate) mod times;
pub(crate) mod token;

pub use account::{AccountBuilder, AccountClaims};
pub use label::Label;
pub use module::ModuleClaims;
pub use operator::{OperatorBuilder, OperatorClaims};
pub use rotation::{RotationBuilder, RotationClaims};
