//! One running copy of a module.

mod bounds;
pub(crate) mod failure;

use std::{
    fmt, io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use system_limits::{NoThread, Wanted};
use wasmer::{AsStoreMut, InstantiationError, RuntimeError, Store, sys::NativeEngineExt};
use wasmer_types::RawValue;

use self::bounds::Bounds;
use crate::{
    CancelHandle, Deadline, Error, Imports, Limits, Module, Unreached, Value, ValueType,
    instance::failure::{Failure, Leave},
    limits::{LimitedTunables, MemoryPlace, Refused},
    module, text,
    types::ExternKind,
    wasmer::context::{Context, ContextBox, Lent},
    wasmer::host_function::Number,
    wasmer::memory::budget::Budget,
    wasmer::metering::Tank,
    wasmer::run::call::{self, Callee, Fault},
    wasmer::run::interrupt::{self, Starting},
    wasmer::run::signal,
    wasmer::run::stop::StopSign,
    watchdog::thread::{Ending, SignLease, Watch},
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
    /// Dropped before the store, in which the sign lies.
    _sign: SignLease,
    /// Dropped before the context, to which its functions point.
    store: Store,
    instance: wasmer::Instance,
    context: ContextBox<T>,
    number: u64,
    watch: Watch,
    refused: Refused,
    /// Only in an instance of a metered module.
    tank: Option<Tank>,
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
    callee: Callee,
    /// The instance that it belongs to.
    instance: u64,
}

// SAFETY: what the callee points to is only followed by the instance that it belongs to.
unsafe impl Send for Entry {}
// SAFETY: as above.
unsafe impl Sync for Entry {}

/// Tells instances apart, as long as the process lives.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl<T: Send + 'static> Instance<T> {
    /// A new copy of `module`, with the host's functions in `imports`, `data` beside it and what it may use in `limits`.
    /// Its segments are written and its start section runs, until `deadline` at most.
    ///
    /// # Errors
    /// [`Error::MissingImport`] and [`Error::ImportType`] for imports that do not fit, [`Error::MemoryLimit`],
    /// [`Error::TableLimit`] and [`Error::SegmentLimit`] for a module that declares too much, [`Error::Resources`] when the system has no room,
    /// [`Error::DeadlineExceeded`] when the instance was not made in time, and whatever the start section ends with.
    pub fn new(
        module: &Module,
        imports: &Imports<T>,
        data: T,
        limits: &Limits,
        deadline: Option<Deadline>,
    ) -> Result<Self, Error> {
        if call::is_on_guest_stack() {
            return Err(Error::EnteredFromShortFunction { export: START.to_owned() });
        }
        let budget = Budget::new(limits, module.wasmer().info())?;
        let refused = Refused::new(limits);
        let mut engine = module.engine().clone();
        let place = MemoryPlace::default();
        let stop = StopSign::default();
        let tunables = LimitedTunables::new(budget, refused.clone(), place.clone(), stop.clone(), deadline);
        engine.set_tunables(tunables);
        let watch = module.shared().watchdog.watch().map_err(without_watchdog)?;
        let exported = module.exports_memory(MEMORY).then(|| place.clone());
        let mut context = ContextBox::new(Context::new(data, watch.clone(), exported));
        let mut store = Store::new(engine);
        signal::guard(&mut store, module.code(), &watch, context.get().stack.clone(), stop.clone());
        let sign = watch.lease(stop);
        let externs = imports.externs(module.wasmer(), &mut store, context.pointer())?;
        let starting = Starting::begin(START)?;
        if module.wasmer().info().start_function.is_some() {
            // SAFETY: the stack lives in the context.
            unsafe { call::prepare_stack(&store, context.stack()) }.map_err(unentered)?;
        }
        watch.arm(deadline, store.objects_mut().id());
        let instance = wasmer::Instance::new_by_index(&mut store, module.wasmer(), &externs);
        let ending = match watch.disarm() {
            // Nobody interrupts what is not a guest's code.
            Ending::InTime if deadline.is_some_and(|deadline| deadline.is_over()) => Ending::Overdue,
            ending => ending,
        };
        drop(starting);
        let in_time = match instance {
            Ok(_) if ending != Ending::InTime => Err(InstantiationError::Start(late())),
            instance => instance,
        };
        let instance = in_time.map_err(|error| {
            let refusal = context.get().refusal.take();
            let (refused_memory, overflowed) = (refused.take(), context.get().stack.is_open());
            let unreached = unreached(&watch);
            let fuel = None;
            Failure { export: START, deadline, ending, unreached, refusal, refused_memory, overflowed, fuel }
                .of_instantiation(error)
        })?;
        let number = NUMBERS.fetch_add(1, Relaxed);
        let tank = module.is_metered().then(Tank::new);
        Ok(Self { _sign: sign, store, instance, context, number, watch, refused, tank, poisoned: None })
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
        self.invoke_within(export, arguments, Bounds { deadline, cancelled: None })
    }

    fn invoke_within(
        &mut self,
        export: &str,
        arguments: &[Value],
        bounds: Bounds<'_>,
    ) -> Result<Vec<Value>, Error> {
        let function = self.function(export)?.clone();
        let results = crate::wasmer::arguments::check(export, &function.ty(&self.store), arguments)?;
        let callee = Callee::new(&function, &mut self.store);
        let mut values: Vec<_> = arguments.iter().map(|value| value.to_raw()).collect();
        values.resize(arguments.len().max(results.len()), RawValue::default());
        // SAFETY: the function is this instance's, and the arguments are of its types.
        unsafe { self.run(export, callee, &mut values, bounds) }?;
        Ok(results.iter().zip(values).map(|(ty, raw)| ty.value(raw)).collect())
    }

    /// The types of the arguments that an export takes.
    ///
    /// # Errors
    /// [`Error::MissingExport`], [`Error::ExportType`] and [`Error::NotANumber`].
    pub fn parameters(&self, export: &str) -> Result<Vec<ValueType>, Error> {
        let ty = self.function(export)?.ty(&self.store);
        crate::wasmer::arguments::parameters(export, &ty)
    }

    /// Looks an export of type `(i32, i32) -> i32` up, for [`enter`](Self::enter).
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is none of this name, [`Error::ExportType`] when it is something else.
    pub fn entry(&mut self, export: &str) -> Result<Entry, Error> {
        let function = self.function(export)?.clone();
        module::check_entry_type(export, &function.ty(&self.store))?;
        let callee = Callee::new(&function, &mut self.store);
        Ok(Entry { export: export.to_owned(), callee, instance: self.number })
    }

    /// Enters the guest through an export that was looked up before: the fast way in, without any look-up or allocation.
    /// Until it returns, the functions of the host find `lent` in [`Caller::lent`](crate::Caller::lent), without a copy.
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke) for a call that fails, and [`Error::ForeignEntry`] for an entry of another instance.
    #[inline]
    pub fn enter(
        &mut self,
        entry: &Entry,
        arguments: (u32, u32),
        lent: [&[u8]; 2],
        deadline: Option<Deadline>,
    ) -> Result<u32, Error> {
        self.enter_within(entry, arguments, lent, Bounds { deadline, cancelled: None })
    }

    #[inline]
    fn enter_within(
        &mut self,
        entry: &Entry,
        arguments: (u32, u32),
        lent: [&[u8]; 2],
        bounds: Bounds<'_>,
    ) -> Result<u32, Error> {
        if entry.instance != self.number {
            return Err(Error::ForeignEntry { export: entry.export.clone() });
        }
        let mut values = [arguments.0.to_raw(), arguments.1.to_raw()];
        let loan = Loan::new(self, lent);
        // SAFETY: the entry is this instance's, and of the type that two numbers of 32 bits fit.
        unsafe { loan.instance.run(&entry.export, entry.callee, &mut values, bounds) }?;
        Ok(u32::from_raw(values[0]))
    }

    /// Whether the module exports a function of this name.
    #[must_use]
    pub fn has_function(&self, export: &str) -> bool {
        self.instance.exports.get_function(export).is_ok()
    }

    /// What the host keeps beside the instance.
    pub fn data(&mut self) -> &mut T {
        &mut self.context.get().data
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
            None => {
                let functions = self.instance.exports.iter().functions();
                Err(Error::missing_export(export, functions.map(|(name, _)| name.as_str())))
            }
        }
    }

    /// The one road into the guest. The results take the place of the arguments in `values`.
    ///
    /// # Safety
    /// The callee must be a function of this instance, and `values` must fit its type, see [`Callee::call`].
    #[inline]
    unsafe fn run(
        &mut self,
        export: &str,
        callee: Callee,
        values: &mut [RawValue],
        Bounds { deadline, cancelled }: Bounds<'_>,
    ) -> Result<(), Error> {
        if let Some(export) = &self.poisoned {
            return Err(Error::Poisoned { export: export.clone() });
        }
        if call::is_on_guest_stack() {
            return Err(Error::EnteredFromShortFunction { export: export.to_owned() });
        }
        let (target, _on_top) = interrupt::target(export)?;
        self.watch.make_sure().map_err(without_watchdog)?;
        self.watch.arm(deadline, target);
        if cancelled.is_some_and(bounds::is_raised) {
            self.watch.disarm();
            return Err(Error::Cancelled { export: export.to_owned() });
        }
        // SAFETY: the caller vouches for the callee and the values. `&mut self` keeps other runs away, and the context lives as
        // long as the instance.
        let result = unsafe { callee.call(&self.store, values, self.context.stack()) };
        let ending = self.watch.disarm();
        let result = match result {
            Err(Fault::NoStack(reason)) => return Err(Error::resources(&reason, Wanted::Memory)),
            Err(Fault::Ended(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        match (result, ending) {
            (Ok(()), Ending::InTime) => {
                self.refused.forget();
                Ok(())
            }
            (result, ending) => Err(self.fail(export, deadline, ending, &result.err().unwrap_or_else(late))),
        }
    }

    #[cold]
    fn fail(
        &mut self,
        export: &str,
        deadline: Option<Deadline>,
        ending: Ending,
        error: &RuntimeError,
    ) -> Error {
        let refusal = self.context.get().refusal.take();
        let leaves = refusal.as_ref().is_some_and(|refusal| refusal.is::<Leave>());
        if !leaves || ending != Ending::InTime {
            self.poisoned = Some(export.to_owned());
        }
        let fuel = self.tank.as_ref().and_then(|tank| tank.exhausted(&mut self.store, &self.instance));
        let refused_memory = self.refused.take();
        let overflowed = self.context.get().stack.is_open();
        let unreached = unreached(&self.watch);
        Failure { export, deadline, ending, unreached, refusal, refused_memory, overflowed, fuel }
            .of_run(error)
    }
}

/// Why interrupts did not reach a run that failed, if they did not. From now on they are to reach this thread.
fn unreached(watch: &Watch) -> Option<Unreached> {
    watch.unreached().inspect(|unreached| interrupt::admit_again(*unreached))
}

#[cold]
fn without_watchdog(error: io::Error) -> Error {
    let reason = |reason: &str| text::cut(&format!("there is no thread for deadlines: {reason}")).to_owned();
    match error.downcast::<NoThread>() {
        Ok(no_thread) => Error::Resources { reason: reason(&no_thread.reason), limit: no_thread.limit },
        Err(error) => Error::resources(&reason(&error.to_string()), Wanted::Thread),
    }
}

/// What a guest comes to that could not be entered.
fn unentered(fault: Fault) -> Error {
    match fault {
        Fault::NoStack(reason) => Error::resources(&reason, Wanted::Memory),
        Fault::Ended(error) => Error::resources(&error.message(), Wanted::Memory),
    }
}

/// What a run comes to that went well, but came back after it had been ended from outside: its interrupt may still be on its way.
fn late() -> RuntimeError {
    RuntimeError::new("it was ended just before it came back")
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
        instance.context.get().lent = lent;
        Self { instance }
    }
}

impl<T: Send + 'static> Drop for Loan<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.instance.context.get().lent = Lent::nothing();
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
