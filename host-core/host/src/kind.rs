//! Tells the host's errors apart by what a caller can do about them.

use capability_provider::ErrorKind;

use crate::error::Error;

impl Error {
    /// The kind of failure that it is. What every tier tells by it is the same: an actor's trap is one here as it is in the tiers below.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownActor { .. }
            | Self::UnknownProvider { .. }
            | Self::UnknownLink { .. }
            | Self::NotLinked { .. } => ErrorKind::NotFound,
            Self::Refused { .. }
            | Self::RevisionTooLow { .. }
            | Self::BelowHighestRevision { .. }
            | Self::OtherActor { .. }
            | Self::NotTheOwner { .. }
            | Self::NoLongerValid { .. }
            | Self::NotGranted { .. }
            | Self::NotAdmitted { .. }
            | Self::BeyondPolicy { .. }
            | Self::ReservedOperation { .. }
            | Self::Denied { .. } => ErrorKind::Refused,
            Self::NoTrustPolicy
            | Self::CannotRun { .. }
            | Self::CallsWhileStarting { .. }
            | Self::ActorExists { .. }
            | Self::ProviderExists { .. }
            | Self::LinkExists { .. }
            | Self::InvalidName { .. }
            | Self::Reentered => ErrorKind::Invalid,
            Self::CapabilityUnavailable { .. }
            | Self::NotRecorded { .. }
            | Self::NotRemembered { .. }
            | Self::PolicyWaits { .. } => ErrorKind::Unavailable,
            Self::ShuttingDown | Self::Ended { .. } => ErrorKind::Cancelled,
            Self::Busy { .. } | Self::NoWorker { .. } | Self::ProviderBusy { .. } => ErrorKind::Busy,
            Self::PayloadTooLarge { .. } => ErrorKind::TooLarge,
            Self::DeadlineExceeded { .. } | Self::ProviderLate { .. } => ErrorKind::DeadlineExceeded,
            Self::Guest { .. } => ErrorKind::Guest,
            Self::Trap { .. } => ErrorKind::Trap,
            Self::Protocol { .. } => ErrorKind::Protocol,
            Self::MemoryLimit { .. } | Self::DepthExceeded { .. } => ErrorKind::Limit,
            Self::LinkFailed { source, .. } => source.kind(),
            Self::Provider { source, .. } => source.kind(),
            Self::Failed { source, .. } => source.kind(),
            Self::Engine { .. } | Self::Thread { .. } | Self::ProviderPanicked { .. } => ErrorKind::Internal,
        }
    }

    /// Whether the same call may succeed when it is made again a little later; see [`ErrorKind::is_retryable`].
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.kind().is_retryable()
    }
}
