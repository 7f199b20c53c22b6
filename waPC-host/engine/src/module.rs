//! A compiled module and what it says of itself.

use std::{fmt, sync::Arc};

use wasmer::Type;
use wasmer_types::ExportIndex;

use crate::{
    Error, Export, Import, Signature,
    engine::{Compiled, Shared},
    types::ExternKind,
    wasmer::metering,
    wasmer::run::code::Code,
};

/// A compiled module. Cheap to clone; instances of it are made by [`Instance::new`](crate::Instance::new).
#[derive(Clone)]
pub struct Module {
    inner: Arc<Inner>,
}

struct Inner {
    compiled: Compiled,
    code: Code,
    shared: Arc<Shared>,
}

impl Module {
    pub(crate) fn new(compiled: Compiled, shared: Arc<Shared>) -> Self {
        let code = Code::of(&compiled.module);
        Self { inner: Arc::new(Inner { compiled, code, shared }) }
    }

    /// What the module needs, in its own order.
    pub fn imports(&self) -> impl Iterator<Item = Import> + '_ {
        self.wasmer().imports().map(|import| Import {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
            kind: ExternKind::new(import.ty()),
        })
    }

    /// What the module offers, in its own order.
    pub fn exports(&self) -> impl Iterator<Item = Export> + '_ {
        self.wasmer()
            .exports()
            .filter(|export| !(self.is_metered() && metering::added(export.name())))
            .map(|export| Export { name: export.name().to_owned(), kind: ExternKind::new(export.ty()) })
    }

    /// Tells whether [`Instance::entry`](crate::Instance::entry) finds an export of this name in instances of the module, without making
    /// one.
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is none of this name, [`Error::ExportType`] when it is something else.
    pub fn check_entry(&self, export: &str) -> Result<(), Error> {
        let found = self.wasmer().exports().find(|found| found.name() == export);
        match found.as_ref().map(wasmer::ExportType::ty) {
            Some(wasmer::ExternType::Function(ty)) => check_entry_type(export, ty),
            Some(other) => Err(Error::ExportType {
                export: export.to_owned(),
                expected: "a function".to_owned(),
                found: ExternKind::new(other).to_string(),
            }),
            None => {
                let functions: Vec<_> =
                    self.wasmer().exports().functions().map(|function| function.name().to_owned()).collect();
                Err(Error::missing_export(export, functions.iter().map(String::as_str)))
            }
        }
    }

    /// Whether its code counts what it does, so that its runs can be given fuel.
    #[must_use]
    pub fn is_metered(&self) -> bool {
        self.inner.shared.metered
    }

    /// Whether it exports a memory under this name.
    pub(crate) fn exports_memory(&self, name: &str) -> bool {
        matches!(self.wasmer().info().exports.get(name), Some(ExportIndex::Memory(_)))
    }

    pub(crate) fn wasmer(&self) -> &wasmer::Module {
        &self.inner.compiled.module
    }

    pub(crate) fn engine(&self) -> &wasmer::Engine {
        &self.inner.compiled.engine
    }

    pub(crate) fn code(&self) -> Code {
        self.inner.code.clone()
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

/// Refuses a function that [`Instance::enter`](crate::Instance::enter) cannot enter.
pub(crate) fn check_entry_type(export: &str, ty: &wasmer::FunctionType) -> Result<(), Error> {
    if (ty.params(), ty.results()) == (&[Type::I32, Type::I32], &[Type::I32]) {
        return Ok(());
    }
    Err(Error::ExportType {
        export: export.to_owned(),
        expected: "function (i32, i32) -> (i32)".to_owned(),
        found: ExternKind::Function(Signature::new(ty)).to_string(),
    })
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module")
            .field("imports", &self.imports().count())
            .field("exports", &self.exports().count())
            .finish()
    }
}
