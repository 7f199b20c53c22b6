//! Keeps the memory and state of one instance in a store, and calls its functions.
//!
//! A function is only called through a value that proves that it belongs to the store and that its
//! arguments fit: [`Entering`] for the fast way in, and [`Invocation`] for any numbers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use wasmer::{AsStoreMut, InstantiationError, LinkError, sys::NativeEngineExt};
use wasmer_types::RawValue;

use super::{
    arguments::{Arguments, Pair},
    context::{Context, ContextBox, Lent},
    exports::{Exports, Function, MEMORY},
    host_function::{HostFunction, Site},
    image::Image,
    memory::{budget::Budget, limited::MemoryPointer, tunables::LimitedTunables},
    module::Compiled,
    run::{
        call::{self, Callee, Fault},
        guard,
        interrupt::Target,
        stop::{FlagLoan, StopFlag},
        trap::Trap,
    },
};
use crate::{
    error::{Error, Unrestorable},
    host_error::HostError,
    limits::deadline::Deadline,
    value::Value,
    watchdog::slot::Slot,
};

/// The memory and state of one instance, and the `T` that the host keeps beside it.
pub(crate) struct Store<T: Send + 'static> {
    /// Dropped before the store, in which the flag lies.
    flag: FlagLoan,
    /// Dropped before the context, to which its functions point.
    store: wasmer::Store,
    context: ContextBox<T>,
    budget: Budget,
    memory: MemoryPointer,
    /// What the instance was like when it was last asked to keep that.
    image: Option<Image>,
    /// Whether the guest may drop segments while it runs.
    drops_segments: bool,
    number: u64,
}

// SAFETY: wasmer's store is not `Send` since version 7 because of what is not used here: its V8
// backend, and the handler that `StoreMut::on_called` sets. All that the compiled-code backend
// points to lies on the heap and belongs to the store, which moves as a whole; what it keeps for a
// thread (trap handling, the interrupt's target) is set up at each entry and taken down before the
// entry returns. What the context points to is its own, lies in the store, or was lent for a run
// and is forgotten with it. `&mut self` is needed for each, so two threads are never inside at once.
unsafe impl<T: Send + 'static> Send for Store<T> {}

/// Tells stores apart, as long as the process lives.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// Why an instance was not made.
pub(crate) enum Unmade {
    /// A trap, of the start section or of a segment that does not fit.
    Trapped(Trap),
    /// Anything else, in wasmer's words.
    Failed(String),
}

/// What was noted during a run that failed.
pub(crate) struct Notes {
    /// Why a host function ended the run.
    pub(crate) refusal: Option<HostError>,
    /// The memory that the guest was refused, and its limit, both in bytes.
    pub(crate) refused_memory: Option<(u64, u64)>,
    /// Whether a runtime function was called where hardly any of the guest stack was left.
    pub(crate) overflowed: bool,
}

impl<T: Send + 'static> Store<T> {
    /// A store for an instance of `module` that keeps to `budget`. It is interrupted through
    /// `slot`, and its tables are made until `deadline` at most.
    pub(crate) fn new(
        module: &Compiled,
        data: T,
        budget: Budget,
        slot: &Arc<Slot>,
        deadline: Option<Deadline>,
    ) -> Self {
        let (memory, stop) = (MemoryPointer::default(), StopFlag::default());
        let mut engine = module.engine().clone();
        engine.set_tunables(LimitedTunables::new(budget.clone(), memory.clone(), stop.clone(), deadline));
        let exported = module.exports_memory(MEMORY).then(|| memory.clone());
        let mut context = ContextBox::new(Context::new(data, slot.clone(), exported));
        let mut store = wasmer::Store::new(engine);
        guard::guard(&mut store, module.code().clone(), slot, context.get().stack.clone(), stop.clone());
        // SAFETY: the loan is dropped before the store, which has the instance; one that is not
        // made ends the loan at once.
        let flag = unsafe { FlagLoan::new(slot.flag(), stop) };
        let number = NUMBERS.fetch_add(1, Relaxed);
        let drops_segments = module.has_passive_segments();
        Self { flag, store, context, budget, memory, image: None, drops_segments, number }
    }

    /// Prepares the guest stack on which wasmer enters the start section of the module, if it has
    /// one.
    pub(crate) fn prepare_start(&self, module: &Compiled) -> Result<(), Fault> {
        if !module.has_start_section() {
            return Ok(());
        }
        // SAFETY: the stack lives in the context.
        unsafe { call::prepare_stack(&self.store, self.context.stack()) }
    }

    /// What the start section is interrupted through.
    pub(crate) fn target(&mut self) -> Target {
        Target::from(self.store.objects_mut().id())
    }

    /// Makes the instance, with the host functions that the module imports, in its order: writes
    /// its segments and runs its start section.
    pub(crate) fn instantiate(
        &mut self,
        module: &Compiled,
        functions: &[&HostFunction<T>],
    ) -> Result<Exports, Unmade> {
        let context = self.context.pointer();
        let make = |function: &&HostFunction<T>| function.make(Site { store: &mut self.store, context });
        let externs: Vec<_> = functions.iter().map(make).collect();
        let instance = wasmer::Instance::new_by_index(&mut self.store, module.inner(), &externs);
        if instance.is_err() {
            // wasmer has dropped it already when it was interrupted before its start.
            self.flag.end();
        }
        instance.map(Exports::new).map_err(|error| match error {
            InstantiationError::Start(error) | InstantiationError::Link(LinkError::Trap(error)) => {
                Unmade::Trapped(Trap::from(error))
            }
            other => Unmade::Failed(other.to_string()),
        })
    }

    /// Keeps what the instance is like now, for [`put_back`](Self::put_back).
    ///
    /// # Errors
    /// [`Unrestorable::PassiveSegments`], [`Unrestorable::LargeMemory`] and [`Unrestorable::NoRoom`].
    pub(crate) fn keep(&mut self) -> Result<(), Unrestorable> {
        if self.drops_segments {
            return Err(Unrestorable::PassiveSegments);
        }
        let objects = self.store.objects_mut().as_sys();
        // SAFETY: the pointer is that of the memory of the store's only instance, and the store is
        // borrowed, so that no run of it is under way.
        let image = unsafe { Image::take(objects, &self.memory, self.image.as_ref()) }?;
        self.image = Some(image);
        Ok(())
    }

    /// Has the instance be what it was when that was kept. After an error it is neither that nor
    /// what it was before.
    ///
    /// # Errors
    /// [`Unrestorable::NotKept`] and [`Unrestorable::Grown`].
    pub(crate) fn put_back(&mut self) -> Result<(), Unrestorable> {
        let image = self.image.as_mut().ok_or(Unrestorable::NotKept)?;
        // SAFETY: the image was taken of this store's instance, and the store is borrowed, so that
        // no run of it is under way.
        unsafe { image.put_back(self.store.objects_mut().as_sys_mut(), &self.memory) }
    }

    /// What the host keeps beside the instance.
    pub(crate) fn data(&mut self) -> &mut T {
        &mut self.context.get().data
    }

    /// Forgets what was noted in a run that went well.
    #[inline]
    pub(crate) fn forget_notes(&self) {
        self.budget.forget_refused();
    }

    /// What was noted in a run that failed.
    pub(crate) fn take_notes(&mut self) -> Notes {
        let refused_memory = self.budget.take_refused();
        let context = self.context.get();
        Notes { refusal: context.refusal.take(), refused_memory, overflowed: context.stack.is_open() }
    }

    /// The function that is exported under this name.
    ///
    /// # Errors
    /// [`Error::MissingExport`] when there is no export of this name, [`Error::ExportType`] when it
    /// is no function.
    pub(crate) fn function(&self, exports: &Exports, export: &str) -> Result<Function, Error> {
        exports.function(&self.store, export)
    }

    /// The size of the guest's memory in bytes; zero when it exports none.
    pub(crate) fn memory_size(&self, exports: &Exports) -> u64 {
        exports.memory_size(&self.store)
    }

    /// A function of the type `(i32, i32) -> i32` for [`entering`](Self::entering).
    ///
    /// # Errors
    /// [`Error::ExportType`] when the function is of another type.
    pub(crate) fn entry(&mut self, export: &str, function: &Function) -> Result<StoreEntry, Error> {
        function.ty().check_entry(export)?;
        let callee = Callee::new(function.inner(), &mut self.store);
        Ok(StoreEntry { callee, store: self.number })
    }

    /// Gets ready to enter a function, whose host functions may read `bytes` until the returned
    /// value is dropped. `None` when the function belongs to another store.
    #[inline]
    pub(crate) fn entering<'a>(
        &'a mut self,
        entry: StoreEntry,
        bytes: [&'a [u8]; 2],
    ) -> Option<Entering<'a, T>> {
        if entry.store != self.number {
            return None;
        }
        // SAFETY: the bytes are taken back when the returned value is dropped, which cannot outlive
        // their borrow.
        self.context.get().lent = unsafe { Lent::new(bytes) };
        Some(Entering { store: self, callee: entry.callee })
    }

    /// Gets ready to call a function with numbers.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::Arity`] and [`Error::ArgumentType`] when the arguments do
    /// not fit.
    pub(crate) fn invocation(
        &mut self,
        export: &str,
        function: &Function,
        arguments: &[Value],
    ) -> Result<Invocation<'_, T>, Error> {
        let arguments = Arguments::check(export, function.ty(), arguments)?;
        let callee = Callee::new(function.inner(), &mut self.store);
        Ok(Invocation { store: self, callee, arguments })
    }

    /// Calls a function.
    ///
    /// # Safety
    /// As for [`Callee::call`], but for the stack.
    #[inline]
    unsafe fn run(&mut self, callee: Callee, values: &mut [RawValue]) -> Result<(), Fault> {
        let faults = self.image.as_mut().map(Image::runs);
        // SAFETY: the caller vouches for the function and its values. The stack lives in the context.
        let result = unsafe { callee.call(&self.store, values, self.context.stack()) };
        if let (Some(faults), Some(image)) = (faults, &mut self.image) {
            image.ran(faults);
        }
        result
    }

    pub(super) fn inner_mut(&mut self) -> &mut wasmer::Store {
        &mut self.store
    }
}

/// A function of the type `(i32, i32) -> i32` in one store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreEntry {
    callee: Callee,
    /// The number of the store.
    store: u64,
}

/// A store that is about to be entered, with bytes lent to its host functions.
pub(crate) struct Entering<'a, T: Send + 'static> {
    store: &'a mut Store<T>,
    callee: Callee,
}

impl<T: Send + 'static> Entering<'_, T> {
    /// Enters the function. The result takes the place of the arguments.
    #[inline]
    pub(crate) fn enter(&mut self, values: &mut Pair) -> Result<(), Fault> {
        // SAFETY: the function is this store's, and of the type that two numbers of 32 bits fit.
        // The store is borrowed, so that no other run of it is under way.
        unsafe { self.store.run(self.callee, values.values()) }
    }
}

impl<T: Send + 'static> Drop for Entering<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.store.context.get().lent = Lent::nothing();
    }
}

/// A store that is about to be entered, with arguments of any number and types.
pub(crate) struct Invocation<'a, T: Send + 'static> {
    store: &'a mut Store<T>,
    callee: Callee,
    arguments: Arguments,
}

impl<T: Send + 'static> Invocation<'_, T> {
    #[inline]
    pub(crate) fn invoke(&mut self) -> Result<(), Fault> {
        // SAFETY: the function is this store's, and the arguments are of its types. The store is
        // borrowed, so that no other run of it is under way.
        unsafe { self.store.run(self.callee, self.arguments.values()) }
    }

    /// The results, once it was invoked.
    pub(crate) fn results(self) -> Vec<Value> {
        self.arguments.results()
    }
}
