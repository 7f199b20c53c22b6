//! Asks the system about this process and its threads: forks, the number of a thread, which signals
//! reach it; and counts how deep runs are nested on a thread.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};
#[cfg(all(unix, feature = "host-interrupt"))]
use std::{ffi::c_int, sync::atomic::AtomicUsize};

thread_local! {
    static NESTING: Cell<Nesting> = const { Cell::new(Nesting { depth: 0, thread: 0 }) };
}

/// Where runs are nested, and how deep: a guest that calls the host, which calls another guest, and
/// so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// Its size, so that it is stored by one instruction.
#[repr(align(8))]
pub(crate) struct Nesting {
    pub(crate) depth: u32,
    /// The system's number of the thread; zero where it is not known.
    pub(crate) thread: u32,
}

impl Nesting {
    /// Outside of any run.
    pub(crate) const NONE: Self = Self { depth: 0, thread: 0 };

    /// Enters a run on this thread.
    #[inline]
    pub(crate) fn enter() -> Self {
        let Self { depth, thread } = NESTING.get();
        let nesting = Self { depth: depth + 1, thread };
        NESTING.set(nesting);
        nesting
    }

    /// Leaves the innermost run on this thread.
    #[inline]
    pub(crate) fn leave() {
        let Self { depth, thread } = NESTING.get();
        NESTING.set(Self { depth: depth.saturating_sub(1), thread });
    }
}

/// Has the runs of this thread know its number, which another has in the child of a fork.
pub(crate) fn note_thread() {
    NESTING.set(Nesting { thread: thread_number(), ..NESTING.get() });
}

/// How many forks lie between this process and the one that the engine was first used in. A child
/// has the memory of its parent, and of its threads only the one that forked.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Counts the forks from now on. When the system has no room to note it, forks are not noticed.
#[cfg(unix)]
pub(crate) fn count_forks() {
    static COUNTED: std::sync::Once = std::sync::Once::new();
    extern "C" fn child() {
        FORKS.fetch_add(1, Relaxed);
        note_thread();
    }
    COUNTED.call_once(|| {
        // SAFETY: the handler only adds to an atomic number and notes the thread's in a value of
        // the thread, which may be done in the child of a process with threads.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
}

#[cfg(not(unix))]
pub(crate) fn count_forks() {}

#[inline]
pub(crate) fn forks() -> u32 {
    FORKS.load(Relaxed)
}

/// The handler of interrupts that wasmer set; zero while that is not known.
#[cfg(all(unix, feature = "host-interrupt"))]
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Notes the handler of interrupts. wasmer sets it when it makes its first store.
#[cfg(all(unix, feature = "host-interrupt"))]
pub(crate) fn note_handler() {
    if HANDLER.load(Relaxed) == 0 {
        HANDLER.store(handler(), Relaxed);
    }
}

/// Whether interrupts still go to the handler that was noted.
#[cfg(all(unix, feature = "host-interrupt"))]
pub(crate) fn is_handled() -> bool {
    handler() == HANDLER.load(Relaxed)
}

#[cfg(all(unix, feature = "host-interrupt"))]
fn handler() -> usize {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and what is written are numbers, of which all bit patterns are valid.
    unsafe {
        libc::sigaction(libc::SIGUSR1, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction
    }
}

/// The system's number of the calling thread; zero where the system tells nothing by it.
#[cfg(all(target_os = "linux", feature = "host-interrupt"))]
pub(super) fn thread_number() -> u32 {
    // SAFETY: it only returns a number.
    u32::try_from(unsafe { libc::gettid() }).unwrap_or(0)
}

#[cfg(not(all(target_os = "linux", feature = "host-interrupt")))]
pub(super) fn thread_number() -> u32 {
    0
}

/// How long a thread of this process that blocks a pending interrupt has been on a processor until
/// now, as the system tells (`proc(5)`); `None` when it blocks none, and where the system does not
/// tell. A thread that is about to take an interrupt, and has not been on a processor since, looks
/// the same.
#[cfg(all(target_os = "linux", feature = "host-interrupt"))]
pub(crate) fn ran_while_blocking(thread: u32) -> Option<Duration> {
    let read = |name| std::fs::read_to_string(format!("/proc/self/task/{thread}/{name}"));
    let blocks = |status: &String| has_interrupt(status, "SigPnd:") && has_interrupt(status, "SigBlk:");
    read("status").ok().filter(blocks)?;
    let times = read("schedstat").ok()?;
    times.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(not(all(target_os = "linux", feature = "host-interrupt")))]
pub(crate) fn ran_while_blocking(_: u32) -> Option<Duration> {
    None
}

/// Whether the signal of interrupts is in the mask on the line that begins with `field`.
#[cfg(all(target_os = "linux", feature = "host-interrupt"))]
fn has_interrupt(status: &str, field: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix(field));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (libc::SIGUSR1 - 1)) != 0)
}

/// Lets interrupts reach the calling thread, which may have inherited a mask that blocks all
/// signals.
#[cfg(all(unix, feature = "host-interrupt"))]
pub(crate) fn unblock_interrupts() {
    change_mask(libc::SIG_UNBLOCK, &[libc::SIGUSR1]);
}

/// Sends an interrupt to the calling thread, which blocks it.
#[cfg(all(test, target_os = "linux", feature = "host-interrupt"))]
pub(crate) fn block_an_interrupt() {
    change_mask(libc::SIG_BLOCK, &[libc::SIGUSR1]);
    // SAFETY: the signal waits until this thread ends, and goes with it.
    unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1) };
}

/// Returns when the calling thread has taken an interrupt that was sent to it before.
#[cfg(all(unix, feature = "host-interrupt"))]
pub(crate) fn take_pending_interrupts() {
    // POSIX: a signal that is pending and not blocked is delivered before this returns, whatever it
    // changes.
    change_mask(libc::SIG_BLOCK, &[]);
}

#[cfg(all(unix, feature = "host-interrupt"))]
fn change_mask(how: c_int, signals: &[c_int]) {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: the set is made empty before it is used, lives while it is used, and its old value is
    // not asked for.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut());
    }
}

#[cfg(not(all(unix, feature = "host-interrupt")))]
pub(crate) fn unblock_interrupts() {}

#[cfg(not(all(unix, feature = "host-interrupt")))]
pub(crate) fn take_pending_interrupts() {}
