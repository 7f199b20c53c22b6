//! Runs `wascc chain show`: the links of a module's chain, and the first that does not hold.

use std::{cmp::Ordering, fmt, path::PathBuf};

use bytes::Bytes;
use capability_claims::{
    Chain, ClaimsError, Clock, KeyKind, Link, ModuleClaims, PublicKey, SystemClock, TrustPolicy, inspect,
};
use clap::Args;
use serde::Serialize;

use super::link::LinkView;
use crate::{
    deciding::{Deciding, DecidingFiles},
    error::CliError,
    file,
    output::Output,
    row::Row,
    trust,
};

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

    #[command(flatten)]
    files: DecidingFiles,
}

pub(crate) fn show(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    let path = &arguments.file;
    let wasm = Bytes::from(file::read(path)?);
    let beside = trust::beside(&arguments.chain)?;
    let trust = policy(arguments, arguments.files.settle(output))?;
    let refused = CliError::module_refused(path, &wasm);
    let claims = inspect(&wasm).map_err(&refused)?.claims;
    let (links, error) = judged(&claims, &wasm, beside.as_deref(), trust.as_ref());
    if !links.is_empty() {
        let (file, holds) = (path.display().to_string(), error.is_none());
        output.show(&ChainView { file, holds, trust_judged: trust.is_some(), links })?;
    }
    error.map_or(Ok(()), |error| Err(refused(error)))
}

/// The policy that was given, in either way.
fn policy(arguments: &Arguments, files: Deciding) -> Result<Option<TrustPolicy>, CliError> {
    if let Some(path) = &arguments.policy {
        return trust::policy(path, files).map(Some);
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

/// The links, each with its verdict, and the refusal when one does not hold. Without a policy the first link is taken to be trusted.
fn judged(
    claims: &ModuleClaims,
    wasm: &Bytes,
    beside: Option<&[String]>,
    trust: Option<&TrustPolicy>,
) -> (Vec<Judged>, Option<ClaimsError>) {
    let chain = match beside {
        Some(tokens) => Chain::new(tokens.iter().map(String::as_str)).map(Some),
        None => Chain::carried_by(wasm),
    };
    let chain = match chain {
        Ok(chain) => chain,
        Err(error) => return (Judged::before(&error), Some(error)),
    };
    let root = chain.as_ref().map_or(claims.issuer(), |chain| chain.account().operator());
    let policy = trust.cloned().map_or_else(|| TrustPolicy::nobody().trust(root), Ok);
    let now = SystemClock.now();
    match policy.and_then(|policy| trust::verify(&policy, wasm.clone(), beside, now)) {
        Ok(module) => (module.provenance().links().iter().map(Judged::holds).collect(), None),
        Err(error @ ClaimsError::BrokenChain { .. }) => (Judged::before(&error), Some(error)),
        Err(error) => (Judged::all(told(claims, chain.as_ref()), &error), Some(error)),
    }
}

/// The links as the tokens tell them, when not all of that is true.
fn told(claims: &ModuleClaims, chain: Option<&Chain>) -> Vec<LinkView> {
    let links = match chain {
        None => vec![Link::bare(claims.issuer()), claims.into()],
        Some(chain) => {
            let account = chain.account();
            let root = chain.operator().map_or_else(|| Link::bare(account.operator()), Link::from);
            vec![root, account.into(), claims.into()]
        }
    };
    links.into_iter().map(LinkView::new).collect()
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
    /// None: a token that does not belong to the ones before it, or of which nothing can be believed.
    #[serde(flatten)]
    link: Option<LinkView>,
    #[serde(flatten)]
    status: Status,
}

impl Judged {
    fn holds(link: &Link) -> Self {
        Self { link: Some(LinkView::new(link.clone())), status: Status::Holds }
    }

    /// The links of a chain that is broken, up to the first that does not hold; none for any other error.
    fn before(error: &ClaimsError) -> Vec<Self> {
        let ClaimsError::BrokenChain { established, source, .. } = error else { return Vec::new() };
        let broken = Self { link: None, status: Status::Fails(source.to_string()) };
        established.iter().map(Self::holds).chain([broken]).collect()
    }

    /// All links of a chain, one of which the error is about.
    fn all(links: Vec<LinkView>, error: &ClaimsError) -> Vec<Self> {
        let failed = failed_link(error, &links);
        let status = |index: usize| match index.cmp(&failed) {
            Ordering::Less => Status::Holds,
            Ordering::Equal => Status::Fails(error.to_string()),
            Ordering::Greater => Status::NotReached,
        };
        let judge = |(index, link)| Self { link: Some(link), status: status(index) };
        links.into_iter().enumerate().map(judge).collect()
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
            let number = format!("Link {number}");
            match link {
                Some(link) => {
                    writeln!(f, "{}\n{link}", Row(&number, &format!("{}: {status}", link.title())))?;
                }
                None => writeln!(f, "{}", Row(&number, &status))?,
            }
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
