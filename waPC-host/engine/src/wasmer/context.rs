//! Keeps what host functions find beside the instance that calls them, and the bytes that are lent
//! to them for one run.

use std::{ptr::NonNull, slice, sync::Arc};

use wasmer::sys::vm::VMMemoryDefinition;

use super::{memory::limited::MemoryPointer, run::guest_stack::GuestStack};
use crate::{caller::Caller, host_error::HostError, memory::GuestMemory, watchdog::slot::Slot};

/// What the host functions find beside the instance that calls them.
#[allow(missing_debug_implementations, unreachable_pub, reason = "named by a sealed trait")]
pub struct Context<T> {
    pub(crate) data: T,
    /// Where the base and size of the guest's memory will be found, if it exports one.
    exported: Option<MemoryPointer>,
    /// The base and size, once they were looked for.
    memory: Option<NonNull<VMMemoryDefinition>>,
    pub(crate) lent: Lent,
    /// Why a host function ended the run that is under way.
    pub(crate) refusal: Option<HostError>,
    pub(crate) stack: Arc<GuestStack>,
    pub(crate) slot: Arc<Slot>,
}

impl<T> Context<T> {
    pub(crate) fn new(data: T, slot: Arc<Slot>, exported: Option<MemoryPointer>) -> Self {
        let stack = Arc::new(GuestStack::new());
        Self { data, exported, memory: None, lent: Lent::nothing(), refusal: None, stack, slot }
    }

    /// Whether the run that is under way was ended from outside, so that nothing more should be
    /// done for it. Asked when the guest calls the host and when it goes back.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        let over = self.slot.has_fired();
        if over {
            self.slot.forget_attempts();
        }
        over
    }

    /// What a host function sees. Only made while the guest waits for the function.
    #[inline]
    pub(crate) fn caller(&mut self) -> Caller<'_, T> {
        let bytes: &mut [u8] = match self.memory.or_else(|| self.find_memory()) {
            None => &mut [],
            Some(definition) => {
                // SAFETY: the definition lies inside the instance, which lives as long as the store
                // that this value lies in, too. The guest waits for this function, so wasmer does
                // not write to it now.
                let VMMemoryDefinition { base, current_length } = *unsafe { definition.as_ref() };
                if current_length == 0 {
                    &mut []
                } else {
                    // SAFETY: wasmer keeps the base and size of a live memory there. The memory is
                    // not shared (threads are off), so nothing else touches or moves it while the
                    // guest waits; each call makes one such slice only.
                    unsafe { slice::from_raw_parts_mut(base, current_length) }
                }
            }
        };
        Caller { data: &mut self.data, memory: GuestMemory::new(bytes), lent: self.lent.bytes() }
    }

    /// The guest's memory, which is there before its start section runs: a host function that is
    /// called from there sees it.
    #[cold]
    fn find_memory(&mut self) -> Option<NonNull<VMMemoryDefinition>> {
        self.memory = self.exported.as_ref().and_then(MemoryPointer::definition);
        self.memory
    }
}

/// Owns a context at an address that compiled code knows.
pub(crate) struct ContextBox<T>(NonNull<Context<T>>);

impl<T> ContextBox<T> {
    pub(crate) fn new(context: Context<T>) -> Self {
        Self(NonNull::from(Box::leak(Box::new(context))))
    }

    pub(crate) fn pointer(&self) -> NonNull<Context<T>> {
        self.0
    }

    /// The context, while the guest does not run.
    #[inline]
    pub(crate) fn get(&mut self) -> &mut Context<T> {
        // SAFETY: the host functions only use the context while their guest runs, for which the
        // store is borrowed, as it is for this.
        unsafe { self.0.as_mut() }
    }

    /// The stack that the guest runs on. Shared with the host functions while it runs.
    #[inline]
    pub(crate) fn stack(&self) -> *const GuestStack {
        // SAFETY: the context lives as long as this value. While no guest runs nothing else uses
        // it, and what is counted here is never replaced.
        unsafe { Arc::as_ptr(&(*self.0.as_ptr()).stack) }
    }
}

impl<T> Drop for ContextBox<T> {
    fn drop(&mut self) {
        // SAFETY: it was made of a box, and nothing uses it after its owner.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// Bytes of the embedding program that the host functions may read during one run.
pub(crate) struct Lent([*const [u8]; 2]);

impl Lent {
    #[inline]
    pub(crate) fn nothing() -> Self {
        Self([&[], &[]])
    }

    /// # Safety
    /// The value must be replaced, where it is put, before the borrow of `bytes` ends.
    #[inline]
    pub(crate) unsafe fn new(bytes: [&[u8]; 2]) -> Self {
        Self(bytes.map(std::ptr::from_ref))
    }

    #[inline]
    fn bytes(&self) -> [&[u8]; 2] {
        // SAFETY: whoever made this value keeps what it points to borrowed for as long as it is
        // reachable.
        self.0.map(|bytes| unsafe { &*bytes })
    }
}
