//! Defines `wascc:logging`: lines that an actor writes to the host's log.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// The capability's id.
pub const CAPABILITY: &str = "wascc:logging";
/// Writes a line: [`WriteLogRequest`] in, nothing out.
pub const OP_WRITE_LOG: &str = "WriteLog";

/// The level of an error.
pub const LEVEL_ERROR: u32 = 1;
/// The level of a warning.
pub const LEVEL_WARN: u32 = 2;
/// The level of what an operator wants to know.
pub const LEVEL_INFO: u32 = 3;
/// The level of what a developer wants to know.
pub const LEVEL_DEBUG: u32 = 4;
/// The level of every step.
pub const LEVEL_TRACE: u32 = 5;

/// One line for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WriteLogRequest {
    /// From [`LEVEL_ERROR`] to [`LEVEL_TRACE`]; 0 means that nothing is written.
    pub level: u32,
    /// The text.
    pub body: String,
}
