//! Decides whether a signal may end the run that it finds.
//!
//! wasmer ends a run from its signal handler, by throwing the guest stack away. That is only sound
//! between two instructions of the guest: runtime functions run on the same stack (the way to a
//! host function and back, filling a memory, making the trace of a trap), and may hold locks of the
//! whole process. So an interrupt is let through when the processor was in compiled code. Otherwise
//! it raises the run's [`StopFlag`], and the watchdog sends it again. A stack overflow, too, only
//! ends a run in compiled code; elsewhere it opens the stack's reserve and raises the flag.

use std::sync::Arc;
#[cfg(unix)]
use std::{
    ffi::{c_int, c_void},
    io::Write,
    os::fd::FromRawFd,
};

use wasmer::Store;

#[cfg(unix)]
use super::guest_stack::Zone;
use super::{code::Code, guest_stack::GuestStack, stop::StopFlag};
use crate::watchdog::slot::Slot;
#[cfg(all(unix, feature = "host-interrupt"))]
use crate::watchdog::system;

/// Whether the processor's state can be read here when a signal comes. Elsewhere a run is ended
/// wherever it is on the guest stack, when it was interrupted often enough.
#[cfg(unix)]
const KNOWS_COUNTER: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")));

/// Has signals that come during the runs of a store only end a run where that is sound.
#[cfg(unix)]
pub(crate) fn guard(store: &mut Store, code: Code, slot: &Arc<Slot>, stack: Arc<GuestStack>, stop: StopFlag) {
    #[cfg(feature = "host-interrupt")]
    system::note_handler();
    let slot = slot.clone();
    // True means that wasmer need do nothing more.
    store.set_trap_handler(Some(Box::new(move |signal, info, context| {
        if is_interrupt(signal) {
            slot.note_arrival();
            !may_end_run(&slot, &code, &stop, context)
        } else if slot.is_in_short_function() {
            abort("wapc-engine: a short host function overran the guest stack\n")
        } else {
            signal == libc::SIGSEGV && goes_on(&stack, &code, &stop, info, context)
        }
    })));
}

/// Whether what touched memory that it must not touch is a runtime function at the end of the guest
/// stack, which has been given the reserve. Called from a signal handler on the guest's thread, so
/// it neither allocates nor locks.
#[cfg(unix)]
fn goes_on(
    stack: &GuestStack,
    code: &Code,
    stop: &StopFlag,
    info: *const libc::siginfo_t,
    context: *const c_void,
) -> bool {
    // SAFETY: the system passes the signal's description to a handler that asks for it, and for
    // this signal it has an address.
    let address = unsafe { (*info).si_addr() }.addr();
    let zone = stack.zone(address);
    if zone == Zone::Elsewhere || program_counter(context).is_none_or(|counter| code.contains(counter)) {
        return false;
    }
    // SAFETY: the fault was on this stack, and its handler runs on the thread of the run.
    if zone == Zone::Beyond || !unsafe { stack.open() } {
        abort("wapc-engine: a runtime function had no room on the guest stack\n");
    }
    // SAFETY: the handler of a store is only called on the thread that runs it, so that its instance
    // lives, and every module is compiled with the flag.
    unsafe { stop.raise() };
    true
}

/// Ends the process: what the thread was in cannot go on, and to leave it would skip whatever it
/// had to undo, such as a lock. Called from a signal handler, so this neither allocates nor locks.
#[cfg(unix)]
#[cold]
fn abort(why: &str) -> ! {
    // SAFETY: the descriptor is the process's standard error; it is neither owned nor closed here.
    let mut stderr = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(2) });
    // Nobody is left to tell when this fails.
    let _ = stderr.write_all(why.as_bytes());
    std::process::abort()
}

/// Whether an interrupt may end the run that it found. Called from a signal handler on the guest's
/// thread, so it neither allocates nor locks.
#[cfg(unix)]
fn may_end_run(slot: &Slot, code: &Code, stop: &StopFlag, context: *const c_void) -> bool {
    if !slot.has_fired() || slot.is_in_short_function() {
        return false;
    }
    match program_counter(context) {
        Some(counter) if code.contains(counter) => return true,
        // SAFETY: the handler of a store is only called on the thread that runs it, so that its
        // instance lives, and every module is compiled with the flag.
        _ => unsafe { stop.raise() },
    }
    !KNOWS_COUNTER && slot.is_interrupted_too_often()
}

#[cfg(not(unix))]
pub(crate) fn guard(_: &mut Store, _: Code, _: &Arc<Slot>, _: Arc<GuestStack>, _: StopFlag) {}

#[cfg(all(unix, feature = "host-interrupt"))]
fn is_interrupt(signal: c_int) -> bool {
    signal == libc::SIGUSR1
}

#[cfg(all(unix, not(feature = "host-interrupt")))]
fn is_interrupt(_: c_int) -> bool {
    false
}

/// The address of the instruction at which the signal came; `None` where that is not known.
#[cfg(unix)]
fn program_counter(context: *const c_void) -> Option<usize> {
    if context.is_null() {
        return None;
    }
    // SAFETY: the system passes a signal handler that asks for it a pointer to the interrupted
    // thread's context, of this type, which lives for as long as the handler runs.
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
