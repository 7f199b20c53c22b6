//! Runs `wascc sign`, which puts a signed token into a module.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use capability_claims::{
    ClaimsBuilder, Clock, Inspection, KeyKind, PublicKey, SystemClock, inspect, sign_module,
};
use capability_provider::CapabilityId;
use clap::Args;
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use crate::{
    claims_view::ClaimsView, deciding::DecidingFiles, error::CliError, file, lifetime::Lifetime, out_file,
    output::Output, seed,
};

/// Sign a module: say who it is and what it may use, in a token inside of it
///
/// A token that the module had is replaced. OUT may be IN; it is written whole or not at all. Give IN and OUT before --cap
/// and --tag, which take all values that follow.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The module, .wasm or .wat; - reads standard input
    input: PathBuf,

    /// Where the signed module goes
    out: PathBuf,

    /// The seed of the account that signs: a file; - reads standard input, env:NAME an environment variable
    #[arg(long, value_name = "SEED")]
    issuer: PathBuf,

    /// The module's identity: its seed, given in the same ways, or its public key (M...), which is all that is needed
    #[arg(long, value_name = "SEED|KEY")]
    subject: PathBuf,

    /// The module's name for people
    #[arg(long)]
    name: String,

    /// The capabilities that it may use, such as wascc:keyvalue, and the keys of the actors that it may call
    #[arg(long, value_name = "CAPABILITY", num_args = 1..)]
    cap: Vec<CapabilityId>,

    /// Words to go with it; they grant nothing
    #[arg(long, value_name = "TAG", num_args = 1..)]
    tag: Vec<String>,

    #[command(flatten)]
    lifetime: Lifetime,

    /// The revision, a number that grows with each version
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    rev: Option<i32>,

    /// The version for people, such as 1.2.0
    #[arg(long, value_name = "VERSION")]
    ver: Option<String>,

    #[command(flatten)]
    files: DecidingFiles,
}

pub(crate) fn sign(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    file::refuse_stdin_twice([&arguments.input, &arguments.issuer, &arguments.subject])?;
    let files = arguments.files.settle(output);
    let issuer = seed::read_kind(&arguments.issuer, files, KeyKind::Account, "the key that signs a module")?;
    let role = "the key of a module that is to be signed";
    let subject = seed::public_key(&arguments.subject, files, KeyKind::Module, role)?;
    let now = SystemClock.now();
    let wasm = file::read_wasm(&arguments.input)?;
    let refused = CliError::refused(&arguments.input);
    let signed = sign_module(&wasm, &claims(arguments, subject, now), &issuer).map_err(&refused)?;
    drop(issuer);
    let found = inspect(&signed).map_err(refused)?;
    let beside = out_file::write(&arguments.out, &signed)?;
    output.show_beside(beside, &Signed::new(&arguments.out, &found, now))
}

fn claims(arguments: &Arguments, subject: PublicKey, now: u64) -> ClaimsBuilder {
    let mut claims = ClaimsBuilder::new(subject).name(&arguments.name).issued_at(now);
    for capability in &arguments.cap {
        claims = claims.capability(capability.as_str());
    }
    for tag in &arguments.tag {
        claims = claims.tag(tag);
    }
    if let Some(end) = arguments.lifetime.end(now) {
        claims = claims.expires_at(end);
    }
    if let Some(start) = arguments.lifetime.start(now) {
        claims = claims.not_before(start);
    }
    if let Some(revision) = arguments.rev {
        claims = claims.revision(revision);
    }
    match &arguments.ver {
        Some(version) => claims.version(version),
        None => claims,
    }
}

#[derive(Serialize)]
struct Signed<'a> {
    file: String,
    #[serde(flatten)]
    claims: ClaimsView<'a>,
    #[serde(skip)]
    found: &'a Inspection,
}

impl<'a> Signed<'a> {
    fn new(path: &Path, found: &'a Inspection, now: u64) -> Self {
        let file = path.display().to_string();
        Self { file, claims: ClaimsView::new(&found.claims, now), found }
    }
}

impl fmt::Display for Signed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims = &self.found.claims;
        let name = Shown::new(claims.name().unwrap_or("unnamed module"));
        let file = ShownOf(&self.file);
        write!(f, "{file}: \"{name}\" ({}), signed by {}", claims.subject(), claims.issuer())?;
        match claims.caps() {
            [] => write!(f, ", may use nothing"),
            caps => write!(f, ", may use {}", caps.join(", ")),
        }
    }
}
