//! Keeps what an instance was like at one moment, and puts it back: memory, globals and tables.
//!
//! References in globals and tables point into the instance itself, so an image is only put back
//! into the instance that it was taken of.

mod memory;
mod table;

use wasmer::sys::vm::{StoreObject, StoreObjects, VMGlobal};
use wasmer_types::RawValue;

use self::{memory::MemoryImage, table::TableImage};
use super::memory::limited::MemoryPointer;
use crate::error::Unrestorable;

/// What an instance was like.
pub(super) struct Image {
    memory: MemoryImage,
    globals: Vec<RawValue>,
    tables: Vec<TableImage>,
}

impl Image {
    /// # Errors
    /// [`Unrestorable::LargeMemory`] and [`Unrestorable::NoRoom`].
    ///
    /// # Safety
    /// `objects` must be those of a store with one live instance, all of whose own memory is at
    /// `memory`, and no run of it may be under way. `before` must be the instance's last image, if
    /// there was one.
    pub(super) unsafe fn take(
        objects: &StoreObjects,
        memory: &MemoryPointer,
        before: Option<&Self>,
    ) -> Result<Self, Unrestorable> {
        // SAFETY: the caller vouches for the memory and the image before.
        let memory = unsafe { MemoryImage::take(memory, before.map(|image| &image.memory)) }?;
        // SAFETY: the globals lie in the instance, which lives, and nothing writes to them: no run is
        // under way, and the stop flag is not among them.
        let globals = own_globals(objects).iter().map(|global| unsafe { global.vmglobal().as_ref() }.val);
        Ok(Self { memory, globals: globals.collect(), tables: TableImage::all(objects) })
    }

    /// Begins a run of the instance; what it returns goes to [`ran`](Self::ran) when that is over.
    #[inline]
    pub(super) fn runs(&mut self) -> Option<u64> {
        self.memory.runs()
    }

    /// Ends a run, on the thread that it ran on.
    #[inline]
    pub(super) fn ran(&mut self, faults: Option<u64>) {
        self.memory.ran(faults);
    }

    /// # Errors
    /// [`Unrestorable::Grown`], after which the instance must not be used.
    ///
    /// # Safety
    /// `objects` and `memory` must be those that the image was taken of, and no run may be under way.
    pub(super) unsafe fn put_back(
        &mut self,
        objects: &mut StoreObjects,
        memory: &MemoryPointer,
    ) -> Result<(), Unrestorable> {
        // SAFETY: the caller vouches for the memory.
        unsafe { self.memory.put_back(memory) }?;
        for (global, value) in own_globals(objects).iter().zip(&self.globals) {
            // SAFETY: the global lies in the instance, which lives; nothing else reads or writes it
            // now. The value is of its type, and its references are of this instance: it was there.
            unsafe { global.vmglobal().as_mut() }.val = *value;
        }
        for table in &self.tables {
            // SAFETY: the caller vouches for the instance.
            unsafe { table.put_back(objects) }.map_err(|_| Unrestorable::Grown)?;
        }
        Ok(())
    }
}

/// The instance's globals without the last, which is the stop flag: other threads raise it, and it
/// is down as long as no run was ended.
fn own_globals(objects: &StoreObjects) -> &[VMGlobal] {
    VMGlobal::list(objects).split_last().map_or(&[], |(_, own)| own)
}
