//! Looks up what an instance exports.

use wasmer::{Extern, Store};

use super::types::{self, FunctionType};
use crate::error::Error;

/// The name under which guests export their memory.
pub(super) const MEMORY: &str = "memory";

/// What an instance exports.
pub(crate) struct Exports(wasmer::Instance);

/// An exported function, with its type.
pub(crate) struct Function {
    function: wasmer::Function,
    ty: FunctionType,
}

impl Exports {
    pub(super) fn new(instance: wasmer::Instance) -> Self {
        Self(instance)
    }

    /// The function that is exported under this name.
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is no export of this name, [`Error::ExportType`] when it
    /// is no function.
    #[inline]
    pub(super) fn function(&self, store: &Store, export: &str) -> Result<Function, Error> {
        match self.0.exports.get_extern(export) {
            Some(Extern::Function(function)) => {
                Ok(Function { function: function.clone(), ty: function.ty(store).into() })
            }
            Some(other) => Err(types::not_a_function(export, &other.ty(store))),
            None => {
                let functions = self.0.exports.iter().functions();
                Err(Error::missing_export(export, functions.map(|(name, _)| name.as_str())))
            }
        }
    }

    pub(crate) fn has_function(&self, export: &str) -> bool {
        self.0.exports.get_function(export).is_ok()
    }

    /// The size of the memory in bytes; zero when none is exported.
    pub(super) fn memory_size(&self, store: &Store) -> u64 {
        let memory = self.0.exports.get_memory(MEMORY);
        memory.map_or(0, |memory| memory.view(store).data_size())
    }

    pub(super) fn inner(&self) -> &wasmer::Instance {
        &self.0
    }
}

impl Function {
    pub(crate) fn ty(&self) -> &FunctionType {
        &self.ty
    }

    pub(super) fn inner(&self) -> &wasmer::Function {
        &self.function
    }
}
