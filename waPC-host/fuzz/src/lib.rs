//! Holds what the fuzz targets share: a guest that does whatever its payload says, and a model of what must come of it.
//!
//! ```text
//!   input ──▶ program ──▶ guest (WebAssembly), engine, host ──┐
//!                └──────▶ Machine, with a model of the host ──┴──▶ the same outcome, or the target panics: a finding
//! ```

mod function;
mod guest;
mod machine;
mod outcome;
mod panics;
mod program;

pub use crate::{
    function::{Function, Kind},
    guest::{Closing, text},
    machine::{Ending, Host, Machine, Memory},
    outcome::Outcome,
    panics::{expecting_panics, watch_panics},
    program::{Operand, Step, WIDE_TEXT, program},
};
