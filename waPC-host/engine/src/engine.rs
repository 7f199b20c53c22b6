//! Turns bytes into modules.

use std::{
    borrow::Cow,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use system_limits::{SystemLimit, Wanted};

use crate::{
    cache::{Cache, Key, digest},
    error::Error,
    limits::compile::{CompileBound, CompileLimits},
    module::Module,
    text,
    wasmer::{
        compile::{self, identity},
        module::Compiled,
    },
    watchdog::timer::Watchdog,
};

/// The magic number at the start of a module in the binary format.
const WASM_MAGIC: &[u8; 4] = b"\0asm";
/// How much longer the text format may be than the binary format.
const TEXT: u64 = 8;

/// Compiles modules and ends the runs of their instances that are overdue. Cheap to clone; clones
/// share everything.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    cache: Option<Cache>,
    metered: bool,
    limits: CompileLimits,
    watchdog: Arc<Watchdog>,
}

/// Settings of an [`Engine`].
#[derive(Debug, Clone, Default)]
pub struct EngineBuilder {
    cache: Option<PathBuf>,
    metered: bool,
    limits: CompileLimits,
}

impl EngineBuilder {
    /// Keeps compiled modules in this directory, which is made where it is missing. Starting a
    /// module from there takes milliseconds where compiling takes up to seconds.
    ///
    /// What lies in the directory is machine code that will be executed: it must belong to the
    /// effective user of this process or to root, nobody else may write to it, and nobody else may
    /// have been able to change the way to it. An entry that is a link, belongs to somebody else or
    /// is damaged is compiled anew, and so is one that was made by another version of this crate,
    /// of wasmer or of its compiler, with other settings or for another processor.
    #[must_use]
    pub fn cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = Some(directory.into());
        self
    }

    /// Whether the code of modules counts the instructions that it executes, so that a run can be
    /// given an amount of [fuel](crate::Instance::set_fuel) and ends when that is used up. Counting
    /// costs the guest time (loops take a third longer to twice as long), so it is off without
    /// this; a deadline costs the guest's own code nothing.
    #[must_use]
    pub fn fuel(mut self, metered: bool) -> Self {
        self.metered = metered;
        self
    }

    /// What a module may ask of the compiler; without this, the [defaults](crate::CompileBound). A
    /// module that is taken from the cache is not compiled, so these limits do not hold for it.
    #[must_use]
    pub fn compile_limits(mut self, limits: CompileLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Builds the engine.
    ///
    /// # Errors
    /// [`Error::CacheDirectory`] when the directory cannot be made, or others could have written to
    /// it.
    pub fn build(self) -> Result<Engine, Error> {
        let Self { cache, metered, limits } = self;
        let cache = cache.map(|directory| Cache::open(&directory, identity::of(metered))).transpose()?;
        Ok(Engine { inner: Arc::new(Inner { cache, metered, limits, watchdog: Watchdog::new() }) })
    }
}

impl Engine {
    /// An engine that keeps nothing on disk.
    #[must_use]
    pub fn new() -> Self {
        let (cache, metered, limits) = (None, false, CompileLimits::new());
        Self { inner: Arc::new(Inner { cache, metered, limits, watchdog: Watchdog::new() }) }
    }

    /// An engine with other settings.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Compiles a module, given in the binary format or the text format, or takes its compiled form
    /// from the cache.
    ///
    /// # Errors
    /// [`Error::InvalidModule`] when the bytes are not a valid module, [`Error::CompileLimit`] when
    /// it asks too much of the compiler, and [`Error::CompileTime`] when compiling it took too
    /// long.
    pub fn compile(&self, bytes: &[u8]) -> Result<Module, Error> {
        let wasm = self.binary(bytes)?;
        let key = digest(&wasm);
        let compiled = match self.cached(&key) {
            Some(module) => module?,
            None => self.compile_binary(&wasm, &key, bytes.len())?,
        };
        Ok(Module::new(compiled, self.inner.watchdog.clone()))
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
        let limit = self.inner.limits.get(bound).saturating_mul(TEXT);
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
        let entry = self.inner.cache.as_ref()?.load(key)?;
        let reason = match compile::load(entry, self.inner.metered) {
            Ok(compiled) => return Some(Ok(compiled)),
            Err(reason) => reason,
        };
        if let Some(limit) = SystemLimit::met(Wanted::Memory) {
            return Some(Err(Error::Resources { reason, limit: Some(limit) }));
        }
        log::warn!("a compiled module cannot be used and is compiled anew: {}", text::words(&reason));
        None
    }

    /// `size` is that of what was given, in whichever format.
    fn compile_binary(&self, wasm: &[u8], key: &Key, size: usize) -> Result<Compiled, Error> {
        let Inner { cache, metered, limits, .. } = &*self.inner;
        let compiled = compile::compile(wasm, size, limits, *metered)?;
        if let Some(cache) = cache {
            match compile::to_bytes(&compiled) {
                Ok(code) => cache.store(key, code.as_ref()),
                Err(error) => log::warn!("the compiled module cannot be kept: {error}"),
            }
        }
        Ok(compiled)
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("cache", &self.inner.cache).finish_non_exhaustive()
    }
}
