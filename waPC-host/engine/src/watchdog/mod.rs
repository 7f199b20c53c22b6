//! Ends guests that run past their deadline, or are cancelled.
//!
//! Each instance has a [`slot`] with the state of its current run, which the guest's thread arms
//! and disarms through a [`watch`]; the [`timer`] is one thread for each engine that looks at the
//! slots and interrupts what is overdue. [`system`] is what the system knows of threads, signals
//! and forks.

pub(crate) mod slot;
#[allow(unsafe_code)]
pub(crate) mod system;
#[allow(unsafe_code)]
pub(crate) mod timer;
pub(crate) mod unreached;
pub(crate) mod watch;
