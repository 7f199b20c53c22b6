//! One running copy of a module.

use std::fmt;

use wasmer::{FunctionEnv, RuntimeError, Store, TypedFunction, sys::NativeEngineExt};

use crate::{
    CancelHandle, Deadline, Error, Imports, Limits, Module, Signature, Value, ValueType, code,
    context::{Context, Lent},
    failure::{Failure, Leave},
    limits::{LimitedTunables, MemoryPlace, Refused},
    types::{ExternKind, type_name},
    watchdog::{Ending, Watch},
};

/// The export's name in errors of a run that began in the module's start section.
const START: &str = "(start)";
/// The name under which guests export their memory.
const MEMORY: &str = "memory";

/// One running copy of a module: its own memory and state, and a `T` that the host keeps beside it.
///
/// An instance that trapped, or was ended from outside, is poisoned: its memory may be in any state, so that every later
/// call ends with [`Error::Poisoned`].
pub struct Instance<T: Send + 'static = ()> {
    store: Store,
    instance: wasmer::Instance,
    env: FunctionEnv<Context<T>>,
    watch: Watch,
    refused: Refused,
    poisoned: Option<String>,
}

// SAFETY: wasmer's store is not `Send` since version 7 because of what is not used here: its V8 backend, and the handler that
// `StoreMut::on_called` sets. All that the compiled-code backend points to lies on the heap and belongs to the store, which
// moves as a whole; what it keeps for a thread (trap handling, the interrupt's target) is set up at each entry and taken down
// before the entry returns. `&mut self` is needed for each, so two threads are never inside at once.
unsafe impl<T: Send + 'static> Send for Instance<T> {}

/// An export of type `(i32, i32) -> i32` that was looked up once, see [`Instance::entry`].
#[derive(Debug, Clone)]
pub struct Entry {
    export: String,
    function: TypedFunction<(i32, i32), i32>,
}

impl<T: Send + 'static> Instance<T> {
    /// A new copy of `module`, with the host's functions in `imports`, `data` beside it and what it may use in `limits`.
    /// The module's start section runs, until `deadline` at most.
    ///
    /// # Errors
    /// [`Error::MissingImport`] and [`Error::ImportType`] for imports that do not fit, [`Error::MemoryLimit`] and
    /// [`Error::TableLimit`] for a module that declares too much, [`Error::Resources`] when the system has no room, and
    /// whatever the start section ends with.
    pub fn new(
        module: &Module,
        imports: &Imports<T>,
        data: T,
        limits: &Limits,
        deadline: Option<Deadline>,
    ) -> Result<Self, Error> {
        limits.admit(module.wasmer().info())?;
        let refused = Refused::new(limits);
        let mut engine = module.engine().clone();
        let place = MemoryPlace::default();
        engine.set_tunables(LimitedTunables::new(limits.clone(), refused.clone(), place.clone()));
        let mut store = Store::new(engine);
        let watch = module
            .shared()
            .watchdog
            .watch(&store)
            .map_err(|error| Error::Resources { reason: format!("no thread for deadlines: {error}") })?;
        code::guard(&mut store, module.code(), &watch);
        let env = FunctionEnv::new(&mut store, Context::new(data, watch.clone()));
        let externs = imports.externs(module.wasmer(), &mut store, &env)?;
        watch.arm(deadline);
        let instance = wasmer::Instance::new_by_index(&mut store, module.wasmer(), &externs);
        let ending = watch.disarm();
        let instance = instance.map_err(|error| {
            let refusal = env.as_mut(&mut store).refusal.take();
            Failure { export: START, deadline, ending, refusal, refused_memory: refused.take() }
                .of_instantiation(error)
        })?;
        let exported = instance.exports.get_memory(MEMORY).is_ok();
        env.as_mut(&mut store).memory = place.definition().filter(|_| exported);
        let poisoned = (ending != Ending::InTime).then(|| START.to_owned());
        Ok(Self { store, instance, env, watch, refused, poisoned })
    }

    /// Calls an export with numbers and returns its results, within `deadline`.
    ///
    /// # Errors
    /// [`Error::MissingExport`], [`Error::ExportType`], [`Error::Arity`], [`Error::ArgumentType`] and
    /// [`Error::NotANumber`] for a call that does not fit the export; [`Error::Trap`], [`Error::DeadlineExceeded`],
    /// [`Error::Cancelled`], [`Error::MemoryLimit`] and [`Error::Host`] for one that fails, after which the instance is
    /// poisoned.
    pub fn invoke(
        &mut self,
        export: &str,
        arguments: &[Value],
        deadline: Option<Deadline>,
    ) -> Result<Vec<Value>, Error> {
        let function = self.function(export)?.clone();
        check_arguments(export, &function.ty(&self.store), arguments)?;
        let arguments: Vec<_> = arguments.iter().map(|value| value.to_wasmer()).collect();
        let results = self.run(export, deadline, |store| function.call(store, &arguments))?;
        Ok(results.iter().filter_map(Value::from_wasmer).collect())
    }

    /// The types of the arguments that an export takes.
    ///
    /// # Errors
    /// [`Error::MissingExport`], [`Error::ExportType`] and [`Error::NotANumber`].
    pub fn parameters(&self, export: &str) -> Result<Vec<ValueType>, Error> {
        let ty = self.function(export)?.ty(&self.store);
        numbers(ty.params()).ok_or_else(|| not_a_number(export, &ty))
    }

    /// Looks an export of type `(i32, i32) -> i32` up, for [`enter`](Self::enter).
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is none of this name, [`Error::ExportType`] when it is something else.
    pub fn entry(&self, export: &str) -> Result<Entry, Error> {
        let function = self.function(export)?;
        let function = function.typed(&self.store).map_err(|_| Error::ExportType {
            export: export.to_owned(),
            expected: "function (i32, i32) -> (i32)".to_owned(),
            found: ExternKind::Function(Signature::new(&function.ty(&self.store))).to_string(),
        })?;
        Ok(Entry { export: export.to_owned(), function })
    }

    /// Enters the guest through an export that was looked up before: the fast way in, without any look-up or allocation.
    /// Until it returns, the functions of the host find `lent` in [`Caller::lent`](crate::Caller::lent), without a copy.
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke) for a call that fails.
    #[inline]
    pub fn enter(
        &mut self,
        entry: &Entry,
        arguments: (u32, u32),
        lent: [&[u8]; 2],
        deadline: Option<Deadline>,
    ) -> Result<u32, Error> {
        let (first, second) = (arguments.0.cast_signed(), arguments.1.cast_signed());
        let loan = Loan::new(self, lent);
        let result =
            loan.instance.run(&entry.export, deadline, |store| entry.function.call(store, first, second));
        result.map(i32::cast_unsigned)
    }

    /// Whether the module exports a function of this name.
    #[must_use]
    pub fn has_function(&self, export: &str) -> bool {
        self.instance.exports.get_function(export).is_ok()
    }

    /// What the host keeps beside the instance.
    pub fn data(&mut self) -> &mut T {
        &mut self.env.as_mut(&mut self.store).data
    }

    /// The size of the guest's memory in bytes; zero when it exports none.
    #[must_use]
    pub fn memory_size(&self) -> u64 {
        let memory = self.instance.exports.get_memory(MEMORY);
        memory.map_or(0, |memory| memory.view(&self.store).data_size())
    }

    /// Whether a call failed in this instance, so that it must not be used again.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.is_some()
    }

    /// A handle that ends the run which is under way when it is used, from any thread.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.watch.cancel_handle()
    }

    fn function(&self, export: &str) -> Result<&wasmer::Function, Error> {
        match self.instance.exports.get_extern(export) {
            Some(wasmer::Extern::Function(function)) => Ok(function),
            Some(other) => Err(Error::ExportType {
                export: export.to_owned(),
                expected: "a function".to_owned(),
                found: ExternKind::new(&other.ty(&self.store)).to_string(),
            }),
            None => Err(Error::MissingExport {
                export: export.to_owned(),
                available: self.instance.exports.iter().functions().map(|(name, _)| name.clone()).collect(),
            }),
        }
    }

    /// The one road into the guest.
    #[inline]
    fn run<R>(
        &mut self,
        export: &str,
        deadline: Option<Deadline>,
        call: impl FnOnce(&mut Store) -> Result<R, RuntimeError>,
    ) -> Result<R, Error> {
        if let Some(export) = &self.poisoned {
            return Err(Error::Poisoned { export: export.clone() });
        }
        self.watch.arm(deadline);
        let result = call(&mut self.store);
        let ending = self.watch.disarm();
        if ending != Ending::InTime && result.is_ok() {
            // It came back just as it was interrupted: the result holds, but the interrupt may still be on its way.
            self.poisoned = Some(export.to_owned());
        }
        result.map_err(|error| self.fail(export, deadline, ending, &error))
    }

    #[cold]
    fn fail(
        &mut self,
        export: &str,
        deadline: Option<Deadline>,
        ending: Ending,
        error: &RuntimeError,
    ) -> Error {
        let refusal = self.env.as_mut(&mut self.store).refusal.take();
        let leaves = refusal.as_ref().is_some_and(|refusal| refusal.is::<Leave>());
        if !leaves || ending != Ending::InTime {
            self.poisoned = Some(export.to_owned());
        }
        Failure { export, deadline, ending, refusal, refused_memory: self.refused.take() }.of_run(error)
    }
}

/// Lends bytes to the functions of the host for as long as it lives.
struct Loan<'a, T: Send + 'static> {
    instance: &'a mut Instance<T>,
}

impl<'a, T: Send + 'static> Loan<'a, T> {
    #[inline]
    fn new(instance: &'a mut Instance<T>, bytes: [&'a [u8]; 2]) -> Self {
        // SAFETY: the loan is taken back when this value is dropped, and it cannot outlive the borrow of `bytes`.
        let lent = unsafe { Lent::new(bytes) };
        instance.env.as_mut(&mut instance.store).lent = lent;
        Self { instance }
    }
}

impl<T: Send + 'static> Drop for Loan<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.instance.env.as_mut(&mut self.instance.store).lent = Lent::nothing();
    }
}

impl<T: Send + 'static> fmt::Debug for Instance<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("memory", &self.memory_size())
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

fn check_arguments(export: &str, ty: &wasmer::FunctionType, arguments: &[Value]) -> Result<(), Error> {
    if numbers(ty.params()).is_none() || numbers(ty.results()).is_none() {
        return Err(not_a_number(export, ty));
    }
    if ty.params().len() != arguments.len() {
        return Err(Error::Arity {
            export: export.to_owned(),
            signature: Signature::new(ty),
            expected: ty.params().len(),
            given: arguments.len(),
        });
    }
    for (position, (expected, argument)) in ty.params().iter().zip(arguments).enumerate() {
        if number(expected) != Some(argument.ty()) {
            return Err(Error::ArgumentType {
                export: export.to_owned(),
                position: position + 1,
                expected: type_name(expected),
                given: argument.ty(),
            });
        }
    }
    Ok(())
}

fn not_a_number(export: &str, ty: &wasmer::FunctionType) -> Error {
    Error::NotANumber { export: export.to_owned(), signature: Signature::new(ty) }
}

fn numbers(types: &[wasmer::Type]) -> Option<Vec<ValueType>> {
    types.iter().map(number).collect()
}

fn number(ty: &wasmer::Type) -> Option<ValueType> {
    match ty {
        wasmer::Type::I32 => Some(ValueType::I32),
        wasmer::Type::I64 => Some(ValueType::I64),
        wasmer::Type::F32 => Some(ValueType::F32),
        wasmer::Type::F64 => Some(ValueType::F64),
        _ => None,
    }
}
