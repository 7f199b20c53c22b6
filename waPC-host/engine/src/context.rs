//! What lies in an instance's store for the functions of the host, and the bytes that are lent to them for one run.

use std::slice;

use wasmer::AsStoreRef;

use crate::{Caller, GuestMemory, HostError, watchdog::Watch};

/// What the functions of the host find in the store of the instance that calls them.
#[allow(missing_debug_implementations, unreachable_pub, reason = "named by a sealed trait")]
pub struct Context<T> {
    pub(crate) data: T,
    pub(crate) memory: Option<wasmer::Memory>,
    pub(crate) lent: Lent,
    /// Why a function of the host ended the run that is under way.
    pub(crate) refusal: Option<HostError>,
    watch: Watch,
}

impl<T> Context<T> {
    pub(crate) fn new(data: T, watch: Watch) -> Self {
        Self { data, memory: None, lent: Lent::nothing(), refusal: None, watch }
    }

    /// Whether the run that is under way was ended from outside, so that nothing more should be done for it.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.watch.has_fired()
    }

    /// What a function of the host sees. The borrow of the store keeps the guest from running meanwhile.
    #[inline]
    pub(crate) fn caller<'a>(&'a mut self, store: &'a impl AsStoreRef) -> Caller<'a, T> {
        let bytes = match &self.memory {
            None => &mut [],
            Some(memory) => {
                let view = memory.view(store);
                match usize::try_from(view.data_size()) {
                    Ok(size) if size > 0 => {
                        // SAFETY: the engine hands out the base and size of a live memory. The guest waits for this
                        // function, and the memory is not shared (threads are off), so nothing else touches or moves
                        // it for as long as `self` and `store` are borrowed; each call makes one such slice only.
                        unsafe { slice::from_raw_parts_mut(view.data_ptr(), size) }
                    }
                    _ => &mut [],
                }
            }
        };
        Caller { data: &mut self.data, memory: GuestMemory::new(bytes), lent: self.lent.bytes() }
    }
}

/// Bytes of the embedding program that the functions of the host may read during one run.
pub(crate) struct Lent([*const [u8]; 2]);

// SAFETY: the pointers are only followed during the run that they were lent for, on the thread that lent them.
unsafe impl Send for Lent {}

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
