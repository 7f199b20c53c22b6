//! Where a module's compiled code lies, and whether a signal that ends a run may do so where it came.
//!
//! The engine ends a run from its signal handler, by throwing the guest's stack away. That is only sound between two
//! instructions of the guest: on the same stack run the engine's own functions (the way to a function of the host and back,
//! growing a memory, making the trace of a trap), which may hold locks of the whole process. So the signal is let through
//! when the processor was in compiled code, and taken without effect otherwise; the watchdog sends it again.

use std::{ops::Range, sync::Arc};

use wasmer::Store;

use crate::watchdog::Watch;

/// The addresses of a module's compiled functions, sorted.
#[derive(Debug, Clone)]
pub(crate) struct Code(Arc<[Range<usize>]>);

impl Code {
    pub(crate) fn of(module: &wasmer::Module) -> Self {
        let extents = module.sys_artifact().and_then(|artifact| artifact.finished_function_extents());
        let range = |start: usize, length: usize| start..start.saturating_add(length);
        let mut ranges: Vec<_> = extents
            .unwrap_or_default()
            .into_iter()
            .map(|(_, extent)| range(extent.ptr.0.addr(), extent.length))
            .collect();
        ranges.sort_by_key(|range| range.start);
        Self(ranges.into())
    }

    /// Called from a signal handler, so it neither allocates nor locks.
    fn contains(&self, address: usize) -> bool {
        let after = self.0.partition_point(|range| range.start <= address);
        after.checked_sub(1).is_some_and(|index| self.0[index].contains(&address))
    }
}

/// Has signals that come during the runs of a store only end a run where that is sound.
#[cfg(unix)]
pub(crate) fn guard(store: &mut Store, code: Code, watch: &Watch) {
    let watch = watch.clone();
    // True means that nothing more is to be done.
    store.set_trap_handler(Some(Box::new(move |signal, _, context| {
        if is_interrupt(signal) {
            !watch.lets_interrupt_through(|| program_counter(context).is_some_and(|pc| code.contains(pc)))
        } else if watch.holds_interrupts_back() {
            // A function of the host ran out of the guest's stack or touched what is not there. Going on without it would skip
            // whatever it had to put back.
            std::process::abort()
        } else {
            false
        }
    })));
}

#[cfg(not(unix))]
pub(crate) fn guard(_: &mut Store, _: Code, _: &Watch) {}

#[cfg(all(unix, feature = "host-interrupt"))]
fn is_interrupt(signal: libc::c_int) -> bool {
    signal == libc::SIGUSR1
}

#[cfg(all(unix, not(feature = "host-interrupt")))]
fn is_interrupt(_: std::ffi::c_int) -> bool {
    false
}

#[cfg(all(unix, not(feature = "host-interrupt")))]
fn program_counter(_: *const std::ffi::c_void) -> Option<usize> {
    None
}

/// Where the processor was when the signal came; `None` where that is not known, so that no run is ended there by a signal
/// before its attempts are exhausted.
#[cfg(all(unix, feature = "host-interrupt"))]
fn program_counter(context: *const libc::c_void) -> Option<usize> {
    if context.is_null() {
        return None;
    }
    // SAFETY: the system passes a signal handler that asks for it a pointer to the interrupted thread's context, of this type,
    // which lives for as long as the handler runs.
    let context = unsafe { &*context.cast::<libc::ucontext_t>() };
    counter_of(context)
}

#[cfg(all(feature = "host-interrupt", target_os = "linux", target_arch = "x86_64"))]
fn counter_of(context: &libc::ucontext_t) -> Option<usize> {
    let counter = context.uc_mcontext.gregs[libc::REG_RIP as usize];
    usize::try_from(counter).ok()
}

#[cfg(all(feature = "host-interrupt", target_os = "linux", target_arch = "aarch64"))]
fn counter_of(context: &libc::ucontext_t) -> Option<usize> {
    usize::try_from(context.uc_mcontext.pc).ok()
}

#[cfg(all(
    unix,
    feature = "host-interrupt",
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))
))]
fn counter_of(_: &libc::ucontext_t) -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let code = Code(Arc::from([10..20, 30..40]));
        for (address, inside) in [(9, false), (10, true), (19, true), (20, false), (30, true), (40, false)] {
            assert_eq!(code.contains(address), inside, "{address}");
        }
        assert!(!Code(Arc::from([])).contains(0));
    }

    #[test]
    fn the_functions_of_a_module_are_found() {
        let module = crate::Engine::new().compile(b"(module (func) (func (export \"f\")))").unwrap();
        let code = Code::of(module.wasmer());
        assert_eq!(code.0.len(), 2);
        assert!(code.0.iter().all(|range| !range.is_empty() && code.contains(range.start)));
    }
}
