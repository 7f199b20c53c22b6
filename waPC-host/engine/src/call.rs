//! The one road into compiled code, and the stack that it runs on.
//!
//! wasmer's own way in looks the store and the thread up in tables of the whole process at every call and every import. What
//! is needed of that is kept here beside the instance instead, so that a call costs little more than the change of stacks.

use std::{cell::Cell, fmt, ptr::NonNull};

use wasmer::{
    AsStoreMut, AsStoreRef, Extern, RuntimeError, Store,
    sys::vm::{self, VMCallerCheckedAnyfunc, VMConfig},
};
use wasmer_types::RawValue;

/// The size of a guest's stack in bytes: wasmer's default, so that its stacks are kept for the next call.
const STACK: usize = 1 << 20;
const CONFIG: VMConfig = VMConfig { wasm_stack_size: Some(STACK) };
/// How much of the guest's stack must be left for a function of the host to run on it, in bytes.
const RESERVE: usize = 256 << 10;

thread_local! {
    /// Whether a function of the host runs on a guest's stack, where no guest can be entered.
    static ON_GUEST_STACK: Cell<bool> = const { Cell::new(false) };
}

/// A function of an instance, as compiled code is entered.
#[derive(Clone, Copy)]
pub(crate) struct Callee(NonNull<VMCallerCheckedAnyfunc>);

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
    /// The function must belong to a live instance in `store`, `values` must have room for its arguments and for its results
    /// and hold arguments of its types, and `floor` must live. No other run of the same instance may be under way.
    #[inline]
    pub(crate) unsafe fn call(
        self,
        store: &Store,
        values: &mut [RawValue],
        floor: *const StackFloor,
    ) -> Result<(), RuntimeError> {
        // SAFETY: the instance lives, and nothing writes to what the engine keeps of its functions.
        let VMCallerCheckedAnyfunc { func_ptr, vmctx, call_trampoline, .. } = unsafe { self.0.read() };
        let values = values.as_mut_ptr();
        let enter = move || {
            // SAFETY: the caller vouches for the floor.
            unsafe { (*floor).lay() };
            // SAFETY: whoever made the function made the trampoline for it, and the caller vouches for the values. A union of
            // pointers is passed like a pointer.
            unsafe { call_trampoline(vmctx.vmctx, func_ptr, values) };
        };
        // SAFETY: the closure has nothing to drop, so that a trap, which throws its stack away, loses nothing.
        let result = unsafe { vm::catch_traps(store.as_store_ref().signal_handler(), &CONFIG, enter) };
        result.map_err(RuntimeError::from)
    }
}

impl fmt::Debug for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callee")
    }
}

/// The address down to which functions of the host may begin on the guest's stack; the stack grows downwards. None may before
/// the first run.
pub(crate) struct StackFloor(Cell<usize>);

impl StackFloor {
    pub(crate) fn new() -> Self {
        Self(Cell::new(usize::MAX))
    }

    /// Called at the bottom of a guest's stack.
    #[inline]
    fn lay(&self) {
        self.0.set(stack_pointer().saturating_sub(STACK - RESERVE));
    }

    /// Whether there is room for a function of the host. Called on the guest's stack.
    #[inline]
    pub(crate) fn is_far(&self) -> bool {
        cfg!(unix) && stack_pointer() > self.0.get()
    }
}

/// An address near the end of the stack that is in use.
#[inline(always)]
fn stack_pointer() -> usize {
    let here = 0u8;
    (&raw const here).addr()
}

/// Runs a function of the host on the guest's stack.
#[inline]
pub(crate) fn on_guest_stack<R>(function: impl FnOnce() -> R) -> R {
    ON_GUEST_STACK.set(true);
    let result = function();
    ON_GUEST_STACK.set(false);
    result
}

/// Whether a function of the host runs on a guest's stack on this thread.
#[inline]
pub(crate) fn is_on_guest_stack() -> bool {
    ON_GUEST_STACK.get()
}
