//! Decides which error a run that failed ends with.

use system_limits::Wanted;

use crate::{
    error::{Error, TrapKind},
    limits::deadline::Deadline,
    wasmer::{
        run::trap::Trap,
        store::{Notes, Unmade},
    },
    watchdog::{slot::Ending, unreached::Unreached},
};

/// Everything that was noted about one failed run.
pub(super) struct Failure<'a> {
    pub(super) export: &'a str,
    pub(super) deadline: Option<Deadline>,
    pub(super) ending: Ending,
    /// Why interrupts did not reach it, when it had to be ended.
    pub(super) unreached: Option<Unreached>,
    pub(super) notes: Notes,
    /// The fuel that the guest was given, if it used it up.
    pub(super) fuel: Option<u64>,
}

impl Failure<'_> {
    pub(super) fn of_instantiation(self, unmade: Unmade) -> Error {
        match unmade {
            Unmade::Trapped(trap) => self.of_run(&trap),
            Unmade::Failed(reason) if self.ending != Ending::InTime => self.of_run(&Trap::new(reason)),
            Unmade::Failed(reason) => Error::resources(&reason, Wanted::Instance),
        }
    }

    pub(super) fn of_run(self, trap: &Trap) -> Error {
        let export = self.export.to_owned();
        match (self.ending, self.deadline) {
            (Ending::Overdue, Some(deadline)) => {
                let unreached = self.unreached;
                return Error::DeadlineExceeded { export, limit: deadline.limit(), unreached };
            }
            (Ending::Cancelled, _) => return Error::Cancelled { export },
            _ => {}
        }
        if let Some(limit) = self.fuel {
            return Error::FuelExhausted { export, limit };
        }
        if let Some(source) = self.notes.refusal {
            return Error::Host { export, source };
        }
        if self.notes.overflowed {
            let message = "call stack exhausted".to_owned();
            return Error::Trap { export, kind: TrapKind::StackOverflow, message, trace: trap.trace() };
        }
        if let Some((requested, limit)) = self.notes.refused_memory {
            return Error::MemoryLimit { requested, limit };
        }
        Error::Trap { export, kind: trap.kind(), message: trap.message(), trace: trap.trace() }
    }
}
