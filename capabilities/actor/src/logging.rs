//! Writes lines to the host's log through `wascc:logging`.
//!
//! ```no_run
//! # use actor_sdk::{Error, logging};
//! # fn example() -> Result<(), Error> {
//! logging::info("on the way")?;
//! logging::link("audit").warn("somebody knocked")?;
//! # Ok(()) }
//! ```

use alloc::string::String;

use capability_contracts::logging::{
    CAPABILITY, LEVEL_DEBUG, LEVEL_ERROR, LEVEL_INFO, LEVEL_TRACE, LEVEL_WARN, OP_WRITE_LOG, WriteLogRequest,
};

use crate::{
    Error,
    call::{self, DEFAULT_LINK},
};

/// A log behind a link.
#[derive(Debug, Clone, Copy)]
pub struct Logger<'a> {
    link: &'a str,
}

/// The log behind the link `default`.
#[must_use]
pub const fn default() -> Logger<'static> {
    link(DEFAULT_LINK)
}

/// The log behind the link of this name.
#[must_use]
pub const fn link(name: &str) -> Logger<'_> {
    Logger { link: name }
}

macro_rules! levels {
    ($($name:ident, $level:ident, $what:literal;)+) => {
        impl Logger<'_> {
            $(#[doc = concat!("Writes ", $what, ".")]
            ///
            /// # Errors
            /// [`Error::Host`] when the line could not be written.
            pub fn $name(&self, text: impl Into<String>) -> Result<(), Error> {
                self.write($level, text.into())
            })+

            fn write(&self, level: u32, body: String) -> Result<(), Error> {
                call::tell(self.link, CAPABILITY, OP_WRITE_LOG, &WriteLogRequest { level, body })
            }
        }

        $(#[doc = concat!("Writes ", $what, " to the log behind the link `default`.")]
        ///
        /// # Errors
        /// [`Error::Host`] when the line could not be written.
        pub fn $name(text: impl Into<String>) -> Result<(), Error> {
            default().$name(text)
        })+
    };
}

levels! {
    error, LEVEL_ERROR, "an error";
    warn, LEVEL_WARN, "a warning";
    info, LEVEL_INFO, "what an operator wants to know";
    debug, LEVEL_DEBUG, "what a developer wants to know";
    trace, LEVEL_TRACE, "a single step";
}
