//! Signals: where one may end the run that it finds, and what a thread has to do to be reached by them.
//!
//! The engine ends a run from its signal handler, by throwing the guest's stack away. That is only sound between two
//! instructions of the guest: on the same stack run the engine's own functions (the way to a function of the host and back,
//! filling a memory, making the trace of a trap), which may hold locks of the whole process. So an interrupt is let through
//! when the processor was in compiled code. Otherwise it raises the run's [`StopSign`], and the watchdog sends it again. A stack
//! overflow, too, only ends a run in compiled code; elsewhere it opens the stack's reserve and raises the sign.

#[cfg(all(unix, feature = "host-interrupt"))]
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
#[cfg(unix)]
use std::{
    ffi::{c_int, c_void},
    io::Write,
    os::fd::FromRawFd,
};
use std::{sync::Arc, time::Duration};

use wasmer::Store;

#[cfg(unix)]
use crate::wasmer::run::guest_stack::Zone;
use crate::{
    wasmer::run::code::Code, wasmer::run::guest_stack::GuestStack, wasmer::run::stop::StopSign,
    watchdog::thread::Watch,
};

/// Whether the processor's state can be read here when a signal comes. Elsewhere a run is ended wherever it is on the guest's
/// stack, when it was interrupted often enough.
#[cfg(unix)]
const KNOWS_COUNTER: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Has signals that come during the runs of a store only end a run where that is sound.
#[cfg(unix)]
pub(crate) fn guard(store: &mut Store, code: Code, watch: &Watch, stack: Arc<GuestStack>, stop: StopSign) {
    #[cfg(feature = "host-interrupt")]
    note_handler();
    let watch = watch.clone();
    // True means that nothing more is to be done.
    store.set_trap_handler(Some(Box::new(move |signal, info, context| {
        if is_interrupt(signal) {
            watch.note_arrival();
            !may_end_run(&watch, &code, &stop, context)
        } else if watch.holds_interrupts_back() {
            give_up("wapc-engine: a short function of the host overran the stack of its guest\n")
        } else {
            signal == libc::SIGSEGV && goes_on(&stack, &code, &stop, info, context)
        }
    })));
}

/// Whether what touched memory that it must not touch is a function of the engine at the end of the guest's stack, which has been
/// given the reserve. Called from a signal handler on the guest's thread, so it neither allocates nor locks.
#[cfg(unix)]
fn goes_on(
    stack: &GuestStack,
    code: &Code,
    stop: &StopSign,
    info: *const libc::siginfo_t,
    context: *const c_void,
) -> bool {
    // SAFETY: the system passes the signal's description to a handler that asks for it, and for this signal it has an address.
    let address = unsafe { (*info).si_addr() }.addr();
    let zone = stack.zone(address);
    if zone == Zone::Elsewhere || program_counter(context).is_none_or(|counter| code.contains(counter)) {
        return false;
    }
    if zone == Zone::Beyond || !stack.open() {
        give_up("wapc-engine: a function of the engine had no room on the stack of its guest\n");
    }
    // SAFETY: the handler of a store is only called on the thread that runs it, and every module is compiled with the sign.
    unsafe { stop.raise() };
    true
}

/// What a thread was in cannot go on, and going on without it would skip whatever it had to put back, such as a lock. Called from
/// a signal handler, so this neither allocates nor locks.
#[cfg(unix)]
#[cold]
fn give_up(why: &str) -> ! {
    // SAFETY: the descriptor is the process's standard error; it is neither owned nor closed here.
    let mut stderr = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(2) });
    // Nobody is left to tell when this fails.
    let _ = stderr.write_all(why.as_bytes());
    std::process::abort()
}

/// Whether an interrupt may end the run that it found. Called from a signal handler on the guest's thread, so it neither
/// allocates nor locks.
#[cfg(unix)]
fn may_end_run(watch: &Watch, code: &Code, stop: &StopSign, context: *const c_void) -> bool {
    if !watch.has_fired() || watch.holds_interrupts_back() {
        return false;
    }
    match program_counter(context) {
        Some(counter) if code.contains(counter) => return true,
        // SAFETY: the handler of a store is only called on the thread that runs it, and every module is compiled with the sign.
        _ => unsafe { stop.raise() },
    }
    !KNOWS_COUNTER && watch.loses_patience()
}

#[cfg(not(unix))]
pub(crate) fn guard(_: &mut Store, _: Code, _: &Watch, _: Arc<GuestStack>, _: StopSign) {}

#[cfg(all(unix, feature = "host-interrupt"))]
fn is_interrupt(signal: c_int) -> bool {
    signal == libc::SIGUSR1
}

#[cfg(all(unix, not(feature = "host-interrupt")))]
fn is_interrupt(_: c_int) -> bool {
    false
}

/// Where the processor was when the signal came; `None` where that is not known.
#[cfg(unix)]
fn program_counter(context: *const c_void) -> Option<usize> {
    if context.is_null() {
        return None;
    }
    // SAFETY: the system passes a signal handler that asks for it a pointer to the interrupted thread's context, of this type,
    // which lives for as long as the handler runs.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    counter_of(context)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn counter_of(context: &libc::ucontext_t) -> Option<usize> {
    let counter = context.uc_mcontext.gregs[libc::REG_RIP as usize];
    usize::try_from(counter).ok()
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn counter_of(context: &libc::ucontext_t) -> Option<usize> {
    usize::try_from(context.uc_mcontext.pc).ok()
}

#[cfg(all(unix, not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))))]
fn counter_of(_: &libc::ucontext_t) -> Option<usize> {
    None
}

/// The handler that the engine set for interrupts; zero while that is not known.
#[cfg(all(unix, feature = "host-interrupt"))]
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Notes the handler of interrupts, which the engine has set when it makes its first store.
#[cfg(all(unix, feature = "host-interrupt"))]
fn note_handler() {
    if HANDLER.load(Relaxed) == 0 {
        HANDLER.store(handler(), Relaxed);
    }
}

/// Whether interrupts still go to the engine's handler.
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
pub(crate) fn thread_number() -> u32 {
    // SAFETY: it only returns a number.
    u32::try_from(unsafe { libc::gettid() }).unwrap_or(0)
}

#[cfg(not(all(target_os = "linux", feature = "host-interrupt")))]
pub(crate) fn thread_number() -> u32 {
    0
}

/// How long a thread of this process that keeps an interrupt away was on a processor until now, as the system tells (`proc(5)`); `None` when
/// it keeps none away, and where nobody tells. One that is about to take an interrupt, and has not come on a processor since, looks the same.
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

/// Lets interrupts reach the calling thread, which may have inherited a mask that keeps all signals away.
#[cfg(all(unix, feature = "host-interrupt"))]
pub(crate) fn admit_interrupts() {
    change_mask(libc::SIG_UNBLOCK, &[libc::SIGUSR1]);
}

/// Sends an interrupt to the calling thread, which keeps it away.
#[cfg(all(test, target_os = "linux", feature = "host-interrupt"))]
pub(crate) fn keep_an_interrupt_away() {
    change_mask(libc::SIG_BLOCK, &[libc::SIGUSR1]);
    // SAFETY: the signal waits until this thread ends, and goes with it.
    unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1) };
}

/// Returns when the calling thread has taken an interrupt that was sent to it before.
#[cfg(all(unix, feature = "host-interrupt"))]
pub(crate) fn take_pending_interrupts() {
    // POSIX: a signal that is pending and not blocked is delivered before this returns, whatever it changes.
    change_mask(libc::SIG_BLOCK, &[]);
}

#[cfg(all(unix, feature = "host-interrupt"))]
fn change_mask(how: c_int, signals: &[c_int]) {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: the set is made empty before it is used, lives while it is used, and its old value is not asked for.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut());
    }
}

#[cfg(not(all(unix, feature = "host-interrupt")))]
pub(crate) fn admit_interrupts() {}

#[cfg(not(all(unix, feature = "host-interrupt")))]
pub(crate) fn take_pending_interrupts() {}
