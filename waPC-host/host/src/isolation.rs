//! Sets what a call may find of earlier ones in its instance, and keeps what instances are put back to.

use std::sync::OnceLock;

use wapc_engine::Unrestorable;

/// What a call may find of earlier ones in its instance. Each leaves it less than the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isolation {
    /// Whatever earlier calls left in memory, globals and tables.
    #[default]
    Shared,
    /// Nothing: the instance is put back after each call to what it was after its start. Where that cannot be done, calls get fresh instances
    /// ([`WapcHost::not_pristine`](crate::WapcHost::not_pristine)). What the start read from the clock is the same in each call.
    Pristine,
    /// Nothing: the instance is made for the call and thrown away after it.
    Fresh,
}

/// Why instances of a guest are not put back, so that calls with [`Isolation::Pristine`] get fresh ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPristine {
    /// The start drew random bytes, which would be the same in each call.
    #[error("its start drew random bytes, which would be the same in each call")]
    DrewRandom,
    /// The start called the host, whose answer would be the same in each call.
    #[error("its start called the host, whose answer would be the same in each call")]
    CalledHost,
    /// The engine cannot put its instances back.
    #[error(transparent)]
    Engine(#[from] Unrestorable),
}

/// Whether the instances of one host are put back.
pub(crate) struct Restoring {
    /// Whether what the start drew may be the same in each call.
    frozen_start: bool,
    refused: OnceLock<NotPristine>,
}

impl Restoring {
    pub(crate) fn new(frozen_start: bool) -> Self {
        Self { frozen_start, refused: OnceLock::new() }
    }

    pub(crate) fn refused(&self) -> Option<NotPristine> {
        self.refused.get().copied()
    }

    /// What a call gets that asks for `wanted`.
    pub(crate) fn available(&self, wanted: Isolation) -> Isolation {
        match (wanted, self.refused()) {
            (Isolation::Pristine, Some(_)) => Isolation::Fresh,
            (wanted, _) => wanted,
        }
    }

    /// Has `keep_state` keep what an instance is put back to whose start drew this. [`Isolation::Fresh`] when that cannot be done.
    pub(crate) fn keep(
        &self,
        drawn: Option<NotPristine>,
        keep_state: impl FnOnce() -> Result<(), Unrestorable>,
    ) -> Isolation {
        if self.refused().is_some() {
            return Isolation::Fresh;
        }
        let kept = match drawn {
            Some(drawn) if !self.frozen_start => Err(drawn),
            _ => keep_state().map_err(NotPristine::from),
        };
        let Err(reason) = kept else { return Isolation::Pristine };
        if self.refused.set(reason).is_ok() {
            log::warn!("pristine calls of a guest get fresh instances: {reason}");
        }
        Isolation::Fresh
    }
}
