//! Functions that the host offers to a guest.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use wasmer::{FunctionEnv, FunctionEnvMut, RuntimeError, Store, Type};

use crate::{
    Error, GuestMemory, Module, Signature,
    context::Context,
    failure::HostPanic,
    types::{ExternKind, type_name},
};

/// Why a function of the host refuses to go on. It ends the guest's run; the instance is not usable afterwards.
pub type HostError = Box<dyn std::error::Error + Send + Sync>;

/// The functions that the host offers, by module and name. `T` is what the host keeps beside each instance.
pub struct Imports<T> {
    functions: HashMap<(String, String), Definition<T>>,
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

    /// Offers one function. Its parameters are all of type i32, read as unsigned, and there are as many as the array has
    /// (0 to 8); the result is one number or none. A function of the same names is replaced.
    #[must_use]
    pub fn function<P: Parameters, R: ImportResult>(
        mut self,
        module: &str,
        name: &str,
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
    ) -> Self {
        let ty = wasmer::FunctionType::new(vec![Type::I32; P::COUNT], R::TYPES.to_vec());
        let function = Arc::new(function);
        let definition = Definition {
            ty,
            instantiate: Arc::new(move |store, env| P::instantiate(store, env, function.clone())),
        };
        self.functions.insert((module.to_owned(), name.to_owned()), definition);
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
        module
            .imports()
            .map(|import| {
                let names = (import.module().to_owned(), import.name().to_owned());
                let Some(definition) = self.functions.get(&names) else {
                    let kind = ExternKind::new(import.ty()).to_string();
                    return Err(Error::MissingImport { module: names.0, name: names.1, kind });
                };
                if import.ty().func() != Some(&definition.ty) {
                    return Err(Error::ImportType {
                        module: names.0,
                        name: names.1,
                        expected: Signature::new(&definition.ty),
                        found: ExternKind::new(import.ty()).to_string(),
                    });
                }
                Ok(definition)
            })
            .collect()
    }
}

impl<T: Send + 'static> Default for Imports<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Imports<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = |ty: &wasmer::FunctionType| {
            let names = |types: &[Type]| types.iter().map(type_name).collect::<Vec<_>>().join(", ");
            format!("({}) -> ({})", names(ty.params()), names(ty.results()))
        };
        f.debug_map().entries(self.functions.iter().map(|(names, d)| (names, signature(&d.ty)))).finish()
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

/// The results that a function of the host can have: none, or one `u32` that the guest sees as an i32.
pub trait ImportResult: sealed::Result {}
impl ImportResult for () {}
impl ImportResult for u32 {}

/// The parameters that a function of the host can have: zero to eight i32, read as unsigned.
pub trait Parameters: sealed::Parameters {}

mod sealed {
    use super::*;

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

    impl Result for u32 {
        const TYPES: &'static [Type] = &[Type::I32];
        type Wasm = i32;
        fn to_wasm(self) -> i32 {
            self.cast_signed()
        }
    }

    pub trait Parameters: Sized {
        const COUNT: usize;
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
    let refusal = match catch_unwind(AssertUnwindSafe(|| function(caller))) {
        Ok(Ok(result)) => return Ok(result.to_wasm()),
        Ok(Err(refusal)) => refusal,
        Err(panic) => HostPanic::new(&*panic).into(),
    };
    context.refusal = Some(refusal);
    Err(RuntimeError::new("ended by the host"))
}

macro_rules! parameters {
    ($count:literal: $($name:ident)*) => {
        impl Parameters for [u32; $count] {}
        impl sealed::Parameters for [u32; $count] {
            const COUNT: usize = $count;

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
                    move |env: FunctionEnvMut<'_, Context<T>>, $($name: i32),*| {
                        run::<T, R>(env, |caller| function(caller, [$($name.cast_unsigned()),*]))
                    },
                )
            }
        }
    };
}

parameters!(0:);
parameters!(1: a);
parameters!(2: a b);
parameters!(3: a b c);
parameters!(4: a b c d);
parameters!(5: a b c d e);
parameters!(6: a b c d e f);
parameters!(7: a b c d e f g);
parameters!(8: a b c d e f g h);
