//! `wascc chain show`: the links of a module's chain, and the first that does not hold.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use capability_claims::{
    Chain, ClaimsError, Clock, KeyKind, ModuleClaims, PublicKey, SystemClock, TrustPolicy, inspect,
};
use clap::Args;
use serde::Serialize;

use super::link::LinkView;
use crate::{error::CliError, file, output::Output, row::Row, trust};

/// Show on whose authority a module was signed, link by link, and check every link
///
/// Signatures, connections and times are checked in any case. Whether the first link can be trusted is up to you: without --trust and
/// --policy it is taken to be. The exit status is 0 only when every link holds.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The signed module; - reads standard input
    file: PathBuf,

    /// The account's token, after the operator's own if there is one, in place of a chain inside the module: the tokens, or files
    /// that hold them
    #[arg(long, value_name = "TOKEN", num_args = 1..)]
    chain: Vec<String>,

    // Not parsed as an argument: a wrong one is repeated in that error, and it may be a seed.
    /// The public keys that you trust: accounts (A...) and operators (O...)
    #[arg(long, value_name = "KEY", num_args = 1..)]
    trust: Vec<String>,

    /// The policy (TOML) that says whom you trust
    #[arg(long, value_name = "FILE", conflicts_with = "trust")]
    policy: Option<PathBuf>,
}

pub(crate) fn show(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let path = &arguments.file;
    let refused = CliError::refused(path);
    let wasm = file::read(path)?;
    let tokens = trust::beside(&arguments.chain)?;
    let claims = inspect(&wasm).map_err(&refused)?.claims;
    let chain = match &tokens {
        Some(tokens) => Some(Chain::new(tokens.iter().map(String::as_str))?),
        None => Chain::carried_by(&wasm).map_err(&refused)?,
    };
    let trust = policy(arguments)?;
    let root = chain.as_ref().map_or(claims.issuer(), |chain| chain.account().operator());
    let policy = trust.clone().map_or_else(|| TrustPolicy::nobody().trust(root), Ok)?;
    let verified = trust::verify(&policy, Bytes::from(wasm), tokens.as_deref(), SystemClock.now());
    let links = match &verified {
        Ok(module) => module.provenance().links().iter().map(LinkView::from).collect(),
        Err(_) => told(&claims, chain.as_ref()),
    };
    output.show(&ChainView::new(path, links, verified.as_ref().err(), trust.is_some()))?;
    verified.map(drop).map_err(refused)
}

/// The policy that was given, in either way.
fn policy(arguments: &Arguments) -> Result<Option<TrustPolicy>, CliError> {
    if let Some(path) = &arguments.policy {
        return trust::policy(path).map(Some);
    }
    if arguments.trust.is_empty() {
        return Ok(None);
    }
    let mut policy = TrustPolicy::nobody();
    for key in &arguments.trust {
        policy = policy.trust(PublicKey::parse(key)?)?;
    }
    Ok(Some(policy))
}

/// The links as the tokens tell them, when not all of that is true.
fn told(claims: &ModuleClaims, chain: Option<&Chain>) -> Vec<LinkView> {
    let mut links = match chain {
        None => vec![LinkView::bare(claims.issuer())],
        Some(chain) => {
            let account = chain.account();
            let root = chain.operator().map_or_else(|| LinkView::bare(account.operator()), LinkView::from);
            vec![root, account.into()]
        }
    };
    links.push(claims.into());
    links
}

/// Whether a link holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status", content = "reason")]
enum Status {
    Holds,
    Fails(String),
    /// One before it fails.
    NotReached,
}

#[derive(Serialize)]
struct ChainView {
    file: String,
    holds: bool,
    /// Whether the first link was judged, or taken to be trusted.
    trust_judged: bool,
    links: Vec<Judged>,
}

#[derive(Serialize)]
struct Judged {
    #[serde(flatten)]
    link: LinkView,
    #[serde(flatten)]
    status: Status,
}

impl ChainView {
    fn new(path: &Path, links: Vec<LinkView>, error: Option<&ClaimsError>, trust_judged: bool) -> Self {
        let failed = error.map(|error| (failed_link(error, &links), error.to_string()));
        let status = |index| match &failed {
            Some((at, reason)) if *at == index => Status::Fails(reason.clone()),
            Some((at, _)) if *at < index => Status::NotReached,
            _ => Status::Holds,
        };
        let judge = |(index, link)| Judged { link, status: status(index) };
        let links = links.into_iter().enumerate().map(judge).collect();
        Self { file: path.display().to_string(), holds: error.is_none(), trust_judged, links }
    }
}

/// Which of the links an error is about.
fn failed_link(error: &ClaimsError, links: &[LinkView]) -> usize {
    use ClaimsError as E;
    let of_kind = |kind| links.iter().position(|link| link.key.kind() == kind);
    let found = match error {
        E::NotTrusted { .. } => Some(0),
        E::OperatorExpired { .. } | E::OperatorNotYetValid { .. } => of_kind(KeyKind::Operator),
        E::AccountExpired { .. } | E::AccountNotYetValid { .. } => of_kind(KeyKind::Account),
        E::KeyRevoked { key, .. } => links.iter().position(|link| link.key == *key),
        E::TokenRevoked { id, .. } => links.iter().position(|link| link.token.as_deref() == Some(id)),
        _ => None,
    };
    // All else is about the module and its token, which come last.
    found.unwrap_or(links.len() - 1)
}

impl fmt::Display for ChainView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Judged { link, status }) in (1..).zip(&self.links) {
            let status = match status {
                Status::Holds => "holds".to_owned(),
                Status::Fails(reason) => format!("FAILS: {reason}"),
                Status::NotReached => "not reached".to_owned(),
            };
            writeln!(f, "{}", Row(&format!("Link {number}"), &format!("{}: {status}", link.title())))?;
            writeln!(f, "{link}")?;
        }
        let trust = match (self.trust_judged, self.holds) {
            (false, _) => {
                "not judged: --trust KEY or --policy FILE tells whether the first link can be trusted"
            }
            (true, true) => "the first link is trusted",
            (true, false) => "the chain does not hold, so nothing in it is trusted",
        };
        write!(f, "{}", Row("Trust", trust))
    }
}
