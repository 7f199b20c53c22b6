//! Keeps the actors that are here, each with its generations.
//!
//! `actor` is the identity that stays over swaps, and the map of all; `generation` is one version
//! of it, with a `gate` that counts its calls. `system` is what guests are given of clock and
//! randomness, `names` what modules are called in messages.

pub(crate) mod actor;
pub(crate) mod gate;
pub(crate) mod generation;
pub(crate) mod names;
pub(crate) mod system;
