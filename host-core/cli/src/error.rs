//! Says why a command failed.

use std::{
    io,
    path::{Path, PathBuf},
    str::Utf8Error,
};

use capability_claims::{ClaimsError, Label};
use host_audit::{AuditError, VerifyError};
use host_core::LedgerError;
use trusted_files::FileError;
use untrusted_text::{Shown, ShownOf};
use wapc_engine::ParseValueError;

use crate::{code, manifest::Position};

/// Why a command failed. The text says what to do next; [`code`](Self::code) tells the kinds apart for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CliError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", ShownOf(path.display()))]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file could not be written. What was there before is still there.
    #[error("cannot write {}: {source}", ShownOf(path.display()))]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file that decides could have been written by somebody else.
    #[error("{0}; if it has to be so, --insecure-files takes it as it is")]
    Untrusted(FileError),
    /// A key was to be written over a file.
    #[error("{} is there already; a key is never written over a file: name another one", ShownOf(path.display()))]
    FileExists { path: PathBuf },
    /// A folder was to be made where something is.
    #[error("{} is there already, and nothing in it was touched; give another name", ShownOf(path.display()))]
    FolderExists { path: PathBuf },
    /// A name that cannot be that of an actor's folder and crate.
    #[error(
        "`{}` cannot be the name of a new actor: {reason}; give one such as hello-world",
        Shown::new(name)
    )]
    OddName { name: String, reason: &'static str },
    /// Nothing here compiles Rust for WebAssembly.
    #[error(
        "no way to compile Rust for WebAssembly: run `rustup target add wasm32-unknown-unknown`, or beside rustup's cargo \
         `apt-get install --no-install-recommends rustc-web rust-web-src` (Debian)"
    )]
    NoToolchain,
    /// The compiler has told why.
    #[error("the build failed; the compiler's messages are above")]
    BuildFailed { status: Option<i32> },
    /// A crate that is no module.
    #[error("{} builds no module: it needs `crate-type = [\"cdylib\", \"rlib\"]` under [lib]", ShownOf(path.display()))]
    NoModule { path: PathBuf },
    /// A secret was typed where the name of its file belongs. It is not repeated.
    #[error(
        "a seed is among the arguments, where it can be seen by others and is kept in the shell's history: put it into a file and name that, or \
         give its public key where one belongs; and better make a new key"
    )]
    SeedAsArgument,
    /// A file with a seed was named in the place of another one.
    #[error(
        "{} has a seed in line {line}, where none belongs; keep it to yourself, and name the right file, or write its public key there",
        ShownOf(path.display())
    )]
    SeedInFile { path: PathBuf, line: usize },
    /// A file with a seed was named where something is to be written.
    #[error("{} holds a seed, which would be lost; name another file to write to", ShownOf(path.display()))]
    SeedOverwritten { path: PathBuf },
    /// A seed lies open.
    #[error(
        "others can read the seed in {} (mode {mode:04o}), so it is not used: chmod 600 it, or better make a new key",
        ShownOf(path.display())
    )]
    SeedExposed { path: PathBuf, mode: u32 },
    /// A seed was to come from an environment variable.
    #[error(
        "cannot read a seed from the environment variable {}: {reason}; set it to the seed's text",
        Shown::new(name)
    )]
    Variable { name: String, reason: &'static str },
    /// Standard input can be read once.
    #[error("standard input (-) was given for several things; give a file or env:NAME for all but one")]
    StdinTwice,
    /// A file that should hold text does not.
    #[error("{} is no {what}, for it is not text: {source}", ShownOf(path.display()))]
    NotText {
        path: PathBuf,
        what: &'static str,
        #[source]
        source: Utf8Error,
    },
    /// A text that is not a module.
    #[error("{} is not a WebAssembly module: {}", ShownOf(path.display()), Shown::words(reason))]
    NotAModule { path: PathBuf, reason: String },
    /// An argument is not the number that the export takes.
    #[error("argument {position} of `{}`: {source}", Shown::new(export))]
    Argument {
        position: usize,
        export: String,
        #[source]
        source: ParseValueError,
    },
    /// The raw tier.
    #[error("{0}")]
    Engine(#[from] Box<wapc_engine::Error>),
    /// The waPC tier.
    #[error("{0}")]
    Conversation(#[from] wapc_host::Error),
    /// A key, a token or a policy is refused.
    #[error("{}: {source}", ShownOf(path.display()))]
    Refused {
        path: PathBuf,
        #[source]
        source: Box<ClaimsError>,
    },
    /// A module is refused.
    #[error("{}: {}", ShownOf(path.display()), reason(.module, .source))]
    ModuleRefused {
        path: PathBuf,
        module: Option<Label>,
        #[source]
        source: Box<ClaimsError>,
    },
    /// A key could not be made or trusted.
    #[error("{0}")]
    Claims(#[from] Box<ClaimsError>),
    /// What the token in a module says is not to be believed.
    #[error("{}: do not believe this token: {what}; get the module from its issuer", ShownOf(path.display()))]
    NotGenuine { path: PathBuf, code: &'static str, what: &'static str },
    /// An audit log is not whole.
    #[error("{}: {source}", ShownOf(path.display()))]
    Audit {
        path: PathBuf,
        #[source]
        source: VerifyError,
    },
    /// A record of an audit log is whole and can be checked, but cannot be shown.
    #[error("{}: line {line} cannot be shown: its values are nested too deep, which no host writes", ShownOf(path.display()))]
    NotShown { path: PathBuf, line: u64 },
    /// An audit log could not be opened.
    #[error("{0}")]
    AuditLog(#[from] AuditError),
    /// A revision ledger could not be opened.
    #[error("{0}")]
    Ledger(LedgerError),
    /// The capability tier.
    #[error("{0}")]
    Host(#[from] Box<host_core::Error>),
    /// A provider could not be made.
    #[error("{0}")]
    Provider(#[from] capability_provider::ProviderError),
    /// A manifest says what it cannot mean.
    #[error("{}", Shown::words(reason))]
    Manifest { reason: String },
    /// Something that a position in a manifest asked for failed.
    #[error("{position}: {source}")]
    At {
        position: Position,
        #[source]
        source: Box<CliError>,
    },
    /// The system does not let this program wait for its end.
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    /// The output could not be printed.
    #[error("cannot print: {source}")]
    Print {
        #[source]
        source: io::Error,
    },
    /// Whoever read the output has gone, as `head` does.
    #[error("nobody reads the output")]
    NobodyReads,
}

impl CliError {
    /// That the key, token or policy in a file is refused.
    pub(crate) fn refused(path: &Path) -> impl Fn(ClaimsError) -> Self {
        |source| Self::Refused { path: path.to_owned(), source: Box::new(source) }
    }

    /// That the module in a file is refused, which is called by its name if it has one.
    pub(crate) fn module_refused(path: &Path, wasm: &[u8]) -> impl Fn(ClaimsError) -> Self {
        |source| {
            let module = Label::read(wasm);
            Self::ModuleRefused { path: path.to_owned(), module, source: Box::new(source) }
        }
    }

    /// What went wrong, in one word that stays the same when the text gets better.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read_file",
            Self::Write { .. } => "write_file",
            Self::Untrusted(_) => "untrusted_file",
            Self::FileExists { .. } => "file_exists",
            Self::FolderExists { .. } => "folder_exists",
            Self::OddName { .. } => "odd_name",
            Self::NoToolchain => "no_toolchain",
            Self::BuildFailed { .. } => "build_failed",
            Self::NoModule { .. } => "no_module",
            Self::SeedAsArgument => "seed_as_argument",
            Self::SeedInFile { .. } => "seed_in_file",
            Self::SeedOverwritten { .. } => "seed_overwritten",
            Self::SeedExposed { .. } => "seed_exposed",
            Self::Variable { .. } => "variable",
            Self::StdinTwice => "stdin_twice",
            Self::NotText { .. } => "not_text",
            Self::NotAModule { .. } => "invalid_module",
            Self::Argument { .. } => "argument",
            Self::Engine(error) => code::of_engine(error),
            Self::Conversation(error) => code::of_conversation(error),
            Self::Refused { source, .. } | Self::ModuleRefused { source, .. } => code::of_claims(source),
            Self::Claims(error) => code::of_claims(error),
            Self::NotGenuine { code, .. } => code,
            Self::Audit { source, .. } => code::of_audit(source),
            Self::NotShown { .. } => "audit_malformed",
            Self::AuditLog(error) => code::of_audit_log(error),
            Self::Ledger(error) => code::of_ledger(error),
            Self::Host(error) => code::of_host(error),
            Self::Provider(error) => code::of_provider(error),
            Self::Manifest { .. } => "manifest",
            Self::At { source, .. } => source.code(),
            Self::Signals(_) => "signals",
            Self::Print { .. } | Self::NobodyReads => "print",
        }
    }
}

fn reason(module: &Option<Label>, source: &ClaimsError) -> String {
    module.as_ref().map_or_else(|| source.to_string(), |module| module.refusal(source))
}

impl From<wapc_engine::Error> for CliError {
    fn from(error: wapc_engine::Error) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<ClaimsError> for CliError {
    fn from(error: ClaimsError) -> Self {
        Self::Claims(Box::new(error))
    }
}

impl From<LedgerError> for CliError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::File(FileError::Open { .. }) => Self::Ledger(error),
            LedgerError::File(untrusted) => Self::Untrusted(untrusted),
            other => Self::Ledger(other),
        }
    }
}

impl From<host_core::Error> for CliError {
    fn from(error: host_core::Error) -> Self {
        Self::Host(Box::new(error))
    }
}
