//! Bounds what a module may ask of the compiler.

use std::{fmt, time::Duration};

/// The size up to which a module has the bounds as they are set; larger ones may have more of what
/// grows, see [`CompileBound`].
const BASE: u64 = 1 << 20;

/// Something that costs the compiler time or memory, and is bounded before anything is compiled.
///
/// Compilers need longer for some modules than their size tells: a few kilobytes can keep one busy
/// for minutes. The defaults are so that modules of up to 1 MiB are compiled within about 2 seconds
/// and 256 MiB on a machine of 2025, and are several times what modules of real compilers (Rust, C,
/// C++, Go, AssemblyScript, Zig) come to. A bound that *grows* is for modules of up to 1 MiB, and
/// multiplied with a larger module's size in MiB (rounded up).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CompileBound {
    /// The module's size in bytes; the text format may have eight times as many. Default: 128 MiB.
    ModuleBytes,
    /// Types of functions. Default: 50,000, grows.
    Types,
    /// Imports. Default: 20,000, grows.
    Imports,
    /// Exports. Default: 20,000, grows.
    Exports,
    /// Functions with a body. Default: 50,000, grows.
    Functions,
    /// The size of one function's body in bytes. Default: 96 KiB, grows.
    BodyBytes,
    /// The code of one function, in units of about one instruction of a real module; calls of other
    /// functions count as several, and more so indirect ones and instructions that call runtime
    /// functions (growing memory, reading tables). Default: 125,000, grows.
    Code,
    /// The code of all functions together, in the same units. Default: 2,500,000, grows.
    AllCode,
    /// The parameters and locals of one function. Default: 20,000.
    Locals,
    /// The parameters and locals of all functions together. Default: 1,000,000, grows.
    AllLocals,
    /// How deep the blocks of one function are nested. Default: 20,000.
    Nesting,
    /// How deep the loops of one function are nested. Default: 300.
    LoopNesting,
    /// The targets of all branch tables together. Default: 128,000, grows.
    BranchTargets,
    /// The parameters and results of all calls and blocks together. Default: 1,000,000, grows.
    Operands,
    /// The values that are handed on where the branches of one function meet: for each block behind
    /// which several branches meet, and for each loop, the locals that were changed inside and are
    /// read afterwards, and its results, times the branches. Default: 64,000, grows.
    Joins,
    /// The values that are kept across the blocks of one function: the sum, over all of its blocks,
    /// of the locals that are read later on. Default: 1,000,000, grows.
    Live,
    /// The values that are kept while the instructions of all functions are carried out: the sum,
    /// over all instructions, of the locals that are read later on and of the operands. Default:
    /// 60,000,000, grows.
    Pressure,
    /// [`Joins`](Self::Joins) times [`Live`](Self::Live), summed up over all functions: what the
    /// time for allocating registers grows with. Default: 4,000,000,000, grows with the square of
    /// the size.
    Work,
    /// The steps of finding all of this out. Default: 8,000,000, grows.
    Steps,
}

/// How a bound follows a module's size.
enum Growth {
    Fixed,
    Linear,
    Square,
}

const BOUNDS: usize = 19;

/// What a module may ask of the compiler: a number for each [`CompileBound`], and a time.
///
/// ```
/// use std::time::Duration;
/// use wapc_engine::{CompileBound, CompileLimits, Engine, Error};
///
/// let limits = CompileLimits::new().bound(CompileBound::Locals, 2).time(Duration::from_secs(10));
/// let engine = Engine::builder().compile_limits(limits).build()?;
/// let error = engine.compile(b"(module (func (param i32 i32) (local i32)))").unwrap_err();
/// assert!(matches!(error, Error::CompileLimit { bound: CompileBound::Locals, requested: 3, limit: 2, .. }));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CompileLimits {
    bounds: [u64; BOUNDS],
    time: Duration,
}

impl CompileBound {
    /// All of them.
    pub const ALL: [Self; BOUNDS] = [
        Self::ModuleBytes,
        Self::Types,
        Self::Imports,
        Self::Exports,
        Self::Functions,
        Self::BodyBytes,
        Self::Code,
        Self::AllCode,
        Self::Locals,
        Self::AllLocals,
        Self::Nesting,
        Self::LoopNesting,
        Self::BranchTargets,
        Self::Operands,
        Self::Joins,
        Self::Live,
        Self::Pressure,
        Self::Work,
        Self::Steps,
    ];

    fn default(self) -> u64 {
        match self {
            Self::ModuleBytes => 128 << 20,
            Self::Types | Self::Functions => 50_000,
            Self::Imports | Self::Exports | Self::Locals | Self::Nesting => 20_000,
            Self::BodyBytes => 96 << 10,
            Self::Code => 125_000,
            Self::AllCode => 2_500_000,
            Self::AllLocals | Self::Operands | Self::Live => 1_000_000,
            Self::LoopNesting => 300,
            Self::BranchTargets => 128_000,
            Self::Joins => 64_000,
            Self::Pressure => 60_000_000,
            Self::Work => 4_000_000_000,
            Self::Steps => 8_000_000,
        }
    }

    fn growth(self) -> Growth {
        match self {
            Self::ModuleBytes | Self::Locals | Self::Nesting | Self::LoopNesting => Growth::Fixed,
            Self::Work => Growth::Square,
            _ => Growth::Linear,
        }
    }

    /// What there is too much of, and what its author can do.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::ModuleBytes => ("bytes", "make it smaller (strip debug information)"),
            Self::Types => ("types of functions", "split the module up"),
            Self::Imports => ("imports", "import less"),
            Self::Exports => ("exports", "export less"),
            Self::Functions => ("functions", "split the module up"),
            Self::BodyBytes => ("bytes in one body", "split the function up"),
            Self::Code => ("units of code", "split the function up"),
            Self::AllCode => ("units of code", "split the module up"),
            Self::Locals => ("locals", "split the function up"),
            Self::AllLocals => ("locals in all functions", "split the module up"),
            Self::Nesting => ("nested blocks", "split the function up"),
            Self::LoopNesting => ("nested loops", "split the function up"),
            Self::BranchTargets => ("targets of branch tables", "split the tables up"),
            Self::Operands => {
                ("parameters and results of calls and blocks", "pass less, or pass it in memory")
            }
            Self::Joins => ("values handed on where branches meet", "split the function up"),
            Self::Live => ("values kept across blocks", "split the function up"),
            Self::Pressure => ("values kept across instructions", "split its largest functions up"),
            Self::Work => ("units of work for the register allocator", "split its largest functions up"),
            Self::Steps => ("steps to look through", "split its largest functions up"),
        }
    }
}

impl CompileLimits {
    /// The defaults, and 2 minutes.
    #[must_use]
    pub fn new() -> Self {
        Self { bounds: CompileBound::ALL.map(CompileBound::default), time: Duration::from_secs(120) }
    }

    /// Sets one bound: for modules of up to 1 MiB, where the bound [grows](CompileBound).
    #[must_use]
    pub fn bound(mut self, bound: CompileBound, limit: u64) -> Self {
        self.bounds[bound as usize] = limit;
        self
    }

    /// The most time that compiling one module may take. The clock is read between two functions;
    /// one that was begun is compiled to its end, which the bounds keep short.
    #[must_use]
    pub fn time(mut self, limit: Duration) -> Self {
        self.time = limit;
        self
    }

    /// What is set for a bound, for modules of up to 1 MiB.
    #[must_use]
    pub fn get(&self, bound: CompileBound) -> u64 {
        self.bounds[bound as usize]
    }

    /// The most time that compiling one module may take.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.time
    }

    /// What a module of this size in bytes may have.
    pub(crate) fn of_size(&self, bound: CompileBound, size: u64) -> u64 {
        let base = self.get(bound);
        let times = times(size);
        match bound.growth() {
            Growth::Fixed => base,
            Growth::Linear => base.saturating_mul(times),
            Growth::Square => base.saturating_mul(times).saturating_mul(times),
        }
    }
}

/// How many times the base size a module has: its size in MiB, rounded up.
pub(crate) fn times(size: u64) -> u64 {
    size.div_ceil(BASE).max(1)
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CompileLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bounds = CompileBound::ALL.iter().zip(self.bounds);
        f.debug_map().entries(bounds).entry(&"time", &self.time).finish()
    }
}

/// The words of an error: who has how much of what, how much is allowed, and what to do.
pub(crate) fn refusal(bound: CompileBound, function: Option<u32>, requested: u64, limit: u64) -> String {
    let (what, mend) = bound.words();
    let who = function.map_or_else(|| "the module".to_owned(), |index| format!("function {index}"));
    format!("{who} has {requested} {what}, {limit} are allowed; {mend}, or raise `CompileBound::{bound:?}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_has_its_own_place() {
        for (place, bound) in CompileBound::ALL.into_iter().enumerate() {
            assert_eq!(bound as usize, place, "{bound:?}");
            let limits = CompileLimits::new().bound(bound, 7);
            assert_eq!(limits.get(bound), 7);
            assert_eq!(CompileBound::ALL.iter().filter(|other| limits.get(**other) == 7).count(), 1);
        }
    }

    #[test]
    fn what_grows_follows_the_size() {
        let limits = CompileLimits::new();
        for (size, locals, functions, work) in [
            (0, 20_000, 50_000, 4_000_000_000),
            (1 << 20, 20_000, 50_000, 4_000_000_000),
            ((1 << 20) + 1, 20_000, 100_000, 16_000_000_000),
            (u64::MAX, 20_000, 50_000 * (1 << 44), u64::MAX),
        ] {
            assert_eq!(limits.of_size(CompileBound::Locals, size), locals, "{size}");
            assert_eq!(limits.of_size(CompileBound::Functions, size), functions, "{size}");
            assert_eq!(limits.of_size(CompileBound::Work, size), work, "{size}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        assert_eq!(
            refusal(CompileBound::Locals, Some(3), 30_000, 20_000),
            "function 3 has 30000 locals, 20000 are allowed; split the function up, or raise `CompileBound::Locals`"
        );
    }
}
