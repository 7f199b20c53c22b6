//! Functions that the host offers to a guest.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use wasmer::{FunctionEnv, FunctionEnvMut, RuntimeError, Store, Type};

use crate::{Error, GuestMemory, Module, Signature, context::Context, failure::HostPanic, types::ExternKind};

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

type Instantiate<T> =
    dyn Fn(&mut Store, &FunctionEnv<Context<T>>) -> wasmer::Function + Send + Sync + 'static;

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
        mut self,
        module: &str,
        name: &str,
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
    ) -> Self {
        let ty = wasmer::FunctionType::new(P::TYPES, R::TYPES);
        let function = Arc::new(function);
        let instantiate: Arc<Instantiate<T>> =
            Arc::new(move |store, env| P::instantiate(store, env, function.clone()));
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
        env: &FunctionEnv<Context<T>>,
    ) -> Result<Vec<wasmer::Extern>, Error> {
        let definitions = self.resolve(module)?;
        Ok(definitions.into_iter().map(|definition| (definition.instantiate)(store, env).into()).collect())
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
pub trait ImportResult: sealed::Result {}
impl ImportResult for () {}
impl<N: Number> ImportResult for N {}

/// The parameters that a function of the host can have: `[u32; N]` with up to eight i32, or a tuple of one to nine
/// [numbers](Number).
pub trait Parameters: sealed::Parameters {}

/// A number that crosses from the guest to the host: `u32` for an i32 and `u64` for an i64, both read as unsigned, and
/// `f32` and `f64`.
pub trait Number: sealed::Number {}
impl Number for u32 {}
impl Number for u64 {}
impl Number for f32 {}
impl Number for f64 {}

mod sealed {
    use super::*;

    pub trait Number: wasmer::FromToNativeWasmType + Send + 'static {
        const TYPE: Type;
    }

    impl Number for u32 {
        const TYPE: Type = Type::I32;
    }

    impl Number for u64 {
        const TYPE: Type = Type::I64;
    }

    impl Number for f32 {
        const TYPE: Type = Type::F32;
    }

    impl Number for f64 {
        const TYPE: Type = Type::F64;
    }

    pub trait Result: Send + 'static {
        const TYPES: &'static [Type];
        type Wasm: wasmer::WasmTypeList + 'static;
        fn to_wasm(self) -> Self::Wasm;
    }

    impl Result for () {
        const TYPES: &'static [Type] = &[];
        type Wasm = ();
        fn to_wasm(self) {}
    }

    impl<N: Number> Result for N {
        const TYPES: &'static [Type] = &[N::TYPE];
        type Wasm = N;
        fn to_wasm(self) -> N {
            self
        }
    }

    pub trait Parameters: Sized {
        const TYPES: &'static [Type];
        fn instantiate<T, R, F>(
            store: &mut Store,
            env: &FunctionEnv<Context<T>>,
            function: Arc<F>,
        ) -> wasmer::Function
        where
            T: Send + 'static,
            R: Result,
            F: Fn(Caller<'_, T>, Self) -> std::result::Result<R, HostError> + Send + Sync + 'static;
    }
}

/// Runs a function of the host for the guest that called it. A refusal is kept beside the instance, where
/// [`Instance::enter`](crate::Instance::enter) finds it with its type.
#[inline]
fn run<T: Send + 'static, R: sealed::Result>(
    mut env: FunctionEnvMut<'_, Context<T>>,
    function: impl FnOnce(Caller<'_, T>) -> Result<R, HostError>,
) -> Result<R::Wasm, RuntimeError> {
    let (context, store) = env.data_and_store_mut();
    if context.is_over() {
        return Err(RuntimeError::new("ended from outside"));
    }
    let caller = context.caller(&store);
    let outcome = catch_unwind(AssertUnwindSafe(|| function(caller)));
    if context.is_over() {
        return Err(RuntimeError::new("ended from outside"));
    }
    let refusal = match outcome {
        Ok(Ok(result)) => return Ok(result.to_wasm()),
        Ok(Err(refusal)) => refusal,
        Err(panic) => HostPanic::new(&*panic).into(),
    };
    context.refusal = Some(refusal);
    Err(RuntimeError::new("ended by the host"))
}

/// Parameters of which the engine knows the types `$number` one by one, and the host's function sees `$all`.
macro_rules! parameters {
    (($($generic:ident)*) $types:expr, ($($name:ident: $number:ty),*) => $all:expr, $Self:ty) => {
        impl<$($generic: Number),*> Parameters for $Self {}
        impl<$($generic: Number),*> sealed::Parameters for $Self {
            const TYPES: &'static [Type] = $types;

            fn instantiate<T, R, F>(
                store: &mut Store,
                env: &FunctionEnv<Context<T>>,
                function: Arc<F>,
            ) -> wasmer::Function
            where
                T: Send + 'static,
                R: sealed::Result,
                F: Fn(Caller<'_, T>, Self) -> Result<R, HostError> + Send + Sync + 'static,
            {
                wasmer::Function::new_typed_with_env(
                    store,
                    env,
                    move |env: FunctionEnvMut<'_, Context<T>>, $($name: $number),*| {
                        run::<T, R>(env, |caller| function(caller, $all))
                    },
                )
            }
        }
    };
}

macro_rules! array {
    ($count:literal: $($name:ident)*) => {
        parameters!(() &[Type::I32; $count], ($($name: u32),*) => [$($name),*], [u32; $count]);
    };
}

array!(0:);
array!(1: a);
array!(2: a b);
array!(3: a b c);
array!(4: a b c d);
array!(5: a b c d e);
array!(6: a b c d e f);
array!(7: a b c d e f g);
array!(8: a b c d e f g h);

macro_rules! tuple {
    ($($name:ident: $number:ident)*) => {
        parameters!(($($number)*) &[$($number::TYPE),*], ($($name: $number),*) => ($($name,)*), ($($number,)*));
    };
}

tuple!(a: A);
tuple!(a: A b: B);
tuple!(a: A b: B c: C);
tuple!(a: A b: B c: C d: D);
tuple!(a: A b: B c: C d: D e: E);
tuple!(a: A b: B c: C d: D e: E g: G);
tuple!(a: A b: B c: C d: D e: E g: G h: H);
tuple!(a: A b: B c: C d: D e: E g: G h: H i: I);
tuple!(a: A b: B c: C d: D e: E g: G h: H i: I j: J);
