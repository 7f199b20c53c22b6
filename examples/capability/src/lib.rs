//! Shows a capability of one's own, a dictionary, from its contract to the suite that providers of it keep to.
//! `docs/guides/capability.md` explains it.
//!
//! ```text
//!  actor ── client ── LookUpRequest ──▶ host ──▶ provider
//!        ◀───────── LookUpResponse ──── ◀─────
//!                        contract
//! ```
//!
//! In a project of yours these are crates: the contract and the client are for actors too, and need no standard library.
#![forbid(unsafe_code)]

pub mod client;
pub mod contract;
pub mod provider;
pub mod suite;
