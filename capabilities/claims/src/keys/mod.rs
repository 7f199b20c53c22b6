//! Names accounts, modules and operators by their keys, and holds the secrets that sign.

mod kind;
pub(crate) mod nkeys;
mod pair;
mod public;
mod role;
mod secret;

pub use kind::KeyKind;
pub use pair::KeyPair;
pub use public::PublicKey;
