//! Whether the process was forked: the child has the memory of its parent, and of its threads only the one that forked.

#[cfg(unix)]
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::watchdog::thread;

/// How many forks lie between this process and the one that the engine was first used in.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Counts the forks from now on.
#[cfg(unix)]
pub(crate) fn watch() {
    static WATCHED: Once = Once::new();
    extern "C" fn child() {
        FORKS.fetch_add(1, Relaxed);
        thread::note_thread();
    }
    WATCHED.call_once(|| {
        // SAFETY: the handler only adds to an atomic number and notes the thread's in a value of the thread, which may be done in the child of a process with threads. When the system has no
        // room to note it, forks are not noticed.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
}

#[cfg(not(unix))]
pub(crate) fn watch() {}

#[inline]
pub(crate) fn count() -> u32 {
    FORKS.load(Relaxed)
}
