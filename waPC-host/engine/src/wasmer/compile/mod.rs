//! Compiles modules within limits, and loads those that were compiled before.

pub(crate) mod complexity;
pub(crate) mod identity;
pub(crate) mod metering;
pub(crate) mod operators;
pub(crate) mod time;

use std::{
    fmt,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use system_limits::{SystemLimit, Wanted, room_for_threads};
use wasmer::sys::{CompilerConfig, Cranelift, CraneliftOptLevel, EngineBuilder, Features};

use self::{
    complexity::{Measured, Unfit},
    time::CompileTime,
};
use super::{module::Compiled, run::stop};
use crate::{
    cache::CachedCode,
    error::Error,
    host_error::HostPanic,
    limits::compile::{CompileBound, CompileLimits},
    text,
};

/// Compiles a module in the binary format. `size` is that of what was given, in whichever format;
/// `metered` has the code count what it does.
///
/// # Errors
/// [`Error::InvalidModule`], [`Error::CompileLimit`], [`Error::CompileTime`] and
/// [`Error::Resources`].
pub(crate) fn compile(
    wasm: &[u8],
    size: usize,
    limits: &CompileLimits,
    metered: bool,
) -> Result<Compiled, Error> {
    let measured = complexity::measure(wasm, limits, metered).map_err(|unfit| match unfit {
        Unfit::Invalid(reason) => Error::InvalidModule { size, reason: text::cut(&reason).to_owned() },
        Unfit::Over { bound, function, requested, limit } => {
            Error::CompileLimit { bound, function, requested, limit }
        }
    })?;
    room_for_threads().map_err(|limit| Error::Resources {
        reason: "the compiler's threads need some mappings of memory".to_owned(),
        limit: Some(limit),
    })?;
    let time = CompileTime::begin(limits.time_limit());
    let (threads, optimise) = (threads(limits, wasm, measured), measured.optimise);
    let engine = new_engine(metered, Some(Compiling { time: &time, threads, optimise }));
    // The compiler works on bytes from outside; should it ever panic on some, the host lives on.
    let module = catch_unwind(AssertUnwindSafe(|| wasmer::Module::new(&engine, wasm)));
    if time.is_over() {
        return Err(Error::CompileTime { size, limit: limits.time_limit() });
    }
    let module = what_went_wrong(module).map_err(|reason| match SystemLimit::met(Wanted::Memory) {
        Some(limit) => Error::Resources { reason, limit: Some(limit) },
        None => Error::InvalidModule { size, reason },
    })?;
    Ok(Compiled::new(engine, module, metered))
}

/// Loads a module that was compiled before, with the same `metered`. The error is in wasmer's
/// words.
pub(crate) fn load(code: CachedCode, metered: bool) -> Result<Compiled, String> {
    let engine = new_engine(metered, None);
    // Where the system gives no memory, or does not let it become code, wasmer panics.
    let module = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: only the cache makes `CachedCode`, of an entry that carries the checksum of its
        // content, the digest of this module and the identity of this very engine, in a directory
        // that nobody but its owner may write to: it is what `to_bytes` made of it.
        unsafe { wasmer::Module::deserialize(&engine, code.into_bytes()) }
    }));
    what_went_wrong(module).map(|module| Compiled::new(engine, module, metered))
}

/// What [`load`] takes.
pub(crate) fn to_bytes(compiled: &Compiled) -> Result<impl AsRef<[u8]> + use<>, impl fmt::Display + use<>> {
    compiled.inner().serialize()
}

/// The words of an error or a panic of wasmer.
fn what_went_wrong<T, E: fmt::Display>(outcome: thread::Result<Result<T, E>>) -> Result<T, String> {
    outcome
        .map_err(|panic| HostPanic::caught(panic).message)
        .and_then(|made| made.map_err(|error| text::cut(&error.to_string()).to_owned()))
}

/// How wasmer is to compile.
struct Compiling<'a> {
    time: &'a CompileTime,
    threads: NonZero<usize>,
    optimise: bool,
}

/// How many threads compile a module: so many that the largest functions that they may meet
/// together are no more than what one module of that size may have in two functions, for each of
/// them takes memory.
fn threads(limits: &CompileLimits, wasm: &[u8], measured: Measured) -> NonZero<usize> {
    let together = 2 * limits.of_size(CompileBound::BodyBytes, wasm.len() as u64);
    let most = usize::try_from(together / measured.largest_body.max(1)).unwrap_or(usize::MAX);
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    NonZero::new(threads.min(most)).unwrap_or(NonZero::<usize>::MIN)
}

fn new_engine(metered: bool, compiling: Option<Compiling<'_>>) -> wasmer::Engine {
    let mut features = Features::new();
    // The host hands out slices of a guest's memory, which no other thread may touch meanwhile.
    features.threads(false);
    // The limit of memory is one for each instance, so there is one memory.
    features.multi_memory(false);
    let mut compiler = Cranelift::new();
    if let Some(Compiling { time, threads, optimise }) = compiling {
        compiler.num_threads(threads);
        if !optimise {
            compiler.opt_level(CraneliftOptLevel::None);
        }
        compiler.push_middleware(time.middleware());
    }
    if metered {
        compiler.push_middleware(metering::middleware());
    }
    compiler.push_middleware(stop::middleware());
    EngineBuilder::new(compiler).set_features(Some(features)).engine().into()
}
