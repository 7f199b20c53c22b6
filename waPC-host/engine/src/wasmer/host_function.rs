//! Has compiled code call host functions.
//!
//! Compiled code calls a host function by the C convention, with a pointer to what belongs to it
//! and its arguments, on the guest stack. Most host functions may need any amount of stack and
//! enter other guests, so they run on the host stack; the short ones run where they are called,
//! which saves switching stacks twice.

use std::{
    any::Any,
    cell::UnsafeCell,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::{self, NonNull},
    sync::Arc,
    thread,
};

use wasmer::{
    AsStoreMut, Extern, FunctionType, Store, Type, VMExternToExtern,
    sys::vm::{
        InternalStoreHandle, MaybeInstanceOwned, VMCallerCheckedAnyfunc, VMContext, VMExtern, VMFunction,
        VMFunctionBody, VMFunctionContext, VMFunctionKind, VMTrampoline, on_host_stack, raise_user_trap,
    },
};
use wasmer_types::RawValue;

use super::{context::Context, module::ImportType, run::guest_stack, types};
use crate::{
    caller::Caller,
    host_error::{HostError, HostPanic, drop_foreign},
    types::Signature,
};

/// A function that the embedding program offers to guests.
pub(crate) struct HostFunction<T> {
    ty: FunctionType,
    make: Arc<Make<T>>,
}

/// Makes a host function for one instance.
type Make<T> = dyn Fn(Site<'_, T>) -> Extern + Send + Sync + 'static;

impl<T: Send + 'static> HostFunction<T> {
    pub(crate) fn new<P: Arguments, R: Results>(
        function: impl Fn(Caller<'_, T>, P) -> Result<R, HostError> + Send + Sync + 'static,
        stack: Stack,
    ) -> Self {
        let function = Arc::new(function);
        let ty = FunctionType::new(P::TYPES, R::TYPES);
        Self { ty, make: Arc::new(move |site| P::instantiate(site, function.clone(), stack)) }
    }

    /// Whether the function is what a module imports.
    pub(crate) fn fits(&self, import: &ImportType) -> bool {
        import.is_function(&self.ty)
    }

    pub(super) fn make(&self, site: Site<'_, T>) -> Extern {
        (self.make)(site)
    }
}

impl<T> HostFunction<T> {
    pub(crate) fn signature(&self) -> Signature {
        types::signature(&self.ty)
    }

    pub(crate) fn is_of_type_of(&self, other: &Self) -> bool {
        self.ty == other.ty
    }
}

/// The stack that a host function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// The host stack, which is the thread's own.
    Host,
    /// The guest stack, where there is room, and the host stack otherwise.
    Guest,
}

/// The guest's run is over. The context beside the instance says why.
#[derive(Debug, thiserror::Error)]
#[error("ended by the host")]
struct Ended;

/// What compiled code passes to the wrapper of a host function.
struct Bound<T, F> {
    context: NonNull<Context<T>>,
    function: Arc<F>,
    stack: Stack,
}

impl<T: Send + 'static, F> Bound<T, F> {
    /// Runs the function for the guest that called it. A refusal is kept beside the instance, where
    /// [`Instance::enter`](crate::Instance::enter) finds it with its type.
    ///
    /// # Safety
    /// Only for compiled code of the instance that the context belongs to, in a run that is under
    /// way.
    #[inline]
    unsafe fn run<R>(
        &self,
        call: impl FnOnce(&F, Caller<'_, T>) -> Result<R, HostError>,
    ) -> Result<R, Ended> {
        // SAFETY: the context lives as long as the instance. The guest waits for this function, and
        // whoever entered the guest holds the store's only borrow without using it, so nothing else
        // has the context now.
        let context = unsafe { &mut *self.context.as_ptr() };
        let function = &*self.function;
        if self.stack == Stack::Guest && context.stack.has_room() {
            context.slot.set_in_short_function(true);
            let outcome = guest_stack::run_on_guest_stack(|| run(context, |caller| call(function, caller)));
            context.slot.set_in_short_function(false);
            outcome
        } else {
            context.slot.set_in_host_function(true);
            let outcome = on_host_stack(|| run(context, |caller| call(function, caller)));
            context.slot.set_in_host_function(false);
            // The guest may not go on where its stack is at an end.
            if context.stack.is_open() { Err(Ended) } else { outcome }
        }
    }
}

#[inline]
fn run<T: Send + 'static, R>(
    context: &mut Context<T>,
    function: impl FnOnce(Caller<'_, T>) -> Result<R, HostError>,
) -> Result<R, Ended> {
    if context.is_over() {
        return Err(Ended);
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| function(context.caller())));
    if context.is_over() {
        return Err(too_late(outcome));
    }
    match outcome {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(refusal)) => Err(refuse(context, refusal)),
        Err(panic) => Err(panicked(context, panic)),
    }
}

/// The run was over before the host function was.
#[cold]
#[inline(never)]
fn too_late<R>(outcome: thread::Result<Result<R, HostError>>) -> Ended {
    // Nothing may unwind from here into compiled code, which would end the process.
    drop_foreign(outcome.map_err(HostPanic::caught));
    Ended
}

#[cold]
#[inline(never)]
fn panicked<T>(context: &mut Context<T>, panic: Box<dyn Any + Send>) -> Ended {
    refuse(context, HostPanic::caught(panic).into())
}

#[cold]
fn refuse<T>(context: &mut Context<T>, refusal: HostError) -> Ended {
    context.refusal = Some(refusal);
    Ended
}

/// Where a host function is made: the store of one instance, and the context beside it.
#[derive(Debug)]
pub struct Site<'a, T> {
    pub(crate) store: &'a mut Store,
    pub(crate) context: NonNull<Context<T>>,
}

impl<T: 'static> Site<'_, T> {
    /// A function that compiled code calls as `entry`, and `from_values` when its arguments lie in
    /// memory.
    fn make<F: 'static>(
        self,
        ty: FunctionType,
        entry: *const VMFunctionBody,
        from_values: VMTrampoline,
        (function, stack): (Arc<F>, Stack),
    ) -> Extern {
        let host_data = Box::new(Bound { context: self.context, function, stack });
        let anyfunc = VMCallerCheckedAnyfunc {
            func_ptr: entry,
            type_signature_hash: self.store.engine().as_sys().register_signature(&ty),
            vmctx: VMFunctionContext { host_env: ptr::from_ref(&*host_data).cast_mut().cast() },
            call_trampoline: from_values,
        };
        let function = VMFunction {
            anyfunc: MaybeInstanceOwned::Host(Box::new(UnsafeCell::new(anyfunc))),
            signature: ty,
            kind: VMFunctionKind::Static,
            host_data,
        };
        let handle = InternalStoreHandle::new(self.store.objects_mut().as_sys_mut(), function);
        VMExtern::Function(handle).to_extern(self.store)
    }
}

/// A number as it is passed to compiled code and back.
pub trait Number: Copy + Send + 'static {
    const TYPE: Type;
    fn from_raw(value: RawValue) -> Self;
    fn to_raw(self) -> RawValue;
}

macro_rules! number {
    ($number:ident, $ty:ident) => {
        impl Number for $number {
            const TYPE: Type = Type::$ty;

            fn from_raw(value: RawValue) -> Self {
                // SAFETY: every pattern of bits is a number.
                unsafe { value.$number }
            }

            fn to_raw(self) -> RawValue {
                let mut raw = RawValue::default();
                raw.$number = self;
                raw
            }
        }
    };
}

number!(u32, I32);
number!(u64, I64);
number!(f32, F32);
number!(f64, F64);

/// What a host function returns, as compiled code gets it.
pub trait Results: Send + 'static {
    const TYPES: &'static [Type];
    fn to_raw(self) -> Option<RawValue>;
}

impl Results for () {
    const TYPES: &'static [Type] = &[];

    fn to_raw(self) -> Option<RawValue> {
        None
    }
}

impl<N: Number> Results for N {
    const TYPES: &'static [Type] = &[N::TYPE];

    fn to_raw(self) -> Option<RawValue> {
        Some(Number::to_raw(self))
    }
}

/// The parameters of a host function, as compiled code passes them.
pub trait Arguments: Sized + 'static {
    const TYPES: &'static [Type];
    fn instantiate<T, R, F>(site: Site<'_, T>, function: Arc<F>, stack: Stack) -> Extern
    where
        T: Send + 'static,
        R: Results,
        F: Fn(Caller<'_, T>, Self) -> Result<R, HostError> + Send + Sync + 'static;
}

/// Parameters that compiled code passes one by one, with the types `$number`, and the host function
/// sees as `$all`.
macro_rules! arguments {
    (($($generic:ident)*) $types:expr, ($($name:ident: $number:ty),*) => $all:expr, $Self:ty) => {
        impl<$($generic: Number),*> Arguments for $Self {
            const TYPES: &'static [Type] = $types;

            fn instantiate<T, R, F>(site: Site<'_, T>, function: Arc<F>, stack: Stack) -> Extern
            where
                T: Send + 'static,
                R: Results,
                F: Fn(Caller<'_, T>, Self) -> Result<R, HostError> + Send + Sync + 'static,
            {
                unsafe extern "C" fn entry<T, R, F, $($generic: Number),*>(
                    this: *const Bound<T, F>,
                    $($name: $number),*
                ) -> R
                where
                    T: Send + 'static,
                    R: Results,
                    F: Fn(Caller<'_, T>, $Self) -> Result<R, HostError> + Send + Sync + 'static,
                {
                    // SAFETY: compiled code passes what lies in the store beside the function's
                    // address.
                    let outcome = unsafe { (*this).run(|function, caller| function(caller, $all)) };
                    match outcome {
                        Ok(result) => result,
                        // SAFETY: this runs on the guest stack with nothing left to drop. The box
                        // is of no size, so that nothing is allocated there.
                        Err(ended) => unsafe { raise_user_trap(Box::new(ended)) },
                    }
                }

                #[allow(unused_mut, unused_variables, unused_assignments)]
                unsafe extern "C" fn from_values<T, R, F, $($generic: Number),*>(
                    this: *mut VMContext,
                    _: *const VMFunctionBody,
                    values: *mut RawValue,
                )
                where
                    T: Send + 'static,
                    R: Results,
                    F: Fn(Caller<'_, T>, $Self) -> Result<R, HostError> + Send + Sync + 'static,
                {
                    let mut next = values;
                    $(
                        // SAFETY: there is one value for each parameter.
                        let $name = <$number as Number>::from_raw(unsafe { next.read() });
                        next = next.wrapping_add(1);
                    )*
                    // SAFETY: `this` is what stands beside the function's address.
                    let result = unsafe { entry::<T, R, F, $($generic),*>(this.cast_const().cast(), $($name),*) };
                    if let Some(result) = result.to_raw() {
                        // SAFETY: there is room for the result in place of the arguments.
                        unsafe { values.write(result) };
                    }
                }

                let ty = FunctionType::new(Self::TYPES, R::TYPES);
                let entry = entry::<T, R, F, $($generic),*> as *const VMFunctionBody;
                site.make(ty, entry, from_values::<T, R, F, $($generic),*>, (function, stack))
            }
        }
    };
}

macro_rules! array {
    ($count:literal: $($name:ident)*) => {
        arguments!(() &[Type::I32; $count], ($($name: u32),*) => [$($name),*], [u32; $count]);
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
        arguments!(($($number)*) &[$($number::TYPE),*], ($($name: $number),*) => ($($name,)*), ($($number,)*));
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
