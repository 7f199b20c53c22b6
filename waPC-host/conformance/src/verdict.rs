//! Tells what came of a case.

use std::fmt;

use untrusted_text::Shown;

/// What came of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// All is as it must be.
    Passed,
    /// Something came out otherwise.
    Failed {
        /// What, in words.
        reason: String,
    },
    /// The implementation panicked: a guest brought it down.
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// It did not come back within the time that the runner gives it.
    Hung,
}

impl Verdict {
    /// Whether all is as it must be.
    #[must_use]
    pub fn passes(&self) -> bool {
        *self == Self::Passed
    }

    /// In a word, for a table.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passes",
            Self::Failed { .. } => "FAILS",
            Self::Panicked { .. } => "PANICS",
            Self::Hung => "HANGS",
        }
    }
}

impl From<Result<(), String>> for Verdict {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(reason) => Self::Failed { reason },
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            // A guest may have chosen the words.
            Self::Failed { reason } => Shown::words(reason).fmt(f),
            Self::Panicked { message } => write!(f, "panicked: {}", Shown::words(message)),
            Self::Hung => f.write_str("did not come back"),
        }
    }
}
