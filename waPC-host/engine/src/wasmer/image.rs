//! Keeps what an instance was like at one moment, and puts it back: memory, globals and tables.
//!
//! References in globals and tables point into the instance itself, so an image is only put back
//! into the instance that it was taken of.

use std::slice;

use wasmer::sys::vm::{
    StoreObject, StoreObjects, TableElement, VMGlobal, VMInstance, VMMemoryDefinition, VMTable,
};
use wasmer_types::{LocalTableIndex, RawValue, entity::EntityRef};

use super::memory::limited::MemoryPointer;
use crate::error::Unrestorable;

/// The largest memory that is copied, in bytes: a few milliseconds.
const LARGEST: usize = 16 << 20;

/// So many bytes are compared at once, so that memory that was never written to stays that way.
const BLOCK: usize = 4096;
static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// What an instance was like.
pub(super) struct Image {
    /// The size of the memory in bytes.
    size: usize,
    /// The memory's content up to its last byte that is not zero.
    content: Vec<u8>,
    globals: Vec<RawValue>,
    tables: Vec<Table>,
}

/// A table that can change.
struct Table {
    index: usize,
    elements: Vec<TableElement>,
}

impl Image {
    /// # Errors
    /// [`Unrestorable::LargeMemory`] and [`Unrestorable::NoRoom`].
    ///
    /// # Safety
    /// `objects` must be those of a store with one live instance, all of whose own memory is at
    /// `memory`, and no run of it may be under way.
    pub(super) unsafe fn take(objects: &StoreObjects, memory: &MemoryPointer) -> Result<Self, Unrestorable> {
        // SAFETY: the caller vouches for the memory, which is not written to while this is used.
        let bytes = unsafe { bytes(memory) };
        let size = bytes.len();
        if size > LARGEST {
            return Err(Unrestorable::LargeMemory { size, limit: LARGEST });
        }
        let written = bytes.chunks(BLOCK).rposition(|block| block != &ZEROS[..block.len()]);
        let end = written.map_or(0, |block| ((block + 1) * BLOCK).min(size));
        let mut content = Vec::new();
        content.try_reserve_exact(end).map_err(|_| Unrestorable::NoRoom)?;
        content.extend_from_slice(&bytes[..end]);
        // SAFETY: the globals lie in the instance, which lives, and nothing writes to them: no run is
        // under way, and the stop flag is not among them.
        let globals = own_globals(objects).iter().map(|global| unsafe { global.vmglobal().as_ref() }.val);
        let tables = VMTable::list(objects).iter().enumerate().filter(|(_, table)| !table.ty().readonly);
        let table = |(index, table): (usize, &VMTable)| Table { index, elements: elements(table).collect() };
        Ok(Self { size, content, globals: globals.collect(), tables: tables.map(table).collect() })
    }

    /// # Errors
    /// [`Unrestorable::Grown`], after which the instance must not be used.
    ///
    /// # Safety
    /// `objects` and `memory` must be those that the image was taken of, and no run may be under way.
    pub(super) unsafe fn put_back(
        &self,
        objects: &mut StoreObjects,
        memory: &MemoryPointer,
    ) -> Result<(), Unrestorable> {
        // SAFETY: the caller vouches for the memory, and nothing else refers to it now.
        let bytes = unsafe { bytes(memory) };
        let is_grown =
            |table: &Table| VMTable::list(objects)[table.index].size() as usize != table.elements.len();
        if bytes.len() != self.size || self.tables.iter().any(is_grown) {
            return Err(Unrestorable::Grown);
        }
        let (written, rest) = bytes.split_at_mut(self.content.len());
        written.copy_from_slice(&self.content);
        for block in rest.chunks_mut(BLOCK).filter(|block| **block != ZEROS[..block.len()]) {
            block.fill(0);
        }
        for (global, value) in own_globals(objects).iter().zip(&self.globals) {
            // SAFETY: the global lies in the instance, which lives; nothing else reads or writes it
            // now. The value is of its type, and its references are of this instance: it was there.
            unsafe { global.vmglobal().as_mut() }.val = *value;
        }
        self.tables.iter().for_each(|table| table.put_back(objects));
        Ok(())
    }
}

impl Table {
    fn put_back(&self, objects: &mut StoreObjects) {
        for (index, element) in (0..).zip(&self.elements) {
            if VMTable::list(objects)[self.index].get(index).as_ref().is_some_and(|now| is_same(now, element))
            {
                continue;
            }
            // Through the instance, which keeps a copy of some tables.
            VMInstance::list_mut(objects)[0]
                .table_set(LocalTableIndex::new(self.index), index, element.clone())
                .expect("the table can change, and is as long as it was");
        }
    }
}

fn elements(table: &VMTable) -> impl Iterator<Item = TableElement> + '_ {
    (0..table.size()).filter_map(|index| table.get(index))
}

fn is_same(one: &TableElement, other: &TableElement) -> bool {
    match (one, other) {
        (TableElement::FuncRef(one), TableElement::FuncRef(other)) => one == other,
        // Rare, so that they are always put back.
        _ => false,
    }
}

/// The instance's globals without the last, which is the stop flag: other threads raise it, and it
/// is down as long as no run was ended.
fn own_globals(objects: &StoreObjects) -> &[VMGlobal] {
    VMGlobal::list(objects).split_last().map_or(&[], |(_, own)| own)
}

/// All of a guest's memory.
///
/// # Safety
/// The instance must live, none of its runs may be under way, and nothing else may refer to its
/// memory for as long as the returned value is used.
unsafe fn bytes<'a>(memory: &MemoryPointer) -> &'a mut [u8] {
    let Some(definition) = memory.definition() else { return &mut [] };
    // SAFETY: the definition lies in the instance, which the caller vouches for.
    let VMMemoryDefinition { base, current_length } = *unsafe { definition.as_ref() };
    if current_length == 0 {
        return &mut [];
    }
    // SAFETY: wasmer keeps the base and size of the live memory there, and the caller vouches that
    // nothing else uses it.
    unsafe { slice::from_raw_parts_mut(base, current_length) }
}
