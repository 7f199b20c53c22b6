//! Names accounts, modules and operators by their keys, and holds the secrets that sign.

pub(crate) mod nkeys;
mod pair;
mod public;
mod secret;

pub use pair::KeyPair;
pub use public::{KeyKind, PublicKey};
