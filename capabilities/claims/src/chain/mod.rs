//! Leads from an operator over an account to a module, token by token.

mod link;
mod token_chain;

pub use link::{Link, Provenance};
pub use token_chain::Chain;
