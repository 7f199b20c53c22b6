//! Tells what can go wrong between a module's bytes and its result.

use std::{path::PathBuf, time::Duration};

use system_limits::{SystemLimit, Wanted};

use crate::{
    limits::compile::{CompileBound, refusal},
    text::{cut, name, path, words},
    types::Signature,
    value::ValueType,
    watchdog::unreached::Unreached,
};

/// How many of a module's functions an error names.
const NAMES: usize = 16;

/// Why something ended inside the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapKind {
    /// An `unreachable` instruction; what a panic or an abort compiles to.
    Unreachable,
    /// Recursion deeper than the stack.
    StackOverflow,
    /// A read or write outside of the memory.
    MemoryOutOfBounds,
    /// An access outside of a table.
    TableOutOfBounds,
    /// A call through a table to a missing function or one of another type.
    BadIndirectCall,
    /// A division by zero.
    DivisionByZero,
    /// A number that does not fit where it was to go.
    NumberOutOfRange,
    /// Anything else.
    Other,
}

/// What can go wrong in the raw tier.
///
/// The texts of an error ([`Display`](std::fmt::Display)) are one line each, without control
/// characters, and bounded, whatever a module calls its functions. The fields hold names as the
/// module has them; what may be of any size in it is cut.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no module that this engine accepts.
    #[error("the module ({size} bytes) was refused: {}", words(reason))]
    InvalidModule {
        /// The module's size in bytes.
        size: usize,
        /// What is wrong, with the offset where the validator tells one.
        reason: String,
    },
    /// The module asks more of the compiler than it may. Nothing of it was compiled.
    #[error("the module was refused: {}", refusal(*bound, *function, *requested, *limit))]
    CompileLimit {
        /// What there is too much of.
        bound: CompileBound,
        /// The index of the function that has it, among all that the module imports and has; none
        /// where it is the whole module.
        function: Option<u32>,
        /// How much there is, in the unit of the bound.
        requested: u64,
        /// How much is allowed in a module of this size.
        limit: u64,
    },
    /// Compiling the module took too long and was ended.
    #[error(
        "compiling the module ({size} bytes) was ended after its {limit:?}; give it more time (`CompileLimits::time`) or make it smaller"
    )]
    CompileTime {
        /// The module's size in bytes.
        size: usize,
        /// The time that it had.
        limit: Duration,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", self::path(path))]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The directory for compiled modules cannot be used. What lies in it is executed, so it must
    /// be its owner's alone.
    #[error("the cache directory {} cannot be used: {}", self::path(path), words(reason))]
    CacheDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The module imports something that the host does not offer.
    #[error(
        "the module imports `{}.{}` ({}), which is not offered here",
        self::name(module),
        self::name(name),
        words(kind)
    )]
    MissingImport {
        /// The module name of the import.
        module: String,
        /// The name of the import.
        name: String,
        /// What it is.
        kind: String,
    },
    /// The module imports a function under another type than the host's.
    #[error(
        "the module imports `{}.{}` as {}; here it is {}",
        self::name(module),
        self::name(name),
        words(found),
        alternatives(offered)
    )]
    ImportType {
        /// The module name of the import.
        module: String,
        /// The name of the import.
        name: String,
        /// The types that the host offers under these names.
        offered: Vec<Signature>,
        /// The type that the module asks for.
        found: String,
    },
    /// The module has no export of this name.
    #[error("the module has no export `{}`; it has: {}", name(export), list(available, *count))]
    MissingExport {
        /// The name that was asked for.
        export: String,
        /// The names of the functions that there are: the first sixteen, each cut to 161
        /// characters.
        available: Vec<String>,
        /// How many functions there are.
        count: usize,
    },
    /// The export is not a function, or not one of the type that is needed.
    #[error("the export `{}` is {}, where {expected} is needed", name(export), words(found))]
    ExportType {
        /// The export's name.
        export: String,
        /// What is needed.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Too few or too many arguments.
    #[error("`{}` takes {expected} arguments {signature}, not {given}", name(export))]
    Arity {
        /// The export's name.
        export: String,
        /// Its type.
        signature: Signature,
        /// How many arguments it takes.
        expected: usize,
        /// How many were given.
        given: usize,
    },
    /// An argument of the wrong type.
    #[error("argument {position} of `{}` is of type {expected}, not {given}", name(export))]
    ArgumentType {
        /// The export's name.
        export: String,
        /// The argument's position, counted from 1.
        position: usize,
        /// The type that is needed.
        expected: String,
        /// The type that was given.
        given: ValueType,
    },
    /// The function takes or returns something that is not a number.
    #[error("`{}` has the type {signature}; only numbers (i32, i64, f32, f64) can be passed", name(export))]
    NotANumber {
        /// The export's name.
        export: String,
        /// Its type.
        signature: Signature,
    },
    /// The guest trapped.
    #[error("`{}` trapped: {}{}", name(export), words(message), frames(trace))]
    Trap {
        /// The export that was entered.
        export: String,
        /// What kind of trap it was.
        kind: TrapKind,
        /// What wasmer says of it.
        message: String,
        /// The guest's functions from the innermost outwards, as far as they are known.
        trace: Vec<String>,
    },
    /// The guest ran longer than it may.
    #[error("`{}` was ended after its {limit:?}{}; give it more time or less work", name(export), Unreached::told(unreached.as_ref()))]
    DeadlineExceeded {
        /// The export that was entered.
        export: String,
        /// The time that it had.
        limit: Duration,
        /// Why it could only be ended later than that, when it could not be interrupted.
        unreached: Option<Unreached>,
    },
    /// The call was cancelled from outside.
    #[error("`{}` was cancelled", name(export))]
    Cancelled {
        /// The export that was entered.
        export: String,
    },
    /// The guest used up the fuel that it was given.
    #[error("`{}` used up its {limit} units of fuel; give it more or less work", name(export))]
    FuelExhausted {
        /// The export that was entered.
        export: String,
        /// The fuel that it was given, in instructions.
        limit: u64,
    },
    /// Fuel was asked for, but the module's code does not count what it does.
    #[error("the module was compiled without metering; compile it with `Engine::builder().fuel(true)`")]
    NotMetered,
    /// The guest needs more than its budget for memory and tables.
    #[error(
        "the guest asked for {requested} bytes of memory and tables, {limit} are allowed; raise the limit or give it less to hold"
    )]
    MemoryLimit {
        /// What its memory and its tables would come to, in bytes.
        requested: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The module declares larger tables than it may have.
    #[error(
        "the module declares a table of {requested} elements, {limit} are allowed; raise the limit or make it smaller"
    )]
    TableLimit {
        /// The size that it declares, in elements.
        requested: u32,
        /// The limit in elements.
        limit: u32,
    },
    /// The segments of the module write so much to its tables that making an instance would take
    /// long.
    #[error(
        "giving the module's tables their elements would write {requested} bytes, {limit} are allowed; put the elements into fewer segments"
    )]
    SegmentLimit {
        /// How much would be written, in bytes.
        requested: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A host function refused to go on. The instance must not be used again.
    #[error("`{}` was ended by the host: {}", name(export), words(&source.to_string()))]
    Host {
        /// The export that was entered.
        export: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The instance trapped or was ended before, so its memory may be in any state.
    #[error("the instance cannot be used after `{}` failed in it; make a new one", name(export))]
    Poisoned {
        /// The export that failed.
        export: String,
    },
    /// The entry was looked up in another instance.
    #[error(
        "the entry `{}` belongs to another instance; look it up in the one that is to be entered",
        name(export)
    )]
    ForeignEntry {
        /// The entry's export.
        export: String,
    },
    /// A short host function tried to enter a guest.
    #[error(
        "`{}` was called from within a short host function, on the guest stack; offer that function with \
         `Imports::function` instead",
        name(export)
    )]
    EnteredFromShortFunction {
        /// The export that was to be entered.
        export: String,
    },
    /// The thread is about to end: a value that it drops as the last of all called a guest.
    #[error(
        "`{}` was called on a thread that is about to end; call it before, or on another thread",
        name(export)
    )]
    ThreadEnding {
        /// The export that was to be entered.
        export: String,
    },
    /// The system has no room for an instance, a guest stack, compiled code or a thread.
    #[error("the system has no more room: {}{}", words(reason), met(limit.as_ref()))]
    Resources {
        /// What the engine, or the system, said of it.
        reason: String,
        /// The limit that the process has come to, where the system tells.
        limit: Option<SystemLimit>,
    },
}

impl Error {
    /// Something that the system has no room for, with the limit that was met, if that can be told.
    pub(crate) fn resources(reason: &str, wanted: Wanted) -> Self {
        Self::Resources { reason: cut(reason).to_owned(), limit: SystemLimit::met(wanted) }
    }

    /// No export of this name among these functions.
    pub(crate) fn missing_export<'a>(export: &str, mut functions: impl Iterator<Item = &'a str>) -> Self {
        let first = functions.by_ref().take(NAMES);
        let available: Vec<_> = first.map(|name| untrusted_text::cut(name).to_owned()).collect();
        let count = available.len() + functions.count();
        Self::MissingExport { export: cut(export).to_owned(), available, count }
    }
}

fn alternatives(signatures: &[Signature]) -> String {
    signatures.iter().map(|signature| format!("function {signature}")).collect::<Vec<_>>().join(" or ")
}

fn list(names: &[String], count: usize) -> String {
    let shown: Vec<_> = names.iter().map(|name| self::name(name).to_string()).collect();
    match (shown.is_empty(), count.saturating_sub(names.len())) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn met(limit: Option<&SystemLimit>) -> String {
    limit.map_or_else(String::new, |limit| format!("; {limit}"))
}

fn frames(trace: &[String]) -> String {
    let shown: Vec<_> = trace.iter().map(|function| name(function).to_string()).collect();
    if shown.is_empty() { String::new() } else { format!(" (in {})", shown.join(" < ")) }
}

/// Why the state of an instance cannot be kept, or put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unrestorable {
    /// The module has segments that its code may drop, which cannot be undone.
    #[error("the module has passive segments, which its code may drop for good")]
    PassiveSegments,
    /// The memory holds more than what is kept.
    #[error("{size} bytes of its memory would have to be kept, and {limit} may be")]
    LargeMemory {
        /// What would have to be kept, in bytes.
        size: usize,
        /// The most that is kept, in bytes.
        limit: usize,
    },
    /// The system has no room for a copy of the memory.
    #[error("there is no room for a copy of its memory")]
    NoRoom,
    /// No state was kept.
    #[error("no state was kept")]
    NotKept,
    /// The memory or a table is larger than it was, and the system cannot undo that.
    #[error("its memory or one of its tables has grown, which cannot be undone here")]
    Grown,
    /// A run of the instance failed.
    #[error("a run of it failed")]
    Poisoned,
}
