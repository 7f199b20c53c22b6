//! Links an operator over an account to a module, token by token.

mod link;
mod token_chain;

pub use link::Link;
pub use token_chain::Chain;
