//! Marks the places at which operations can meet: between two steps of one, another may take any of its own.
//!
//! In a program these are nothing. In this crate's own tests a thread that is told to takes its steps one by one (`interleavings`).

#[cfg(not(test))]
pub(crate) use self::nothing::{behind, lock, step, wait};
#[cfg(test)]
pub(crate) use crate::interleavings::schedule::{behind, lock, step, wait};

#[cfg(not(test))]
mod nothing {
    use parking_lot::{Mutex, MutexGuard};

    use crate::changes::crew::Job;

    /// The end of a step.
    #[inline(always)]
    pub(crate) const fn step(_next: &'static str) {}

    /// The end of a step, if the next one waits until this is so.
    #[inline(always)]
    pub(crate) fn wait(_ready: impl Fn() -> bool) {}

    /// Gives the job back, for a thread of its own to take no steps.
    #[inline(always)]
    pub(crate) fn behind(job: Job) -> Option<Job> {
        Some(job)
    }

    /// Takes a lock that is held over the end of a step.
    #[inline(always)]
    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }
}
