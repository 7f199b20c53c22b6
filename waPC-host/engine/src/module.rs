//! Describes a compiled module, of which instances are made.

use std::{fmt, sync::Arc};

use crate::{
    error::Error,
    limits::Limits,
    types::{Export, Import},
    wasmer::{memory::budget::Budget, module::Compiled},
    watchdog::timer::Watchdog,
};

/// A compiled module. Cheap to clone; instances of it are made by
/// [`Instance::new`](crate::Instance::new).
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    compiled: Compiled,
    watchdog: Arc<Watchdog>,
}

impl Module {
    pub(crate) fn new(compiled: Compiled, watchdog: Arc<Watchdog>) -> Self {
        Self { inner: Arc::new(Inner { compiled, watchdog }) }
    }

    /// What the module needs, in its own order.
    pub fn imports(&self) -> impl Iterator<Item = Import> + '_ {
        self.compiled().imports()
    }

    /// What the module offers, in its own order.
    pub fn exports(&self) -> impl Iterator<Item = Export> + '_ {
        self.compiled().exports()
    }

    /// Tells whether [`Instance::entry`](crate::Instance::entry) finds an export of this name in
    /// instances of the module, without making one.
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is none of this name, [`Error::ExportType`] when it is
    /// something else.
    pub fn check_entry(&self, export: &str) -> Result<(), Error> {
        self.compiled().function_type(export)?.check_entry(export)
    }

    /// Whether its code counts what it does, so that its runs can be given fuel.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        self.compiled().is_metered()
    }

    pub(crate) fn compiled(&self) -> &Compiled {
        &self.inner.compiled
    }

    pub(crate) fn watchdog(&self) -> &Arc<Watchdog> {
        &self.inner.watchdog
    }
}

impl Limits {
    /// Refuses a module that declares more than an instance of it may have.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`], [`Error::TableLimit`] and [`Error::SegmentLimit`], for the first
    /// that is too large.
    pub fn admit(&self, module: &Module) -> Result<(), Error> {
        Budget::new(self, module.compiled()).map(drop)
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("imports", &self.imports().count())
            .field("exports", &self.exports().count())
            .finish()
    }
}
