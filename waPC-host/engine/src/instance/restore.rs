//! Puts an instance back to what it was at one moment.

use super::Instance;
use crate::error::Unrestorable;

impl<T: Send + 'static> Instance<T> {
    /// Keeps what the instance is like now, for [`restore`](Self::restore): a copy of its memory up
    /// to the last byte that is not zero, beyond the instance's own budget and of 16 MiB at most,
    /// its globals and its tables.
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
    /// # Errors
    /// [`Unrestorable::Poisoned`] after a run that failed, [`Unrestorable::NotKept`] when no state
    /// was kept, [`Unrestorable::Grown`] when the memory or a table has grown since.
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
