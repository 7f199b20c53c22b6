//! Functions that the host offers to a guest.

use std::{collections::HashMap, fmt, ptr::NonNull, sync::Arc};

use wasmer::{Extern, Store};

use crate::{
    Error, GuestMemory, Module, Signature,
    types::ExternKind,
    wasmer::context::Context,
    wasmer::host_function::{self, Place, Site},
};

/// Why a function of the host refuses to go on. It ends the guest's run; the instance is not usable afterwards.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// The functions that the host offers, by module, name and type. `T` is what the host keeps beside each instance.
pub struct Imports<T> {
    functions: HashMap<(String, String), Vec<Definition<T>>>,
}

struct Definition<T> {
    ty: wasmer::FunctionType,
    instantiate: Arc<Instantiate<T>>,
}

type Instantiate<T> = dyn Fn(Site<'_, T>) -> Extern + Send + Sync + 'static;

/// What a function of the host sees of the instance that called it.
pub struct Caller<'a, T> {
    /// What the host keeps beside the instance.
    pub data: &'a mut T,
    /// The guest's memory; empty when it exports none.
    pub memory: GuestMemory<'a>,
    /// The bytes that the host lent for this run, see [`Instance::enter`](crate::Instance::enter).
    pub lent: [&'a [u8]; 2],
}

impl<T: Send + 'static> Imports<T> {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { functions: HashMap::new() }
    }

    /// Offers one function. Its parameters are numbers: an array of `u32` when all are of type i32, a tuple otherwise (see
    /// [`Parameters`]); its result is one number or none. A function of the same names and type is replaced; under the same
    /// names there may be others of other types, of which a module gets the one that it asks for.
    #[must_use]
    pub fn function<P: Parameters, R: ImportResult>(
        self,
        module: &str,
        name: &str,
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
    ) -> Self {
        self.offer((module, name), function, Place::Thread)
    }

    /// As [`function`](Self::function), for a function that is short: it returns at once and enters no guest. It runs on the
    /// guest's stack where 256 KiB of that are left, which saves the guest most of what a call to the host costs. One that
    /// needs more stack than that ends the program, as running out of a thread's stack does.
    #[must_use]
    pub fn short_function<P: Parameters, R: ImportResult>(
        self,
        module: &str,
        name: &str,
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
    ) -> Self {
        self.offer((module, name), function, Place::Guest)
    }

    fn offer<P: Parameters, R: ImportResult>(
        mut self,
        (module, name): (&str, &str),
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
        place: Place,
    ) -> Self {
        let ty = wasmer::FunctionType::new(P::TYPES, R::TYPES);
        let function = Arc::new(function);
        let instantiate: Arc<Instantiate<T>> =
            Arc::new(move |site| P::instantiate(site, function.clone(), place));
        let definitions = self.functions.entry((module.to_owned(), name.to_owned())).or_default();
        definitions.retain(|definition| definition.ty != ty);
        definitions.push(Definition { ty, instantiate });
        self
    }

    /// Refuses a module that imports something else than what is offered.
    ///
    /// # Errors
    /// [`Error::MissingImport`] and [`Error::ImportType`], for the first import that does not fit.
    pub fn admit(&self, module: &Module) -> Result<(), Error> {
        self.resolve(module.wasmer()).map(drop)
    }

    /// The functions of the host that the module imports, made for one instance, in the module's order.
    pub(crate) fn externs(
        &self,
        module: &wasmer::Module,
        store: &mut Store,
        context: NonNull<Context<T>>,
    ) -> Result<Vec<Extern>, Error> {
        let definitions = self.resolve(module)?;
        let make =
            |definition: &Definition<T>| (definition.instantiate)(Site { store: &mut *store, context });
        Ok(definitions.into_iter().map(make).collect())
    }

    fn resolve(&self, module: &wasmer::Module) -> Result<Vec<&Definition<T>>, Error> {
        module.imports().map(|import| self.definition(&import)).collect()
    }

    fn definition(&self, import: &wasmer::ImportType) -> Result<&Definition<T>, Error> {
        let names = (import.module().to_owned(), import.name().to_owned());
        let kind = || ExternKind::new(import.ty()).to_string();
        let Some(definitions) = self.functions.get(&names) else {
            return Err(Error::MissingImport { module: names.0, name: names.1, kind: kind() });
        };
        let fits = |definition: &&Definition<T>| import.ty().func() == Some(&definition.ty);
        definitions.iter().find(fits).ok_or_else(|| Error::ImportType {
            module: names.0,
            name: names.1,
            offered: definitions.iter().map(|definition| Signature::new(&definition.ty)).collect(),
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
        let signatures = |definitions: &[Definition<T>]| {
            definitions
                .iter()
                .map(|definition| Signature::new(&definition.ty).to_string())
                .collect::<Vec<_>>()
        };
        f.debug_map().entries(self.functions.iter().map(|(names, d)| (names, signatures(d)))).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Caller<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("data", &self.data)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// The results that a function of the host can have: none, or one number.
pub trait ImportResult: host_function::Results {}
impl ImportResult for () {}
impl<N: Number> ImportResult for N {}

/// The parameters that a function of the host can have: `[u32; N]` with up to eight i32, or a tuple of one to nine
/// [numbers](Number).
pub trait Parameters: host_function::Arguments {}
impl<P: host_function::Arguments> Parameters for P {}

/// A number that crosses from the guest to the host: `u32` for an i32 and `u64` for an i64, both read as unsigned, and
/// `f32` and `f64`.
pub trait Number: host_function::Number {}
impl<N: host_function::Number> Number for N {}
