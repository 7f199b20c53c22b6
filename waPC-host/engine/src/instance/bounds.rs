//! What a run can be bounded by beside its deadline: fuel, and a flag that somebody else raises.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst, fence};

use super::{Entry, Instance};
use crate::{Deadline, Error};

/// What ends a run from outside.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) deadline: Option<Deadline>,
    /// Raised when the run is not wanted any more.
    pub(super) cancelled: Option<&'a AtomicBool>,
}

/// Asked when the run was marked as begun. Without the fence that could be seen later than what is read here, so that whoever
/// raises the flag in between would find neither.
pub(super) fn is_raised(flag: &AtomicBool) -> bool {
    fence(SeqCst);
    flag.load(SeqCst)
}

impl<T: Send + 'static> Instance<T> {
    /// Gives the runs that follow `fuel` to use between them, one unit for each WebAssembly instruction, or lets them use any
    /// amount. A new instance may use any amount. An instruction is one unit however much it does: one that fills memory in
    /// bulk is bounded by a deadline, not by fuel.
    ///
    /// # Errors
    /// [`Error::NotMetered`] when the module was compiled without [`EngineBuilder::fuel`](crate::EngineBuilder::fuel).
    pub fn set_fuel(&mut self, fuel: Option<u64>) -> Result<(), Error> {
        match &mut self.tank {
            Some(tank) => tank.fill(fuel, &mut self.store, &self.instance),
            None => return Err(Error::NotMetered),
        }
        Ok(())
    }

    /// How much fuel was used since [`set_fuel`](Self::set_fuel), or since the instance was made; all of it after
    /// [`Error::FuelExhausted`].
    ///
    /// # Errors
    /// [`Error::NotMetered`], as for [`set_fuel`](Self::set_fuel).
    pub fn fuel_used(&mut self) -> Result<u64, Error> {
        match &self.tank {
            Some(tank) => Ok(tank.used(&mut self.store, &self.instance)),
            None => Err(Error::NotMetered),
        }
    }

    /// As [`enter`](Self::enter), unless `cancelled` is raised: then the guest is not entered.
    ///
    /// Whoever raises the flag and uses a [`CancelHandle`](crate::CancelHandle) of this instance afterwards ends the call for
    /// certain: either it is still to look at the flag, or the handle finds it running.
    ///
    /// # Errors
    /// As [`enter`](Self::enter); [`Error::Cancelled`] when the flag was up, which leaves the instance as it was.
    pub fn enter_unless(
        &mut self,
        cancelled: &AtomicBool,
        entry: &Entry,
        arguments: (u32, u32),
        lent: [&[u8]; 2],
        deadline: Option<Deadline>,
    ) -> Result<u32, Error> {
        self.enter_within(entry, arguments, lent, Bounds { deadline, cancelled: Some(cancelled) })
    }

    /// As [`invoke`](Self::invoke) without arguments, unless `cancelled` is raised; see [`enter_unless`](Self::enter_unless).
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke); [`Error::Cancelled`] when the flag was up, which leaves the instance as it was.
    pub fn start_unless(
        &mut self,
        cancelled: &AtomicBool,
        export: &str,
        deadline: Option<Deadline>,
    ) -> Result<(), Error> {
        self.invoke_within(export, &[], Bounds { deadline, cancelled: Some(cancelled) }).map(drop)
    }
}
