//! Tests hosts and guests of waPC: what they must do, as data, with a runner for any implementation.
//!
//! waPC has hosts and guests in many languages, and they differ where the protocol is silent. This suite writes down what this
//! project holds to be right, so that an implementation can be held against it:
//!
//! ```text
//!   cases/hosts/*.toml   a small guest in WAT, calls, and what must come of them ──▶ any HostUnderTest
//!   cases/guests/*.toml  calls of a guest, and how it must behave meanwhile      ──▶ any module
//! ```
//!
//! A case is data ([`HostCase`], [`GuestCase`]), so that an implementation in another language can read the same files. For one
//! in Rust there are runners: [`run_host_case`] takes what implements [`HostUnderTest`], [`run_guest_case`] takes a module's bytes.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "wapc-host")] {
//! use wapc_conformance::{WapcHostUnderTest, host_cases, run_host_case};
//!
//! let case = &host_cases()?[0];
//! let verdict = run_host_case(&WapcHostUnderTest::new(), case);
//! assert!(verdict.passes(), "{}: {verdict}", case.title);
//! # }
//! # Ok::<(), wapc_conformance::Error>(())
//! ```
//!
//! # What a guest must serve
//!
//! The cases for guests call four operations: `echo` replies with its payload, `callback` sends its payload to the host (binding
//! `default`, namespace `example:echo`, operation `Callback`) and replies with the answer, `log` writes its payload to the console,
//! `fail` fails with its payload as the text. This project's guest is `examples/guests/echo`.
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `guests` | yes | [`run_guest_case`], on wapc-engine |
//! | `wapc-host` | yes | [`WapcHostUnderTest`], and the program `wapc-conformance`, which prints the table |
#![forbid(unsafe_code)]

mod bytes;
mod case;
mod cases;
#[cfg(feature = "guests")]
mod guest_runner;
mod host_runner;
mod table;
mod verdict;
#[cfg(feature = "wapc-host")]
mod wapc_host_under_test;
mod world;

#[cfg(feature = "guests")]
pub use crate::guest_runner::run_guest_case;
#[cfg(feature = "wapc-host")]
pub use crate::wapc_host_under_test::WapcHostUnderTest;
pub use crate::{
    bytes::Bytes,
    case::{Answer, Call, Error, Expected, GuestCase, GuestStep, HostCase, HostStep},
    cases::{guest_cases, host_cases},
    host_runner::{HostUnderTest, LoadedGuest, Outcome, run_host_case, run_host_case_within},
    table::Table,
    verdict::Verdict,
    world::World,
};
