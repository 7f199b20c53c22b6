//! Says what one instance may use, what a module may ask of the compiler, and when a run must be
//! over.

pub(crate) mod compile;
pub(crate) mod deadline;

/// What one instance may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    memory: u64,
    table: u32,
}

impl Limits {
    /// 256 MiB for memory and tables, and 100,000 elements in each table.
    #[must_use]
    pub fn new() -> Self {
        Self { memory: 256 << 20, table: 100_000 }
    }

    /// The budget in bytes, out of which the memory (in whole pages of 64 KiB) and all tables are
    /// paid: 8 bytes for each element, and 32 more in a table of functions that cannot grow. For
    /// tables that may grow, their growth is set aside when the instance is made, up to a sixteenth
    /// of the budget for all of them. A guest that asks for more while it runs gets the answer that
    /// WebAssembly has for it (`memory.grow` and `table.grow` return -1).
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// The most elements in each table.
    #[must_use]
    pub fn table(mut self, elements: u32) -> Self {
        self.table = elements;
        self
    }

    /// The budget for memory and tables in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory
    }

    /// The most elements in each table.
    #[must_use]
    pub fn table_elements(&self) -> u32 {
        self.table
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
