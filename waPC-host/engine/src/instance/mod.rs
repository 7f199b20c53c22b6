//! Makes instances of a module, and calls them.

mod failure;
mod fuel;
mod restore;
mod run;

use std::{fmt, sync::atomic::AtomicBool};

use self::{
    failure::Failure,
    run::{Bounds, Runs, Stopped},
};
use crate::{
    error::Error,
    host_error::Leave,
    imports::Imports,
    limits::{Limits, deadline::Deadline},
    module::Module,
    value::{Value, ValueType},
    wasmer::{
        arguments::Pair,
        exports::Exports,
        fuel::Fuel,
        memory::budget::Budget,
        run::{guest_stack, interrupt::Starting, trap::Trap},
        store::{Store, StoreEntry, Unmade},
    },
    watchdog::{
        slot::Ending,
        watch::{CancelHandle, Watch},
    },
};

/// The export's name in errors of a run that began in the module's start section.
const START: &str = "(start)";

/// One running copy of a module: its own memory and state, and a `T` that the host keeps beside it.
///
/// An instance that trapped, or was ended from outside, is poisoned: its memory may be in any
/// state, so that every later call ends with [`Error::Poisoned`].
pub struct Instance<T: Send + 'static = ()> {
    store: Store<T>,
    exports: Exports,
    runs: Runs,
    /// Only in an instance of a metered module.
    fuel: Option<Fuel>,
    /// The fuel when the state was kept.
    kept_fuel: Option<Fuel>,
}

/// An export of type `(i32, i32) -> i32` that was looked up once, see [`Instance::entry`].
#[derive(Debug, Clone)]
pub struct Entry {
    export: String,
    entry: StoreEntry,
}

impl<T: Send + 'static> Instance<T> {
    /// A new copy of `module`, with the host functions in `imports`, `data` beside it and what it
    /// may use in `limits`. Its segments are written and its start section runs, until `deadline`
    /// at most.
    ///
    /// # Errors
    /// [`Error::MissingImport`] and [`Error::ImportType`] for imports that do not fit,
    /// [`Error::MemoryLimit`], [`Error::TableLimit`] and [`Error::SegmentLimit`] for a module that
    /// declares too much, [`Error::Resources`] when the system has no room,
    /// [`Error::DeadlineExceeded`] when the instance was not made in time, and whatever the start
    /// section ends with.
    pub fn new(
        module: &Module,
        imports: &Imports<T>,
        data: T,
        limits: &Limits,
        deadline: Option<Deadline>,
    ) -> Result<Self, Error> {
        if guest_stack::is_on_guest_stack() {
            return Err(Error::EnteredFromShortFunction { export: START.to_owned() });
        }
        let compiled = module.compiled();
        let budget = Budget::new(limits, compiled)?;
        let watch = Watch::new(module.watchdog()).map_err(run::without_watchdog)?;
        let functions = imports.resolve(compiled)?;
        let mut store = Store::new(compiled, data, budget, watch.slot(), deadline);
        let starting = Starting::begin(START)?;
        store.prepare_start(compiled).map_err(run::unentered)?;
        watch.arm(deadline, store.target());
        let exports = store.instantiate(compiled, &functions);
        let ending = match watch.disarm() {
            // Nobody interrupts what is not a guest's code.
            Ending::InTime if deadline.is_some_and(|deadline| deadline.is_over()) => Ending::Overdue,
            ending => ending,
        };
        drop(starting);
        let in_time = match exports {
            Ok(_) if ending != Ending::InTime => Err(Unmade::Trapped(run::late())),
            exports => exports,
        };
        let exports = in_time.map_err(|unmade| {
            let (notes, unreached) = (store.take_notes(), watch.unreached());
            Failure { export: START, deadline, ending, unreached, notes, fuel: None }.of_instantiation(unmade)
        })?;
        let fuel = module.is_metered().then(Fuel::new);
        Ok(Self { store, exports, runs: Runs::new(watch), fuel, kept_fuel: None })
    }

    /// Calls an export with numbers and returns its results, within `deadline`.
    ///
    /// # Errors
    /// [`Error::MissingExport`], [`Error::ExportType`], [`Error::Arity`], [`Error::ArgumentType`]
    /// and [`Error::NotANumber`] for a call that does not fit the export; [`Error::Trap`],
    /// [`Error::DeadlineExceeded`], [`Error::Cancelled`], [`Error::MemoryLimit`] and
    /// [`Error::Host`] for one that fails, after which the instance is poisoned.
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
        let function = self.store.function(&self.exports, export)?;
        let mut invocation = self.store.invocation(export, &function, arguments)?;
        let result = self.runs.run(export, bounds, || invocation.invoke());
        let results = result.map(|()| invocation.results());
        self.judge(export, bounds, results)
    }

    /// The types of the arguments that an export takes.
    ///
    /// # Errors
    /// [`Error::MissingExport`], [`Error::ExportType`] and [`Error::NotANumber`].
    pub fn parameters(&self, export: &str) -> Result<Vec<ValueType>, Error> {
        let function = self.store.function(&self.exports, export)?;
        let not_a_number =
            || Error::NotANumber { export: export.to_owned(), signature: function.ty().signature() };
        function.ty().parameters().ok_or_else(not_a_number)
    }

    /// Looks an export of type `(i32, i32) -> i32` up, for [`enter`](Self::enter).
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is none of this name, [`Error::ExportType`] when it is
    /// something else.
    pub fn entry(&mut self, export: &str) -> Result<Entry, Error> {
        let function = self.store.function(&self.exports, export)?;
        let entry = self.store.entry(export, &function)?;
        Ok(Entry { export: export.to_owned(), entry })
    }

    /// Enters the guest through an export that was looked up before: the fast way in, without any
    /// look-up or allocation. Until it returns, the host functions find `lent` in
    /// [`Caller::lent`](crate::Caller::lent), without a copy.
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke) for a call that fails, and [`Error::ForeignEntry`] for an entry
    /// of another instance.
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
        let Some(mut entering) = self.store.entering(entry.entry, lent) else {
            return Err(Error::ForeignEntry { export: entry.export.clone() });
        };
        let mut values = Pair::new(arguments);
        let result = self.runs.run(&entry.export, bounds, || entering.enter(&mut values));
        drop(entering);
        self.judge(&entry.export, bounds, result)?;
        Ok(values.result())
    }

    /// As [`enter`](Self::enter), unless `cancelled` is raised: then the guest is not entered.
    ///
    /// Whoever raises the flag and uses a [`CancelHandle`](crate::CancelHandle) of this instance
    /// afterwards ends the call for certain: either the flag is yet to be read, or the handle finds
    /// the call running.
    ///
    /// # Errors
    /// As [`enter`](Self::enter); [`Error::Cancelled`] when the flag was up, which leaves the
    /// instance as it was.
    pub fn enter_unless(
        &mut self,
        cancelled: &AtomicBool,
        entry: &Entry,
        arguments: (u32, u32),
        lent: [&[u8]; 2],
        deadline: Option<Deadline>,
    ) -> Result<u32, Error> {
        self.enter_within(entry, arguments, lent, Bounds { deadline, cancelled: Some(cancelled) })
    }

    /// As [`invoke`](Self::invoke) without arguments, unless `cancelled` is raised; see
    /// [`enter_unless`](Self::enter_unless).
    ///
    /// # Errors
    /// As [`invoke`](Self::invoke); [`Error::Cancelled`] when the flag was up, which leaves the
    /// instance as it was.
    pub fn start_unless(
        &mut self,
        cancelled: &AtomicBool,
        export: &str,
        deadline: Option<Deadline>,
    ) -> Result<(), Error> {
        self.invoke_within(export, &[], Bounds { deadline, cancelled: Some(cancelled) }).map(drop)
    }

    /// Whether the module exports a function of this name.
    #[must_use]
    pub fn has_function(&self, export: &str) -> bool {
        self.exports.has_function(export)
    }

    /// What the host keeps beside the instance.
    pub fn data(&mut self) -> &mut T {
        self.store.data()
    }

    /// The size of the guest's memory in bytes; zero when it exports none.
    #[must_use]
    pub fn memory_size(&self) -> u64 {
        self.store.memory_size(&self.exports)
    }

    /// Whether a call failed in this instance, so that it must not be used again.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.runs.poisoned().is_some()
    }

    /// A handle that ends the run which is under way when it is used, from any thread.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.runs.cancel_handle()
    }

    /// What a run ends with.
    #[inline]
    fn judge<R>(&mut self, export: &str, bounds: Bounds<'_>, result: Result<R, Stopped>) -> Result<R, Error> {
        match result {
            Ok(results) => {
                self.store.forget_notes();
                Ok(results)
            }
            Err(Stopped::NotEntered(error)) => Err(*error),
            Err(Stopped::Failed(ending, trap)) => Err(self.fail(export, bounds.deadline, ending, &trap)),
        }
    }

    #[cold]
    fn fail(&mut self, export: &str, deadline: Option<Deadline>, ending: Ending, trap: &Trap) -> Error {
        let notes = self.store.take_notes();
        let leaves = notes.refusal.as_ref().is_some_and(|refusal| refusal.is::<Leave>());
        if !leaves || ending != Ending::InTime {
            self.runs.poison(export);
        }
        let fuel = self.fuel.as_ref().and_then(|fuel| fuel.exhausted(&mut self.store, &self.exports));
        let unreached = self.runs.watch().unreached();
        Failure { export, deadline, ending, unreached, notes, fuel }.of_run(trap)
    }
}

impl<T: Send + 'static> fmt::Debug for Instance<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("memory", &self.memory_size())
            .field("poisoned", &self.runs.poisoned())
            .finish_non_exhaustive()
    }
}
