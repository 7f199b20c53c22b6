//! Begins threads where there is room for them, and names the limit of the system that a process has met.
//!
//! All threads of the workspace are begun by [`begin_thread`]. The standard library ends the process when a new thread finds no room for the
//! stack of its signals, and an error of the system ("Resource temporarily unavailable") does not say what there is too much of.
//!
//! ```
//! let thread = system_limits::begin_thread("adder", || 1 + 1)?;
//! assert_eq!(thread.join().unwrap(), 2);
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod limit;
mod threads;
mod workers;

/// The README's example runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use crate::{
    limit::{SystemLimit, SystemResource, Wanted},
    threads::{NoThread, begin_thread, room_for_threads},
    workers::{Job, NotTaken, Tell, WorkerSettings, Workers, WorkersEnd},
};
