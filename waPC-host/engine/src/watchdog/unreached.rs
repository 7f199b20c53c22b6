//! Finds out why interrupts do not arrive, and says it once in the log for each cause.

use std::{
    fmt,
    sync::atomic::{AtomicU8, Ordering::Relaxed},
    time::Duration,
};

use crossbeam_utils::atomic::AtomicCell;

use super::system;

/// Why interrupts do not reach the thread that a guest runs on.
///
/// Such a run is ended all the same when it next calls the host, or uses an instruction that calls
/// a runtime function (`memory.grow`, `memory.fill` and the like). One that only computes cannot be
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum Unreached {
    /// The thread blocks `SIGUSR1`. It is unblocked when the run is over; until then nothing is
    /// sent.
    Blocked = 1,
    /// The program has put another handler of `SIGUSR1` in the place of the engine's, so that none
    /// is sent.
    OtherHandler = 2,
    /// They were sent for a second, and none arrived.
    Lost = 3,
    /// The program was built without them: without the feature `host-interrupt`, or for a system
    /// that has no signals.
    NotBuilt = 4,
}

impl Unreached {
    /// What an error says after the time that a run had: nothing where it was interrupted.
    #[must_use]
    pub fn told(unreached: Option<&Self>) -> String {
        let told = |cause| format!(", and later than that, for it could not be interrupted: {cause}");
        unreached.map_or_else(String::new, told)
    }

    /// Why `sent` interrupts have not arrived at `thread`, as far as that is certain. The first of
    /// them may need their time on a busy machine. `seen` is how long it had been on a processor
    /// when it was first found to block them.
    pub(super) fn why_none_arrived(
        sent: u32,
        thread: u32,
        seen: &AtomicCell<Option<Duration>>,
    ) -> Option<Self> {
        /// From here on the thread is looked at; at 2 ms between two, that is after some 16 ms, 32
        /// ms and so on.
        const LOOK: u32 = 8;
        /// A second.
        const LOST: u32 = 500;
        /// A thread that is about to take an interrupt needs a few microseconds for it once it is
        /// on a processor, however long it waits for one.
        const LONG_ENOUGH: Duration = Duration::from_millis(2);
        match sent {
            LOST.. => Some(Self::Lost),
            LOOK.. if sent.is_power_of_two() => {
                let now = system::ran_while_blocking(thread);
                let before = seen.load().filter(|_| now.is_some());
                if before.is_none() {
                    seen.store(now);
                }
                (now?.saturating_sub(before?) >= LONG_ENOUGH).then_some(Self::Blocked)
            }
            _ => None,
        }
    }

    /// Has interrupts reach the calling thread again, which blocked them during a run, as far as
    /// that is known.
    #[cold]
    pub(super) fn unblock(self) {
        if matches!(self, Self::Blocked | Self::Lost) {
            system::unblock_interrupts();
        }
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        [Self::Blocked, Self::OtherHandler, Self::Lost, Self::NotBuilt]
            .into_iter()
            .find(|cause| *cause as u8 == number)
    }

    /// Says it in the log, the first time in this process that it happens for this cause. Who
    /// builds without interrupts knows it.
    pub(super) fn log_once(self) {
        static LOGGED: AtomicU8 = AtomicU8::new(0);
        let bit = 1 << self as u8;
        if self != Self::NotBuilt && LOGGED.fetch_or(bit, Relaxed) & bit == 0 {
            log::warn!(
                "a guest that has to end cannot be interrupted: {self}. It ends when it next calls the host or a \
                 runtime function; one that only computes goes on. This is said once for each cause."
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

#[cfg(all(test, target_os = "linux", feature = "host-interrupt"))]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering::SeqCst},
            mpsc,
        },
        time::Instant,
    };

    use super::*;

    /// A thread that is about to take an interrupt, and waits for a processor, looks like one that
    /// blocks it.
    #[test]
    fn a_thread_blocks_interrupts_only_when_it_runs_without_taking_them() {
        let (ready, is_ready) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let done = Arc::new(AtomicBool::new(false));
        let is_done = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            system::block_an_interrupt();
            ready.send(system::thread_number()).unwrap();
            may_go_on.recv().unwrap();
            while !is_done.load(SeqCst) {}
        });
        let number = is_ready.recv().unwrap();
        let seen = AtomicCell::new(None);
        for _ in 0..10 {
            assert_eq!(Unreached::why_none_arrived(8, number, &seen), None, "it is on no processor");
        }
        go_on.send(()).unwrap();
        let began = Instant::now();
        let found = loop {
            let found = Unreached::why_none_arrived(8, number, &seen);
            if found.is_some() || began.elapsed() > Duration::from_secs(60) {
                break found;
            }
        };
        done.store(true, SeqCst);
        thread.join().unwrap();
        assert_eq!(found, Some(Unreached::Blocked));
    }
}
