//! Runs `wascc policy`: what a module may do under a policy, and why not the rest.

mod signed;
mod uses;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use capability_claims::{
    ClaimsError, Clock, Inspection, Link, ModuleClaims, PublicKey, SystemClock, VerifiedModule, inspect,
};
use clap::Subcommand;
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use self::uses::{GrantView, Judge, Refusal};
use crate::{
    deciding::{Deciding, DecidingFiles},
    error::CliError,
    file,
    output::Output,
    trust,
};

/// Look at a trust policy, sign it, and verify its signature
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a policy, so that a host can tell whose it is, that it is whole, and that it is not an older one
    Sign(signed::Sign),
    /// Tell whether a policy is whole: signed by this key, or with as many entries as its end says
    Verify(signed::Verify),
    /// Tell what a module may do where this policy holds, and why not the rest of what its token grants
    ///
    /// The exit status is 0 when the module may run there, even if it may use nothing, and 1 when it may not run at all: then all that
    /// its token grants is refused for the same reason.
    Check {
        /// The policy (TOML)
        policy: PathBuf,

        /// The signed module; - reads standard input
        module: PathBuf,

        /// The account's token, after the operator's own if there is one, in place of a chain inside the module: the tokens, or files
        /// that hold them
        #[arg(long, value_name = "TOKEN", num_args = 1..)]
        chain: Vec<String>,

        #[command(flatten)]
        files: DecidingFiles,
    },
}

pub(crate) fn policy(command: &Command, output: &Output) -> Result<(), CliError> {
    match command {
        Command::Check { policy, module, chain, files } => {
            check(policy, files.settle(output), module, chain, output)
        }
        Command::Sign(arguments) => signed::sign(arguments, output),
        Command::Verify(arguments) => signed::verify(arguments, output),
    }
}

fn check(
    path: &PathBuf,
    files: Deciding,
    module: &PathBuf,
    chain: &[String],
    output: &Output,
) -> Result<(), CliError> {
    file::refuse_stdin_twice([path, module])?;
    let document = trust::policy_document(path, files)?;
    let policy = trust::policy_of(path, document.clone())?;
    let tokens = trust::beside(chain)?;
    let now = SystemClock.now();
    let wasm = Bytes::from(file::read(module)?);
    match trust::verify(&policy, wasm.clone(), tokens.as_deref(), now) {
        Ok(verified) => {
            let grants = Judge::new(&document, &policy, verified.claims(), now).grants();
            output.show(&CheckView::new(module, verified.claims(), Ok(&verified), grants))
        }
        Err(error) => {
            // What its token would grant is told even so, when there is one that can be read.
            if let Ok(Inspection { claims, .. }) = inspect(&wasm) {
                output.show(&CheckView::new(module, &claims, Err(&error), uses::all_refused(&claims)))?;
            }
            Err(CliError::module_refused(module, &wasm)(error))
        }
    }
}

#[derive(Serialize)]
struct CheckView<'a> {
    file: String,
    may_run: bool,
    name: Option<&'a str>,
    module: PublicKey,
    issuer: PublicKey,
    /// The key that the policy trusts, and on which all else rests. None: the module may not run.
    trusted: Option<PublicKey>,
    /// Why the module may not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    grants: Vec<GrantView>,
}

impl<'a> CheckView<'a> {
    fn new(
        path: &Path,
        claims: &'a ModuleClaims,
        verdict: Result<&VerifiedModule, &ClaimsError>,
        grants: Vec<GrantView>,
    ) -> Self {
        let root = verdict.ok().and_then(|module| module.provenance().links().first());
        Self {
            file: path.display().to_string(),
            may_run: verdict.is_ok(),
            name: claims.name(),
            module: claims.subject(),
            issuer: claims.issuer(),
            trusted: root.map(Link::key),
            refusal: verdict.err().map(Refusal::new),
            grants,
        }
    }
}

impl fmt::Display for CheckView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Shown::new(self.name.unwrap_or("unnamed module"));
        let verdict = if self.may_run { "may run" } else { "may not run; its token says" };
        let file = ShownOf(&self.file);
        write!(f, "{file} {verdict}: \"{name}\" ({}), signed by {}", self.module, self.issuer)?;
        if let Some(root) = self.trusted.filter(|root| *root != self.issuer) {
            write!(f, ", trusted through {root}")?;
        }
        if self.grants.is_empty() {
            return f.write_str("\nIts token grants nothing.");
        }
        let width = self.grants.iter().map(GrantView::width).max().unwrap_or(0);
        write!(f, "\n{:<width$}  {:<7}  WHAT OF IT", "GRANT", "HERE")?;
        self.grants.iter().try_for_each(|grant| grant.row(f, width))
    }
}
