//! Tells the engine's errors apart by what a caller can do about them.

use call_context::ErrorKind;

use crate::Error;

impl Error {
    /// The kind of failure that it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingExport { .. } => ErrorKind::NotFound,
            Self::InvalidModule { .. }
            | Self::MissingImport { .. }
            | Self::ImportType { .. }
            | Self::ExportType { .. }
            | Self::Arity { .. }
            | Self::ArgumentType { .. }
            | Self::NotANumber { .. }
            | Self::NotMetered
            | Self::ForeignEntry { .. }
            | Self::EnteredFromShortFunction { .. } => ErrorKind::Invalid,
            Self::CompileLimit { .. } => ErrorKind::TooLarge,
            Self::CompileTime { .. } | Self::DeadlineExceeded { .. } => ErrorKind::DeadlineExceeded,
            Self::Cancelled { .. } | Self::ThreadEnding { .. } => ErrorKind::Cancelled,
            Self::Trap { .. } | Self::Poisoned { .. } => ErrorKind::Trap,
            Self::FuelExhausted { .. }
            | Self::MemoryLimit { .. }
            | Self::TableLimit { .. }
            | Self::SegmentLimit { .. } => ErrorKind::Limit,
            Self::Resources { .. } => ErrorKind::Busy,
            Self::ReadFile { .. } | Self::CacheDirectory { .. } | Self::Host { .. } => ErrorKind::Internal,
        }
    }
}
