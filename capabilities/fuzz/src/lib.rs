//! Holds what the fuzz targets share: fixed keys and tokens, a second, independent reading of a module's sections, and a
//! store as its contract tells it.
//!
//! ```text
//!   input ──▶ target ──▶ the crate under test ──┐
//!                └─────▶ a model of it ─────────┴──▶ the same answer, or the target panics: a finding
//! ```

mod cast;
mod frames;
mod policies;
mod request;
mod sections;
mod stores;
mod wire;

pub use crate::{
    cast::{ACCOUNT_SEED, Cast, NOW, carrying, cast, crc, key_pair, sealed, token},
    frames::{Frame, Frames},
    policies::PolicyText,
    request::{RequestHead, may_be_a_host},
    sections::{Name, Payload, Piece, Pieces},
    stores::{Refused, Sizes, StoreModel},
    wire::Wire,
};
