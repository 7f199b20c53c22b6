//! Measures our waPC host beside those that somebody might use in its place: in one process, on the same guests, in turn.
//!
//! ```text
//! Entrant (Guest, Host) ──▶ Contender ──▶ measure: rounds, all in turn ──▶ Samples ──▶ Report: tables, goals
//! ```
//!
//! The binary measures everything and prints the tables. One contender alone:
//!
//! ```
//! use peers::{GUESTS, Host};
//!
//! # fn main() -> Result<(), peers::Failure> {
//! let mut wapc_rs = Host::WapcRs.serve(&GUESTS[0])?;
//! assert_eq!(wapc_rs.call("echo", b"hello")?, b"hello");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod contender;
mod extism_plugin;
mod floor;
mod goals;
mod guest;
mod measure;
mod ours;
mod report;
mod under_test;
mod wapc_rs;

pub use contender::{Contender, Entrant, Failure, Host};
pub use guest::{GUESTS, Guest};
pub use measure::{Effort, Samples, measure};
pub use report::{OPERATIONS, Report, SIZES};
pub use under_test::WapcRsUnderTest;
pub use wapc_rs::wapc_rs;
