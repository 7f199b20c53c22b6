//! Puts an instance back to what it was at one moment.

use super::Instance;
use crate::error::Unrestorable;

impl<T: Send + 'static> Instance<T> {
    /// Keeps what the instance is like now, for [`restore`](Self::restore): its memory, its globals
    /// and its tables.
    ///
    /// On Linux 6.7 or newer the memory's content is moved to where it is mapped copy-on-write, up
    /// to the last page that is not all zeros, of 64 MiB at most; what is written to later takes
    /// memory a second time, beyond the instance's own budget. Elsewhere it is copied, and the
    /// memory may have 16 MiB at most.
    ///
    /// # Errors
    /// [`Unrestorable::Poisoned`] after a run that failed, [`Unrestorable::PassiveSegments`] for a
    /// module that has some, [`Unrestorable::LargeMemory`] and [`Unrestorable::NoRoom`]. What was
    /// kept before stays then.
    pub fn keep_state(&mut self) -> Result<(), Unrestorable> {
        self.check_restorable()?;
        self.store.keep()?;
        self.kept_fuel = self.fuel;
        Ok(())
    }

    /// Has memory, globals, tables and fuel be what they were when they were
    /// [kept](Self::keep_state). The `T` beside the instance stays as it is. The instance must not
    /// be called again after an error.
    ///
    /// On Linux 6.7 or newer only what runs have written to is put back; a run in which no page was
    /// written to for the first time makes that a copy of the pages that earlier runs wrote to.
    ///
    /// # Errors
    /// [`Unrestorable::Poisoned`] after a run that failed, [`Unrestorable::NotKept`] when no state
    /// was kept, [`Unrestorable::Grown`] when the memory has grown since and the system cannot undo
    /// that (elsewhere than on Linux).
    pub fn restore(&mut self) -> Result<(), Unrestorable> {
        self.check_restorable()?;
        self.store.put_back()?;
        self.fuel = self.kept_fuel;
        Ok(())
    }

    fn check_restorable(&self) -> Result<(), Unrestorable> {
        if self.is_poisoned() { Err(Unrestorable::Poisoned) } else { Ok(()) }
    }
}
