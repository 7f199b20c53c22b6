//! Runs `wascc build`, which compiles an actor and signs it with its development keys.

mod toolchain;

use std::{
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use capability_claims::{ClaimsBuilder, Clock, KeyKind, SystemClock, sign_module};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use untrusted_text::{Shown, ShownOf};

use crate::{
    deciding::{Deciding, DecidingFiles},
    error::CliError,
    file,
    manifest::Source,
    out_file,
    output::Output,
    project::{self, Project},
    seed,
};

/// Build the actor in a folder that `wascc new` made, and sign it with its development keys
///
/// The compiler's messages go to standard error, and where it fails its exit status is that of this command.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder with wascc.toml
    #[arg(default_value = ".")]
    folder: PathBuf,

    #[command(flatten)]
    files: DecidingFiles,
}

pub(crate) fn build(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let files = arguments.files.settle(output);
    let folder = &arguments.folder;
    let project: Project = Source::read(&folder.join(project::FILE), files)?.as_written()?;
    let compiled = compile(folder)?;
    let signed = sign(folder, &project, &file::read_wasm(&compiled)?, files)?;
    let name = &project.name.0;
    let path = folder.join(format!("{}.wasm", stem(&compiled, name)));
    out_file::write(&path, &signed)?;
    output.show(&Built {
        file: path.display().to_string(),
        name,
        bytes: signed.len(),
        capabilities: project.capabilities.iter().map(|capability| capability.0.as_str()).collect(),
    })
}

/// The name of the signed module: the crate's, which is a file's, and not whatever an actor is called.
fn stem(compiled: &Path, name: &str) -> String {
    let file = compiled.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if file == name.replace('-', "_") { name.to_owned() } else { file }
}

/// Has cargo build the crate, and returns where the module is.
fn compile(folder: &Path) -> Result<PathBuf, CliError> {
    let toolchain = toolchain::find()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--lib", "--target", toolchain::TARGET]);
    cargo.arg("--message-format=json-render-diagnostics").args(toolchain.arguments);
    let built = cargo.current_dir(folder).envs(toolchain.environment).stderr(Stdio::inherit()).output();
    let built = built.map_err(|source| CliError::Read { path: "cargo".into(), source })?;
    if !built.status.success() {
        return Err(CliError::BuildFailed { status: built.status.code() });
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let mut modules = messages.lines().filter_map(|line| module(&serde_json::from_str(line).ok()?));
    // Those of what it depends on come before its own.
    modules.next_back().ok_or_else(|| CliError::NoModule { path: folder.join("Cargo.toml") })
}

/// The module that a message of cargo's tells of.
fn module(message: &Value) -> Option<PathBuf> {
    let files = message.get("filenames")?.as_array()?.iter();
    files.filter_map(Value::as_str).find(|file| file.ends_with(".wasm")).map(PathBuf::from)
}

fn sign(folder: &Path, project: &Project, wasm: &[u8], files: Deciding) -> Result<Vec<u8>, CliError> {
    let account = folder.join(project::ACCOUNT);
    let issuer = seed::read_kind(&account, files, KeyKind::Account, "the key that signs a module")?;
    let module = folder.join(project::MODULE);
    let subject =
        seed::read_kind(&module, files, KeyKind::Module, "the key of a module that is to be signed")?;
    let claims = ClaimsBuilder::new(subject.public_key()).name(&project.name.0).issued_at(SystemClock.now());
    let claims = project
        .capabilities
        .iter()
        .fold(claims, |claims, capability| claims.capability(capability.0.as_str()));
    sign_module(wasm, &claims, &issuer).map_err(CliError::refused(&account))
}

#[derive(Serialize)]
struct Built<'a> {
    file: String,
    name: &'a str,
    bytes: usize,
    capabilities: Vec<&'a str>,
}

impl fmt::Display for Built<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, name, bytes, capabilities } = self;
        write!(f, "{}: \"{}\", {bytes} bytes, may use ", ShownOf(file), Shown::new(name))?;
        if capabilities.is_empty() { f.write_str("nothing") } else { f.write_str(&capabilities.join(", ")) }
    }
}
