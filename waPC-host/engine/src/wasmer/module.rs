//! Holds a compiled module, and reads what it says of itself.

use wasmer_types::{ExportIndex, ModuleInfo};

use super::{
    compile::metering,
    run::code::Code,
    types::{self, FunctionType},
};
use crate::{
    error::Error,
    types::{Export, ExternKind, Import},
};

/// A compiled module with the wasmer engine that owns its machine code. Each module has one of its
/// own, because wasmer frees machine code only when the engine is dropped: a host that swaps
/// modules for years must not grow.
pub(crate) struct Compiled {
    engine: wasmer::Engine,
    module: wasmer::Module,
    code: Code,
    metered: bool,
}

/// One import of a module, as host functions are compared with it.
pub(crate) struct ImportType(wasmer::ImportType);

impl Compiled {
    /// `metered` tells that the code counts what it does.
    pub(super) fn new(engine: wasmer::Engine, module: wasmer::Module, metered: bool) -> Self {
        let code = Code::of(&module);
        Self { engine, module, code, metered }
    }

    pub(crate) fn import_types(&self) -> impl Iterator<Item = ImportType> + '_ {
        self.module.imports().map(ImportType)
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = Import> + '_ {
        self.import_types().map(|import| Import {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
            kind: import.kind(),
        })
    }

    /// What the module exports itself, without what metering added.
    pub(crate) fn exports(&self) -> impl Iterator<Item = Export> + '_ {
        self.module
            .exports()
            .filter(|export| !(self.metered && metering::added(export.name())))
            .map(|export| Export { name: export.name().to_owned(), kind: types::kind(export.ty()) })
    }

    /// The type of an exported function.
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is no export of this name, [`Error::ExportType`] when it
    /// is no function.
    pub(crate) fn function_type(&self, export: &str) -> Result<FunctionType, Error> {
        let found = self.module.exports().find(|found| found.name() == export);
        match found.as_ref().map(wasmer::ExportType::ty) {
            Some(wasmer::ExternType::Function(ty)) => Ok(FunctionType::from(ty.clone())),
            Some(other) => Err(types::not_a_function(export, other)),
            None => {
                let functions: Vec<_> =
                    self.module.exports().functions().map(|function| function.name().to_owned()).collect();
                Err(Error::missing_export(export, functions.iter().map(String::as_str)))
            }
        }
    }

    /// Whether the code counts what it does.
    pub(crate) fn is_metered(&self) -> bool {
        self.metered
    }

    /// Whether a memory is exported under this name.
    pub(super) fn exports_memory(&self, name: &str) -> bool {
        matches!(self.info().exports.get(name), Some(ExportIndex::Memory(_)))
    }

    pub(super) fn has_start_section(&self) -> bool {
        self.info().start_function.is_some()
    }

    /// Whether there are segments that the guest may drop while it runs.
    pub(super) fn has_passive_segments(&self) -> bool {
        !self.info().passive_data.is_empty() || !self.info().passive_elements.is_empty()
    }

    pub(super) fn info(&self) -> &ModuleInfo {
        self.module.info()
    }

    pub(super) fn inner(&self) -> &wasmer::Module {
        &self.module
    }

    pub(super) fn engine(&self) -> &wasmer::Engine {
        &self.engine
    }

    pub(super) fn code(&self) -> &Code {
        &self.code
    }
}

impl ImportType {
    pub(crate) fn module(&self) -> &str {
        self.0.module()
    }

    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn kind(&self) -> ExternKind {
        types::kind(self.0.ty())
    }

    /// Whether a function of this type is imported.
    pub(super) fn is_function(&self, ty: &wasmer::FunctionType) -> bool {
        self.0.ty().func() == Some(ty)
    }
}
