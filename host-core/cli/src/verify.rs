//! Runs `wascc verify`: whether a module may be trusted.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use capability_claims::{Clock, PublicKey, SystemClock, TrustPolicy, VerifiedModule};
use clap::Args;
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use crate::{claims_view::ClaimsView, error::CliError, file, output::Output, trust};

/// Verify a module: signed, unaltered, in its time, and by somebody whom you trust
///
/// The exit status is 0 only when all of that holds.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The signed module; - reads standard input
    file: PathBuf,

    // Not parsed as an argument: a wrong one is repeated in that error, and it may be a seed.
    /// The public keys that you trust: accounts (A...) that sign modules, operators (O...) that vouch for accounts
    #[arg(long, value_name = "KEY", required = true, num_args = 1..)]
    trust: Vec<String>,

    /// An operator's word for an account: the token, or a file that holds it
    #[arg(long, value_name = "TOKEN", num_args = 1..)]
    account_token: Vec<String>,
}

pub(crate) fn verify(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let path = &arguments.file;
    let policy = policy(arguments)?;
    let now = SystemClock.now();
    let wasm = Bytes::from(file::read(path)?);
    let verified = policy.verify(wasm.clone(), now).map_err(CliError::module_refused(path, &wasm))?;
    output.show(&Verdict::new(path, &verified, now))
}

fn policy(arguments: &Arguments) -> Result<TrustPolicy, CliError> {
    let mut policy = TrustPolicy::nobody();
    for key in &arguments.trust {
        policy = policy.trust(PublicKey::parse(key)?)?;
    }
    for token in &arguments.account_token {
        policy = trust::add_account_token(policy, token, Path::new(""))?;
    }
    Ok(policy)
}

#[derive(Serialize)]
struct Verdict<'a> {
    verified: bool,
    #[serde(flatten)]
    claims: ClaimsView<'a>,
    #[serde(skip)]
    path: &'a Path,
    #[serde(skip)]
    module: &'a VerifiedModule,
}

impl<'a> Verdict<'a> {
    fn new(path: &'a Path, module: &'a VerifiedModule, now: u64) -> Self {
        Self { verified: true, claims: ClaimsView::new(module.claims(), now), path, module }
    }
}

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims = self.module.claims();
        let name = claims.name().unwrap_or("unnamed module");
        let path = ShownOf(self.path.display());
        write!(
            f,
            "{path} verifies: \"{}\" ({}), signed by {}",
            Shown::new(name),
            claims.subject(),
            claims.issuer()
        )
    }
}
