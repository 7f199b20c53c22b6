//! Turns bytes into modules.

use std::{
    borrow::Cow,
    fmt, fs,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use system_limits::{SystemLimit, Wanted, room_for_threads};
use wasmer::sys::{CompilerConfig, Cranelift, CraneliftOptLevel, EngineBuilder as WasmerBuilder, Features};

use crate::{
    CompileBound, CompileLimits, Error, HostPanic, Module,
    cache::{Cache, Key, digest},
    text,
    wasmer::compile::complexity::{self, Measured, Unfit},
    wasmer::compile::identity,
    wasmer::compile::time::CompileTime,
    wasmer::metering,
    wasmer::run::stop,
    watchdog::thread::Watchdog,
};

/// The magic number at the start of a module in the binary format.
const WASM_MAGIC: &[u8; 4] = b"\0asm";
/// How much longer the text format may be than the binary format.
const TEXT: u64 = 8;

/// Compiles modules and keeps watch over their instances. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    cache: Option<Cache>,
    pub(crate) metered: bool,
    limits: CompileLimits,
    pub(crate) watchdog: Arc<Watchdog>,
}

/// Settings of an [`Engine`].
#[derive(Debug, Clone, Default)]
pub struct EngineBuilder {
    cache: Option<PathBuf>,
    metered: bool,
    limits: CompileLimits,
}

impl EngineBuilder {
    /// Keeps compiled modules in this directory, which is made where it is missing. Starting a module from there takes
    /// milliseconds where compiling takes up to seconds.
    ///
    /// What lies in the directory is machine code that will be executed: it must belong to the effective user of this process or to root, nobody else may write to
    /// it, and nobody else may have been able to change the way to it. Entries that are links, of somebody else or damaged, and those made by another version of
    /// the engine, of its compiler or of this crate, with other settings or for another processor, are compiled anew.
    #[must_use]
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    /// Whether the code of modules counts the instructions that it carries out, so that a run can be given an amount of
    /// [fuel](crate::Instance::set_fuel) and ends when that is used up. Counting costs the guest time (loops take a third
    /// longer to twice as long), so it is off without this; a deadline costs the guest's own code nothing.
    #[must_use]
    pub fn fuel(mut self, metered: bool) -> Self {
        self.metered = metered;
        self
    }

    /// What a module may ask of the compiler; without this, the [defaults](crate::CompileBound). A module that is taken from the cache is not compiled,
    /// so these limits do not hold for it.
    #[must_use]
    pub fn compile_limits(mut self, limits: CompileLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The engine.
    ///
    /// # Errors
    /// [`Error::CacheDirectory`] when the directory cannot be made, or others could have written to it.
    pub fn build(self) -> Result<Engine, Error> {
        let Self { cache, metered, limits } = self;
        let cache = cache.map(|directory| Cache::open(&directory, identity::of(metered))).transpose()?;
        Ok(Engine { shared: Arc::new(Shared { cache, metered, limits, watchdog: Watchdog::new() }) })
    }
}

impl Engine {
    /// An engine that keeps nothing on disk.
    #[must_use]
    pub fn new() -> Self {
        let (cache, metered, limits) = (None, false, CompileLimits::new());
        Self { shared: Arc::new(Shared { cache, metered, limits, watchdog: Watchdog::new() }) }
    }

    /// An engine with other settings.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Compiles a module, given in the binary format or the text format, or takes its compiled form from the cache.
    ///
    /// # Errors
    /// [`Error::InvalidModule`] when the bytes are not a valid module, [`Error::CompileLimit`] when it asks too much of the compiler, and
    /// [`Error::CompileTime`] when compiling it took too long.
    pub fn compile(&self, bytes: &[u8]) -> Result<Module, Error> {
        let wasm = self.binary(bytes)?;
        let key = digest(&wasm);
        let compiled = match self.cached(&key) {
            Some(module) => module?,
            None => self.compile_binary(&wasm, &key, bytes.len())?,
        };
        Ok(Module::new(compiled, self.shared.clone()))
    }

    /// Compiles the module in a file, in the binary format or the text format.
    ///
    /// # Errors
    /// [`Error::ReadFile`] when it cannot be read, and those of [`compile`](Self::compile).
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Module, Error> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| Error::ReadFile { path: path.to_owned(), source })?;
        self.compile(&bytes)
    }

    /// The binary format of a module that is given in either format.
    fn binary<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Error> {
        if bytes.starts_with(WASM_MAGIC) {
            return Ok(Cow::Borrowed(bytes));
        }
        let (bound, requested) = (CompileBound::ModuleBytes, bytes.len() as u64);
        let limit = self.shared.limits.get(bound).saturating_mul(TEXT);
        if requested > limit {
            return Err(Error::CompileLimit { bound, function: None, requested, limit });
        }
        let invalid = |reason: String| Error::InvalidModule { size: bytes.len(), reason };
        let source = std::str::from_utf8(bytes).map_err(|_| {
            invalid("it is neither WebAssembly (the magic number is missing) nor text".to_owned())
        })?;
        wat::parse_str(source).map(Cow::Owned).map_err(|error| invalid(text::of_text_format(&error)))
    }

    /// The module from the cache; nothing when it is to be compiled anew.
    fn cached(&self, key: &Key) -> Option<Result<Compiled, Error>> {
        let entry = self.shared.cache.as_ref()?.load(key)?;
        let engine = new_engine(self.shared.metered, None);
        // Where the system gives no memory, or does not let it become code, the engine panics.
        let module = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the entry carries the checksum of its content, the digest of this module and the identity of this very
            // engine, in a directory that nobody but its owner may write to: it is what `Module::serialize` made of it.
            unsafe { wasmer::Module::deserialize(&engine, entry) }
        }));
        match what_went_wrong(module) {
            Ok(module) => Some(Ok(Compiled { engine, module })),
            Err(reason) => match SystemLimit::met(Wanted::Memory) {
                Some(limit) => Some(Err(Error::Resources { reason, limit: Some(limit) })),
                None => {
                    log::warn!(
                        "a compiled module cannot be used and is compiled anew: {}",
                        text::words(&reason)
                    );
                    None
                }
            },
        }
    }

    /// `size` is that of what was given, in whichever format.
    fn compile_binary(&self, wasm: &[u8], key: &Key, size: usize) -> Result<Compiled, Error> {
        let Shared { metered, limits, .. } = &*self.shared;
        let measured = complexity::measure(wasm, limits, *metered).map_err(|unfit| match unfit {
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
        let engine = new_engine(
            *metered,
            Some(Compiling {
                time: &time,
                threads: threads(limits, wasm, measured),
                optimise: measured.optimise,
            }),
        );
        // The compiler works on bytes from outside; should it ever panic on some, the host lives on.
        let compiled = catch_unwind(AssertUnwindSafe(|| wasmer::Module::new(&engine, wasm)));
        if time.is_over() {
            return Err(Error::CompileTime { size, limit: limits.time_limit() });
        }
        let module = what_went_wrong(compiled).map_err(|reason| match SystemLimit::met(Wanted::Memory) {
            Some(limit) => Error::Resources { reason, limit: Some(limit) },
            None => Error::InvalidModule { size, reason },
        })?;
        if let Some(cache) = &self.shared.cache {
            match module.serialize() {
                Ok(compiled) => cache.store(key, &compiled),
                Err(error) => log::warn!("the compiled module cannot be kept: {error}"),
            }
        }
        Ok(Compiled { engine, module })
    }
}

/// The words of an error or a panic of the engine.
fn what_went_wrong<T, E: fmt::Display>(outcome: thread::Result<Result<T, E>>) -> Result<T, String> {
    outcome
        .map_err(|panic| HostPanic::caught(panic).message)
        .and_then(|made| made.map_err(|error| text::cut(&error.to_string()).to_owned()))
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("cache", &self.shared.cache).finish_non_exhaustive()
    }
}

/// A compiled module with the engine that owns its machine code. Each module has one of its own, because the engine frees
/// machine code only when it is dropped itself: a host that swaps modules for years must not grow.
pub(crate) struct Compiled {
    pub(crate) engine: wasmer::Engine,
    pub(crate) module: wasmer::Module,
}

/// How an engine is to compile.
struct Compiling<'a> {
    time: &'a CompileTime,
    threads: NonZero<usize>,
    optimise: bool,
}

/// How many threads compile a module: so many that the largest functions that they may meet together are no more than what one module of that size may
/// have in two functions, for each of them takes memory.
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
    WasmerBuilder::new(compiler).set_features(Some(features)).engine().into()
}
