//! Tells the errors of calls apart by what a caller can do about them.

use call_context::ErrorKind;

use crate::Error;

impl Error {
    /// The kind of failure that it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Engine(error) => error.kind(),
            Self::Guest { .. } => ErrorKind::Guest,
            Self::Trap { .. } | Self::Aborted { .. } | Self::Exited { .. } | Self::Denied { .. } => {
                ErrorKind::Trap
            }
            Self::DeadlineExceeded { .. } => ErrorKind::DeadlineExceeded,
            Self::Cancelled { .. } | Self::Closed { .. } => ErrorKind::Cancelled,
            Self::FuelExhausted { .. } | Self::MemoryLimit { .. } | Self::DepthExceeded { .. } => {
                ErrorKind::Limit
            }
            Self::NotMetered { .. } | Self::NoHandler => ErrorKind::Invalid,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::PayloadTooLarge { .. } | Self::ReplyTooLarge { .. } => ErrorKind::TooLarge,
            Self::PoolExhausted { .. } | Self::QueueFull { .. } | Self::NoThread { .. } => ErrorKind::Busy,
            Self::HandlerPanicked { .. } => ErrorKind::Internal,
        }
    }
}
