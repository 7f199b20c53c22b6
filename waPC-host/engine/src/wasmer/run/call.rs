//! Enters compiled code, on a guest stack.
//!
//! wasmer's own way in looks the store and the thread up in tables of the whole process at every
//! call and every import. What is needed of that is kept beside the instance instead, so that a
//! call costs little more than switching stacks.

use std::{
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
};

use wasmer::{
    AsStoreMut, AsStoreRef, Extern, RuntimeError, Store,
    sys::vm::{self, VMCallerCheckedAnyfunc, VMConfig},
};
use wasmer_types::RawValue;

use super::{
    guest_stack::{self, GuestStack, Unprepared},
    trap::Trap,
};
use crate::host_error::HostPanic;

const CONFIG: VMConfig = VMConfig { wasm_stack_size: Some(guest_stack::SIZE) };

/// Why a call did not return.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The guest's run came to an end before it was done.
    Ended(Trap),
    /// There was no stack for the guest, which was not entered. The words say why.
    NoStack(String),
}

/// A function of an instance, as compiled code is entered.
#[derive(Clone, Copy)]
pub(crate) struct Callee(NonNull<VMCallerCheckedAnyfunc>);

// SAFETY: what it points to is only followed in a call of the store that it belongs to.
unsafe impl Send for Callee {}
// SAFETY: as above.
unsafe impl Sync for Callee {}

impl Callee {
    /// The function behind an export of an instance in `store`, for as long as the store lives.
    pub(crate) fn new(function: &wasmer::Function, store: &mut Store) -> Self {
        let handle = match Extern::from(function.clone()).to_vm_extern().unwrap_sys() {
            vm::VMExtern::Function(handle) => handle,
            _ => unreachable!("a function is a function below, too"),
        };
        Self(handle.get(store.objects_mut().as_sys()).anyfunc.as_ptr())
    }

    /// Enters the function. Its arguments lie in `values`, and its results will.
    ///
    /// # Safety
    /// The function must belong to a live instance in `store`, `values` must have room for its
    /// arguments and for its results and hold arguments of its types, and `stack` must live. No
    /// other run of the same instance may be under way.
    #[inline]
    pub(crate) unsafe fn call(
        self,
        store: &Store,
        values: &mut [RawValue],
        stack: *const GuestStack,
    ) -> Result<(), Fault> {
        // SAFETY: the instance lives, and nothing writes to what wasmer keeps of its functions.
        let VMCallerCheckedAnyfunc { func_ptr, vmctx, call_trampoline, .. } = unsafe { self.0.read() };
        let values = values.as_mut_ptr();
        let enter = move || {
            // SAFETY: the caller vouches that it lives, and this runs first of all on a stack of the
            // size in `CONFIG`, which is that of guest stacks.
            unsafe { (*stack).prepare() }?;
            // SAFETY: whoever made the function made the trampoline for it, and the caller vouches
            // for the values. A union of pointers is passed like a pointer.
            unsafe { call_trampoline(vmctx.vmctx, func_ptr, values) };
            Ok(())
        };
        // SAFETY: the closure has nothing to drop, so that a trap, which throws its stack away,
        // loses nothing.
        unsafe { on_stack(store, enter) }
    }
}

/// Prepares the stack that wasmer takes next on this thread, which it enters itself for a start
/// section.
///
/// # Safety
/// `stack` must live.
pub(crate) unsafe fn prepare_stack(store: &Store, stack: *const GuestStack) -> Result<(), Fault> {
    // SAFETY: the caller vouches that the stack lives; it is prepared first of all there, and the
    // closure has nothing to drop.
    unsafe { on_stack(store, move || (*stack).prepare()) }
}

/// Runs `enter` at the bottom of a guest stack.
///
/// # Safety
/// `enter` must have nothing to drop.
#[inline]
unsafe fn on_stack(
    store: &Store,
    enter: impl FnOnce() -> Result<(), Unprepared> + 'static,
) -> Result<(), Fault> {
    let handler = store.as_store_ref().signal_handler();
    // wasmer panics when the system gives it no stack; nothing of the guest is under way then.
    let mut fault = None;
    let entered = catch_unwind(AssertUnwindSafe(|| {
        // A trap is large, so it is only moved when there is one.
        // SAFETY: the caller vouches for the closure.
        match unsafe { vm::catch_traps(handler, &CONFIG, enter) } {
            Ok(Ok(())) => {}
            Err(trap) => fault = Some(ended(trap)),
            Ok(Err(Unprepared(code))) => {
                fault = Some(no_stack(&io::Error::from_raw_os_error(code).to_string()))
            }
        }
    }));
    match (entered, fault) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(fault)) => Err(fault),
        (Err(panic), _) => Err(no_stack(&HostPanic::caught(panic).message)),
    }
}

#[cold]
fn ended(trap: vm::Trap) -> Fault {
    Fault::Ended(RuntimeError::from(trap).into())
}

#[cold]
fn no_stack(reason: &str) -> Fault {
    Fault::NoStack(format!("there is no stack of {} bytes for the guest: {reason}", guest_stack::SIZE))
}

impl fmt::Debug for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callee")
    }
}
