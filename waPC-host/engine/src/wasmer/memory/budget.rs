//! Keeps the budget of an instance, out of which its memory and all of its tables are paid.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use wasmer::{ModuleInfo, TableType, sys::vm::VMCallerCheckedAnyfunc};

use crate::{error::Error, limits::Limits, wasmer::module::Compiled};

/// One page of WebAssembly memory, in bytes.
pub(super) const PAGE: u64 = 65_536;

/// What an element of a table takes, in bytes.
const ELEMENT: u64 = size_of::<usize>() as u64;
/// What wasmer keeps beside each element of a table of functions that cannot grow, in bytes.
const CALLEE: u64 = size_of::<VMCallerCheckedAnyfunc>() as u64;
/// The part of the budget that is set aside for tables that may grow.
const FOR_GROWTH: u64 = 16;
/// What initialising the tables may write in any case, in bytes: some milliseconds.
const INITIALISED: u64 = 64 << 20;

/// What is left for one instance. Shared by whatever allocates for it.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// All that there is, in bytes.
    total: u64,
    /// The most elements in each table.
    elements: u32,
    /// What the tables have, and what is set aside for their growth, in bytes.
    tables: AtomicU64,
    /// What may still be set aside.
    growth: AtomicU64,
    /// The largest size that the guest asked for and was refused, in bytes, so that a trap that
    /// follows can be told for what it is.
    refused: AtomicU64,
}

impl Budget {
    /// The budget of an instance of this module, unless what the module declares is more than that.
    ///
    /// # Errors
    /// [`Error::TableLimit`], [`Error::MemoryLimit`] and [`Error::SegmentLimit`].
    pub(crate) fn new(limits: &Limits, module: &Compiled) -> Result<Self, Error> {
        let info = module.info();
        let (total, elements) = (limits.memory_bytes(), limits.table_elements());
        let waiting = info.passive_elements.values().map(|segment| segment.len() as u64 * ELEMENT);
        let mut tables = waiting.sum::<u64>();
        for table in info.tables.values() {
            if table.minimum > elements {
                return Err(Error::TableLimit { requested: table.minimum, limit: elements });
            }
            tables += size(table);
        }
        let memories = info.memories.values().map(|memory| u64::from(memory.minimum.0) * PAGE);
        let requested = tables + memories.sum::<u64>();
        if requested > total {
            return Err(Error::MemoryLimit { requested, limit: total });
        }
        let limit = INITIALISED.max(tables.saturating_mul(2));
        let initialised = initialised(info);
        if initialised > limit {
            return Err(Error::SegmentLimit { requested: initialised, limit });
        }
        let growth = (total / FOR_GROWTH).min(total - requested);
        let (tables, growth) = (AtomicU64::new(tables), AtomicU64::new(growth));
        Ok(Self(Arc::new(Inner { total, elements, tables, growth, refused: AtomicU64::new(0) })))
    }

    /// How many elements a table of this type may have at most. What it may grow by is set aside.
    pub(super) fn table_maximum(&self, table: &TableType) -> u32 {
        let Inner { elements, tables, growth, .. } = &*self.0;
        let wanted = table.maximum.map_or(*elements, |declared| declared.min(*elements));
        let left = growth.load(Relaxed);
        let more = u64::from(wanted.saturating_sub(table.minimum)).min(left / ELEMENT);
        // One thread makes an instance.
        growth.store(left - more * ELEMENT, Relaxed);
        tables.fetch_add(more * ELEMENT, Relaxed);
        table.minimum.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
    }

    /// Whether a memory may have so many bytes. What it would come to with the tables is noted when
    /// it may not.
    pub(super) fn allows_memory(&self, bytes: u64) -> bool {
        let requested = bytes.saturating_add(self.0.tables.load(Relaxed));
        let fits = requested <= self.0.total;
        if !fits {
            self.0.refused.fetch_max(requested, Relaxed);
        }
        fits
    }

    /// Forgets what was refused in a run that went well all the same.
    #[inline]
    pub(crate) fn forget_refused(&self) {
        if self.0.refused.load(Relaxed) != 0 {
            self.0.refused.store(0, Relaxed);
        }
    }

    /// The size that was refused since the last time that this was asked, and the limit, both in
    /// bytes.
    pub(crate) fn take_refused(&self) -> Option<(u64, u64)> {
        match self.0.refused.swap(0, Relaxed) {
            0 => None,
            bytes => Some((bytes, self.0.total)),
        }
    }
}

/// What a table takes that has as many elements as it must have, in bytes.
fn size(table: &TableType) -> u64 {
    u64::from(table.minimum) * (ELEMENT + if table.is_fixed_funcref_table() { CALLEE } else { 0 })
}

/// How much wasmer writes to give the tables their elements, in bytes: those of each segment, and
/// behind each the whole of a table that cannot grow.
fn initialised(info: &ModuleInfo) -> u64 {
    let segments = info.table_initializers.iter().map(|segment| {
        let whole = match info.tables.get(segment.table_index) {
            Some(table) if table.is_fixed_funcref_table() => u64::from(table.minimum) * CALLEE,
            _ => 0,
        };
        whole + segment.elements.len() as u64 * ELEMENT
    });
    segments.fold(0, u64::saturating_add)
}
