//! Runs `wascc new`, which writes a folder with an actor that can be built, tested and run.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use capability_claims::{KeyKind, KeyPair};
use clap::Args;
use serde::Serialize;
use untrusted_text::ShownOf;

use crate::{deciding::DecidingFiles, error::CliError, output::Output, project, seed};

/// The variable that names the folder of actor-sdk when no option does.
const SDK: &str = "WASCC_ACTOR_SDK";

/// How long a name may be: it is also the name of files.
const LONGEST_NAME: usize = 64;

/// Names that cargo refuses for a package, or that another crate or the language has.
const TAKEN: [&str; 12] = [
    "actor-sdk",
    "alloc",
    "build",
    "core",
    "deps",
    "examples",
    "incremental",
    "proc-macro",
    "serde",
    "std",
    "test",
    "wascc",
];

/// The strict and reserved keywords of Rust that a name could be.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "unsafe", "use", "virtual", "where", "while",
];

/// Make a folder with a new actor in Rust: handlers, tests, a manifest and development keys
///
/// The folder must not be there. `wascc build` in it builds and signs the module, `wascc run host.toml` serves it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The actor's name, and the folder's: small letters, digits and hyphens, a letter first
    name: String,

    /// The folder of actor-sdk, in place of the released version; so does the environment variable WASCC_ACTOR_SDK
    #[arg(long, value_name = "FOLDER")]
    actor_sdk: Option<PathBuf>,

    #[command(flatten)]
    files: DecidingFiles,
}

pub(crate) fn new(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let files = arguments.files.settle(output);
    let name = &arguments.name;
    check_name(name)?;
    let is_folder = |value: &OsString| !value.is_empty() && !seed::is_in(value.as_encoded_bytes());
    let sdk = arguments.actor_sdk.clone().or_else(|| env::var_os(SDK).filter(is_folder).map(Into::into));
    let sdk =
        sdk.map_or_else(|| Ok(format!("\"{}\"", env!("CARGO_PKG_VERSION"))), |folder| at_path(&folder))?;
    let [account, module] = [KeyKind::Account, KeyKind::Module].map(KeyPair::generate);
    let (account, module) = (account?, module?);
    let public = account.public_key().to_string();
    let filled = |text: &str| {
        let text = text.replace("{name}", name).replace("{crate}", &name.replace('-', "_"));
        text.replace("{sdk}", &sdk).replace("{account}", &public)
    };

    let top = Path::new(name);
    make_folder(top, false)?;
    for folder in ["src", "tests"] {
        make_folder(&top.join(folder), false)?;
    }
    make_folder(&top.join(project::KEYS), true)?;
    seed::write_new(&top.join(project::ACCOUNT), files, &account)?;
    seed::write_new(&top.join(project::MODULE), files, &module)?;
    drop((account, module));
    let test = format!("tests/{}.rs", name.replace('-', "_"));
    for (file, text) in [
        (".gitignore", "/keys/\n/target/\n/*.wasm\n"),
        ("Cargo.toml", include_str!("new/rust/Cargo.toml.in")),
        ("README.md", include_str!("new/rust/README.md.in")),
        ("host.toml", include_str!("new/rust/host.toml.in")),
        ("src/lib.rs", include_str!("new/rust/lib.rs.in")),
        (&test, include_str!("new/rust/test.rs.in")),
        (project::FILE, include_str!("new/rust/wascc.toml.in")),
    ] {
        write_new(&top.join(file), &filled(text))?;
    }
    output.show(&Made { folder: name, account: public })
}

fn check_name(name: &str) -> Result<(), CliError> {
    let reason = if name.is_empty() || name.len() > LONGEST_NAME {
        "it has from 1 to 64 characters"
    } else if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        "it begins with a small letter"
    } else if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        "it has small letters, digits and hyphens alone"
    } else if name.ends_with('-') || name.contains("--") {
        "hyphens stand one by one between letters or digits"
    } else if KEYWORDS.contains(&name) || TAKEN.contains(&name) {
        "Rust or cargo uses it for something else"
    } else {
        return Ok(());
    };
    Err(CliError::OddName { name: name.to_owned(), reason })
}

/// The dependency on a crate in a folder.
fn at_path(folder: &Path) -> Result<String, CliError> {
    let read = |source| CliError::Read { path: folder.join("Cargo.toml"), source };
    let whole = fs::canonicalize(folder).map_err(read)?;
    fs::metadata(whole.join("Cargo.toml")).map_err(read)?;
    let text = whole.to_str().ok_or_else(|| read(io::Error::other("its path is not text")))?;
    Ok(format!("{{ path = {} }}", toml::Value::from(text)))
}

/// Makes a folder that is not there yet.
fn make_folder(path: &Path, owners_alone: bool) -> Result<(), CliError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    if owners_alone {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    #[cfg(not(unix))]
    let _ = owners_alone;
    builder.create(path).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CliError::FolderExists { path: path.to_owned() },
        _ => CliError::Write { path: path.to_owned(), source },
    })
}

fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    opened
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| CliError::Write { path: path.to_owned(), source })
}

#[derive(Serialize)]
struct Made<'a> {
    folder: &'a str,
    account: String,
}

impl fmt::Display for Made<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = ShownOf(self.folder);
        writeln!(f, "{folder}: an actor in Rust, with development keys of the account {}", self.account)?;
        write!(f, "next: cd {folder} && cargo test && wascc build && wascc run host.toml")
    }
}
