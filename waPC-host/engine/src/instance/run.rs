//! Marks runs of one instance as begun and ended, and tells how they ended: the one way into a
//! guest once its instance is made.

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
    /// The guest was not entered. Boxed, so that a run that goes well moves nothing large.
    NotEntered(Box<Error>),
    /// The run failed, or was ended.
    Failed(Ending, Trap),
}

impl Stopped {
    /// Of a run that failed, or went well but came back after it had been ended from outside.
    #[cold]
    fn new(fault: Option<Fault>, ending: Ending) -> Self {
        match fault {
            None => Self::Failed(ending, late()),
            Some(Fault::Ended(trap)) => Self::Failed(ending, trap),
            Some(_) if ending != Ending::InTime => Self::Failed(ending, late()),
            Some(fault) => Self::NotEntered(Box::new(unentered(fault))),
        }
    }
}

impl Runs {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, poisoned: None }
    }

    /// Has `enter` enter the guest through `export`, within `bounds`.
    #[inline]
    pub(super) fn run(
        &self,
        export: &str,
        Bounds { deadline, cancelled }: Bounds<'_>,
        enter: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<(), Stopped> {
        if let Some(error) = self.refusal(export) {
            return Err(Stopped::NotEntered(error));
        }
        let (target, _on_top) = match interrupt::target(export) {
            Ok(found) => found,
            Err(error) => return Err(Stopped::NotEntered(Box::new(error))),
        };
        if let Err(error) = self.watch.make_sure() {
            return Err(Stopped::NotEntered(Box::new(without_watchdog(error))));
        }
        self.watch.arm(deadline, target);
        if cancelled.is_some_and(is_raised) {
            return Err(match self.watch.disarm() {
                Ending::InTime => {
                    Stopped::NotEntered(Box::new(Error::Cancelled { export: export.to_owned() }))
                }
                // Whoever ended it may have raised the stop flag, so the instance is used no more.
                ending => Stopped::Failed(ending, late()),
            });
        }
        let result = enter();
        let ending = self.watch.disarm();
        match result {
            Ok(()) if ending == Ending::InTime => Ok(()),
            result => Err(Stopped::new(result.err(), ending)),
        }
    }

    /// Why no run can begin, if that is so.
    #[inline]
    fn refusal(&self, export: &str) -> Option<Box<Error>> {
        if let Some(export) = &self.poisoned {
            return Some(Box::new(Error::Poisoned { export: export.clone() }));
        }
        if guest_stack::is_on_guest_stack() {
            return Some(Box::new(Error::EnteredFromShortFunction { export: export.to_owned() }));
        }
        None
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

/// Asked when the run was marked as begun. Without the fence that could be seen later than what is
/// read here, so that whoever raises the flag in between would find neither.
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

/// What a run comes to that went well, but came back after it had been ended from outside: its
/// interrupt may still be on its way.
#[cold]
pub(super) fn late() -> Trap {
    Trap::new("it was ended just before it came back")
}
