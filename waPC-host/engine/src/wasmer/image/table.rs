//! Keeps the elements of one table, and puts them back.

use wasmer::sys::vm::{StoreObject, StoreObjects, TableElement, VMInstance, VMTable};
use wasmer_types::{LocalTableIndex, TableType, entity::EntityRef};

/// What a table was like that can change.
pub(super) struct TableImage {
    index: usize,
    elements: Vec<TableElement>,
}

impl TableImage {
    /// The tables of an instance that can change.
    pub(super) fn all(objects: &StoreObjects) -> Vec<Self> {
        let tables = VMTable::list(objects).iter().enumerate();
        let changing = tables.filter(|(_, table)| !table.ty().readonly);
        changing.map(|(index, table)| Self { index, elements: elements(table).collect() }).collect()
    }

    /// # Errors
    /// In wasmer's words, when a table that has grown cannot be made again.
    ///
    /// # Safety
    /// `objects` must be those of the live instance that the image was taken of, and no run of it may
    /// be under way.
    pub(super) unsafe fn put_back(&self, objects: &mut StoreObjects) -> Result<(), String> {
        if VMTable::list(objects)[self.index].size() as usize != self.elements.len() {
            // SAFETY: the caller vouches for the instance.
            unsafe { self.make_again(objects) }?;
        }
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
        Ok(())
    }

    /// Puts a table of the size that it had in its place, for a table cannot shrink.
    #[cold]
    unsafe fn make_again(&self, objects: &mut StoreObjects) -> Result<(), String> {
        let grown = &VMTable::list(objects)[self.index];
        let minimum = u32::try_from(self.elements.len()).map_err(|error| error.to_string())?;
        let ty = TableType { minimum, ..*grown.ty() };
        // SAFETY: the definition lies in the instance, which lives; nothing reads it now.
        let table = unsafe { VMTable::from_definition(&ty, grown.style(), grown.vmtable()) }?;
        VMTable::list_mut(objects)[self.index] = table;
        Ok(())
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
