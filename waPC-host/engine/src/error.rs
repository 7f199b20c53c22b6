//! What can go wrong between a module's bytes and its result.

use std::{path::PathBuf, time::Duration};

use crate::{Signature, ValueType};

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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no module that this engine accepts.
    #[error("the module ({size} bytes) was refused: {reason}")]
    InvalidModule {
        /// The module's size in bytes.
        size: usize,
        /// What is wrong, with the offset where the validator tells one.
        reason: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The directory for compiled modules cannot be used. What lies in it is executed, so it must be its owner's alone.
    #[error("the cache directory {} cannot be used: {reason}", path.display())]
    CacheDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The module imports something that the host does not offer.
    #[error("the module imports `{module}.{name}` ({kind}), which is not offered here")]
    MissingImport {
        /// The module name of the import.
        module: String,
        /// The name of the import.
        name: String,
        /// What it is.
        kind: String,
    },
    /// The module imports a function under another type than the host's.
    #[error("the module imports `{module}.{name}` as {found}; here it is {}", alternatives(offered))]
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
    #[error("the module has no export `{export}`; it has: {}", list(available))]
    MissingExport {
        /// The name that was asked for.
        export: String,
        /// The names that there are.
        available: Vec<String>,
    },
    /// The export is not a function, or not one of the type that is needed.
    #[error("the export `{export}` is {found}, where {expected} is needed")]
    ExportType {
        /// The export's name.
        export: String,
        /// What is needed.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Too few or too many arguments.
    #[error("`{export}` takes {expected} arguments {signature}, not {given}")]
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
    #[error("argument {position} of `{export}` is of type {expected}, not {given}")]
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
    #[error("`{export}` has the type {signature}; only numbers (i32, i64, f32, f64) can be passed")]
    NotANumber {
        /// The export's name.
        export: String,
        /// Its type.
        signature: Signature,
    },
    /// The guest trapped.
    #[error("`{export}` trapped: {message}{}", frames(trace))]
    Trap {
        /// The export that was entered.
        export: String,
        /// What kind of trap it was.
        kind: TrapKind,
        /// What the engine says of it.
        message: String,
        /// The guest's functions from the innermost outwards, as far as they are known.
        trace: Vec<String>,
    },
    /// The guest ran longer than it may.
    #[error("`{export}` was ended after its {limit:?}; give it more time or less work")]
    DeadlineExceeded {
        /// The export that was entered.
        export: String,
        /// The time that it had.
        limit: Duration,
    },
    /// The call was cancelled from outside.
    #[error("`{export}` was cancelled")]
    Cancelled {
        /// The export that was entered.
        export: String,
    },
    /// The guest used up the fuel that it was given.
    #[error("`{export}` used up its {limit} units of fuel; give it more or less work")]
    FuelExhausted {
        /// The export that was entered.
        export: String,
        /// The fuel that it was given, in instructions.
        limit: u64,
    },
    /// Fuel was asked for, but the module's code does not count what it does.
    #[error("the module was compiled without metering; compile it with `Engine::builder().fuel(true)`")]
    NotMetered,
    /// The guest needs more memory than it may have.
    #[error(
        "the guest asked for {requested} bytes of memory, {limit} are allowed; raise the limit or give it less to hold"
    )]
    MemoryLimit {
        /// The size that it asked for, in bytes.
        requested: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The module declares larger tables than it may have.
    #[error("the module declares a table of {requested} elements, {limit} are allowed")]
    TableLimit {
        /// The size that it declares, in elements.
        requested: u32,
        /// The limit in elements.
        limit: u32,
    },
    /// A function of the host refused to go on. The instance must not be used again.
    #[error("`{export}` was ended by the host: {source}")]
    Host {
        /// The export that was entered.
        export: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The instance trapped or was ended before, so its memory may be in any state.
    #[error("the instance cannot be used after `{export}` failed in it; make a new one")]
    Poisoned {
        /// The export that failed.
        export: String,
    },
    /// The entry was looked up in another instance.
    #[error("the entry `{export}` belongs to another instance; look it up in the one that is to be entered")]
    ForeignEntry {
        /// The entry's export.
        export: String,
    },
    /// A short function of the host tried to enter a guest.
    #[error(
        "`{export}` was called from within a short function of the host, on the stack of its guest; offer that function with \
         `Imports::function` instead"
    )]
    EnteredFromShortFunction {
        /// The export that was to be entered.
        export: String,
    },
    /// The thread is about to end: a value that it drops as the last of all called a guest.
    #[error("`{export}` was called on a thread that is about to end; call it before, or on another thread")]
    ThreadEnding {
        /// The export that was to be entered.
        export: String,
    },
    /// The system has no room for another instance.
    #[error("an instance could not be made: {reason}")]
    Resources {
        /// What the engine said.
        reason: String,
    },
}

fn alternatives(signatures: &[Signature]) -> String {
    signatures.iter().map(|signature| format!("function {signature}")).collect::<Vec<_>>().join(" or ")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn frames(trace: &[String]) -> String {
    if trace.is_empty() { String::new() } else { format!(" (in {})", trace.join(" < ")) }
}
