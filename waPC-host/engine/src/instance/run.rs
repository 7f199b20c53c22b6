//! Marks runs of one instance as begun and ended, and tells how they ended: the one road into a guest that is made.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering::SeqCst, fence},
};

use system_limits::{NoThread, Wanted};

use crate::{
    error::Error,
    limits::deadline::Deadline,
    text,
    wasmer::run::{call::Fault, guest_stack, interrupt, trap::Trap},
    watchdog::{
        slot::Ending,
        watch::{CancelHandle, Watch},
    },
};

/// What ends a run from outside.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) deadline: Option<Deadline>,
    /// Raised when the run is not wanted any more.
    pub(super) cancelled: Option<&'a AtomicBool>,
}

/// The runs of one instance, of which at most one is under way.
pub(super) struct Runs {
    watch: Watch,
    /// The export of the run that failed, after which there are no others.
    poisoned: Option<String>,
}

/// Why a run has no result.
pub(super) enum Stopped {
    /// The guest was not entered.
    NotEntered(Error),
    /// The run failed, or was ended.
    Failed(Ending, Trap),
}

impl Runs {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, poisoned: None }
    }

    /// Has `enter` enter the guest through `export`, within `bounds`.
    #[inline]
    pub(super) fn run<R>(
        &self,
        export: &str,
        Bounds { deadline, cancelled }: Bounds<'_>,
        enter: impl FnOnce() -> Result<R, Fault>,
    ) -> Result<R, Stopped> {
        let target_and_place = self.prepare(export);
        let (target, _on_top) = target_and_place.map_err(Stopped::NotEntered)?;
        self.watch.arm(deadline, target);
        if cancelled.is_some_and(is_raised) {
            self.watch.disarm();
            return Err(Stopped::NotEntered(Error::Cancelled { export: export.to_owned() }));
        }
        let result = enter();
        match (result, self.watch.disarm()) {
            (Ok(results), Ending::InTime) => Ok(results),
            (Ok(_), ending) => Err(Stopped::Failed(ending, late())),
            (Err(Fault::Ended(trap)), ending) => Err(Stopped::Failed(ending, trap)),
            (Err(fault), _) => Err(Stopped::NotEntered(unentered(fault))),
        }
    }

    /// Refuses a run that cannot begin, and finds out what its interrupts are sent to.
    #[inline]
    fn prepare(&self, export: &str) -> Result<(interrupt::Target, interrupt::OnTop), Error> {
        if let Some(export) = &self.poisoned {
            return Err(Error::Poisoned { export: export.clone() });
        }
        if guest_stack::is_on_guest_stack() {
            return Err(Error::EnteredFromShortFunction { export: export.to_owned() });
        }
        let target = interrupt::target(export)?;
        self.watch.make_sure().map_err(without_watchdog)?;
        Ok(target)
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Allows no more runs, for one of `export` failed.
    pub(super) fn poison(&mut self, export: &str) {
        self.poisoned = Some(export.to_owned());
    }

    pub(super) fn poisoned(&self) -> Option<&str> {
        self.poisoned.as_deref()
    }

    pub(super) fn cancel_handle(&self) -> CancelHandle {
        self.watch.cancel_handle()
    }
}

/// Asked when the run was marked as begun. Without the fence that could be seen later than what is read here, so that whoever
/// raises the flag in between would find neither.
fn is_raised(flag: &AtomicBool) -> bool {
    fence(SeqCst);
    flag.load(SeqCst)
}

#[cold]
pub(super) fn without_watchdog(error: io::Error) -> Error {
    let reason = |reason: &str| text::cut(&format!("there is no thread for deadlines: {reason}")).to_owned();
    match error.downcast::<NoThread>() {
        Ok(no_thread) => Error::Resources { reason: reason(&no_thread.reason), limit: no_thread.limit },
        Err(error) => Error::resources(&reason(&error.to_string()), Wanted::Thread),
    }
}

/// What a guest comes to that could not be entered.
#[cold]
pub(super) fn unentered(fault: Fault) -> Error {
    let reason = match fault {
        Fault::NoStack(reason) => reason,
        Fault::Ended(trap) => trap.message(),
    };
    Error::resources(&reason, Wanted::Memory)
}

/// What a run comes to that went well, but came back after it had been ended from outside: its interrupt may still be on its way.
#[cold]
pub(super) fn late() -> Trap {
    Trap::new("it was ended just before it came back")
}
