//! Interrupts that do not arrive: why, and who is told.

use std::{
    fmt,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

/// Why interrupts do not reach the thread that a guest runs on.
///
/// Such a run is ended all the same when it next calls the host, or uses an instruction that the engine carries out (`memory.grow`,
/// `memory.fill` and their like). One that only computes cannot be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Unreached {
    /// The thread blocks `SIGUSR1`. It is unblocked when the run is over; until then nothing is sent.
    Blocked = 1,
    /// The program has put another handler of `SIGUSR1` in the place of the engine's, so that none is sent.
    OtherHandler = 2,
    /// They were sent for a second, and none arrived.
    Lost = 3,
    /// The program was built without them: without the feature `host-interrupt`, or for a system that has no signals.
    NotBuilt = 4,
}

impl Unreached {
    /// What an error says after the time that a run had: nothing where it was interrupted.
    #[must_use]
    pub fn told(unreached: Option<&Self>) -> String {
        let told = |cause| format!(", and later than that, for it could not be interrupted: {cause}");
        unreached.map_or_else(String::new, told)
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Blocked, Self::OtherHandler, Self::Lost, Self::NotBuilt]
            .into_iter()
            .find(|cause| *cause as u8 == number)
    }

    /// Says it in the log, the first time in this process that it happens for this cause. Who builds without interrupts knows it.
    pub(crate) fn log_once(self) {
        static LOGGED: AtomicU8 = AtomicU8::new(0);
        let bit = 1 << self as u8;
        if self != Self::NotBuilt && LOGGED.fetch_or(bit, Relaxed) & bit == 0 {
            log::warn!(
                "a guest that has to end cannot be interrupted: {self}. It ends when it next calls the host or has the engine do \
                 something; one that only computes goes on. This is said once for each cause."
            );
        }
    }
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => {
                "its thread blocks SIGUSR1; leave that signal to the engine on threads that call guests"
            }
            Self::OtherHandler => {
                "the program has a handler of SIGUSR1 of its own; use another signal, or build without the feature `host-interrupt`"
            }
            Self::Lost => "SIGUSR1 was sent to its thread for a second and did not arrive",
            Self::NotBuilt => "interrupts are not built in; switch the feature `host-interrupt` on",
        })
    }
}
