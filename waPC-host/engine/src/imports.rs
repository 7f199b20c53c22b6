//! Offers host functions to guests, by module, name and type.

use std::{collections::HashMap, fmt};

use crate::{
    caller::Caller,
    error::Error,
    host_error::HostError,
    module::Module,
    wasmer::{
        host_function::{self, HostFunction, Stack},
        module::{Compiled, ImportType},
    },
};

/// The functions that the host offers, by module, name and type. `T` is what the host keeps beside
/// each instance.
pub struct Imports<T> {
    functions: HashMap<(String, String), Vec<HostFunction<T>>>,
}

impl<T: Send + 'static> Imports<T> {
    /// Offers nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { functions: HashMap::new() }
    }

    /// Offers one function. Its parameters are numbers: an array of `u32` when all are of type i32,
    /// a tuple otherwise (see [`Parameters`]); its result is one number or none. A function of the
    /// same names and type is replaced; under the same names there may be others of other types, of
    /// which a module gets the one that it asks for.
    #[must_use]
    pub fn function<P: Parameters, R: ImportResult>(
        self,
        module: &str,
        name: &str,
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
    ) -> Self {
        self.offer((module, name), function, Stack::Host)
    }

    /// As [`function`](Self::function), for a function that is short: it returns at once and enters
    /// no guest. It runs on the guest stack where 256 KiB of that are left, which saves the guest
    /// most of what a call to the host costs. One that needs more stack than that ends the program,
    /// as running out of a thread's stack does.
    #[must_use]
    pub fn short_function<P: Parameters, R: ImportResult>(
        self,
        module: &str,
        name: &str,
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
    ) -> Self {
        self.offer((module, name), function, Stack::Guest)
    }

    fn offer<P: Parameters, R: ImportResult>(
        mut self,
        (module, name): (&str, &str),
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
        stack: Stack,
    ) -> Self {
        let function = HostFunction::new(function, stack);
        let functions = self.functions.entry((module.to_owned(), name.to_owned())).or_default();
        functions.retain(|other| !other.is_of_type_of(&function));
        functions.push(function);
        self
    }

    /// Refuses a module that imports something that is not offered.
    ///
    /// # Errors
    /// [`Error::MissingImport`] and [`Error::ImportType`], for the first import that does not fit.
    pub fn admit(&self, module: &Module) -> Result<(), Error> {
        self.resolve(module.compiled()).map(drop)
    }

    /// The host functions that the module imports, in its order.
    pub(crate) fn resolve(&self, module: &Compiled) -> Result<Vec<&HostFunction<T>>, Error> {
        module.import_types().map(|import| self.function_for(&import)).collect()
    }

    fn function_for(&self, import: &ImportType) -> Result<&HostFunction<T>, Error> {
        let names = (import.module().to_owned(), import.name().to_owned());
        let kind = || import.kind().to_string();
        let Some(functions) = self.functions.get(&names) else {
            return Err(Error::MissingImport { module: names.0, name: names.1, kind: kind() });
        };
        functions.iter().find(|function| function.fits(import)).ok_or_else(|| Error::ImportType {
            module: names.0,
            name: names.1,
            offered: functions.iter().map(HostFunction::signature).collect(),
            found: kind(),
        })
    }
}

impl<T: Send + 'static> Default for Imports<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Imports<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signatures = |functions: &[HostFunction<T>]| {
            functions.iter().map(|function| function.signature().to_string()).collect::<Vec<_>>()
        };
        f.debug_map().entries(self.functions.iter().map(|(names, of)| (names, signatures(of)))).finish()
    }
}

/// The results that a host function can have: none, or one number.
pub trait ImportResult: host_function::Results {}
impl ImportResult for () {}
impl<N: Number> ImportResult for N {}

/// The parameters that a host function can have: `[u32; N]` with up to eight i32, or a tuple of one
/// to nine [numbers](Number).
pub trait Parameters: host_function::Arguments {}
impl<P: host_function::Arguments> Parameters for P {}

/// A number that is passed between guest and host: `u32` for an i32 and `u64` for an i64, both read
/// as unsigned, and `f32` and `f64`.
pub trait Number: host_function::Number {}
impl<N: host_function::Number> Number for N {}
