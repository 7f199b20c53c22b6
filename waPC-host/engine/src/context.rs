//! What lies in an instance's store for the functions of the host, and the bytes that are lent to them for one run.

use std::{ptr::NonNull, slice};

use wasmer::{AsStoreRef, sys::vm::VMMemoryDefinition};

use crate::{Caller, GuestMemory, HostError, watchdog::Watch};

/// What the functions of the host find in the store of the instance that calls them.
#[allow(missing_debug_implementations, unreachable_pub, reason = "named by a sealed trait")]
pub struct Context<T> {
    pub(crate) data: T,
    /// The base and size of the guest's memory, if it exports one.
    pub(crate) memory: Option<NonNull<VMMemoryDefinition>>,
    pub(crate) lent: Lent,
    /// Why a function of the host ended the run that is under way.
    pub(crate) refusal: Option<HostError>,
    watch: Watch,
}

impl<T> Context<T> {
    pub(crate) fn new(data: T, watch: Watch) -> Self {
        Self { data, memory: None, lent: Lent::nothing(), refusal: None, watch }
    }

    /// Whether the run that is under way was ended from outside, so that nothing more should be done for it. Asked when the
    /// guest calls the host and when it goes back.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        let over = self.watch.has_fired();
        if over {
            self.watch.calls_host();
        }
        over
    }

    /// What a function of the host sees. The borrow of the store keeps the guest from running meanwhile.
    #[inline]
    pub(crate) fn caller<'a>(&'a mut self, _: &'a impl AsStoreRef) -> Caller<'a, T> {
        let bytes: &mut [u8] = match self.memory {
            None => &mut [],
            Some(definition) => {
                // SAFETY: the definition lies inside the instance, which lives as long as the store that this value lies
                // in, too. The guest waits for this function, so the engine does not write to it now.
                let VMMemoryDefinition { base, current_length } = *unsafe { definition.as_ref() };
                if current_length == 0 {
                    &mut []
                } else {
                    // SAFETY: the engine keeps the base and size of a live memory there. The memory is not shared (threads
                    // are off), so nothing else touches or moves it for as long as `self` and the store are borrowed;
                    // each call makes one such slice only.
                    unsafe { slice::from_raw_parts_mut(base, current_length) }
                }
            }
        };
        Caller { data: &mut self.data, memory: GuestMemory::new(bytes), lent: self.lent.bytes() }
    }
}

// SAFETY: what `memory` points to belongs to the store that this value lies in, and moves with it; `lent` is only followed
// during the run that it was lent for.
unsafe impl<T: Send> Send for Context<T> {}

/// Bytes of the embedding program that the functions of the host may read during one run.
pub(crate) struct Lent([*const [u8]; 2]);

impl Lent {
    pub(crate) fn nothing() -> Self {
        Self([&[], &[]])
    }

    /// # Safety
    /// The value must be replaced, where it is put, before the borrow of `bytes` ends.
    pub(crate) unsafe fn new(bytes: [&[u8]; 2]) -> Self {
        Self(bytes.map(std::ptr::from_ref))
    }

    fn bytes(&self) -> [&[u8]; 2] {
        // SAFETY: whoever made this value keeps what it points to borrowed for as long as it is reachable.
        self.0.map(|bytes| unsafe { &*bytes })
    }
}
