//! Runs `wascc chain issue`, which makes the token of an operator or of an account that it vouches for.

use std::{fmt, path::PathBuf};

use capability_claims::{
    AccountBuilder, AccountClaims, ClaimsError, Clock, KeyKind, KeyPair, OperatorBuilder, OperatorClaims,
    PublicKey, SystemClock,
};
use clap::Args;
use serde::Serialize;
use untrusted_text::{Shown, ShownOf};

use super::link::LinkView;
use crate::{
    deciding::DecidingFiles,
    error::CliError,
    file,
    lifetime::Lifetime,
    out_file::{self, Beside},
    output::Output,
    seed,
};

/// Issue a token: an operator's word for an account, or what the operator says of itself
///
/// Whoever trusts the operator then trusts the modules that the account signs. The token is no secret.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed of the operator: a file; - reads standard input, env:NAME an environment variable
    #[arg(long, value_name = "SEED")]
    issuer: PathBuf,

    /// The account: its public key (A...), or its seed, given in the same ways. Without it: the operator's own token, whose time
    /// binds every chain where a policy asks for the token (`operator_tokens`), and else only those that bring it along
    #[arg(long, value_name = "KEY|SEED")]
    subject: Option<PathBuf>,

    /// The name of the account, or of the operator, for people
    #[arg(long)]
    name: Option<String>,

    #[command(flatten)]
    lifetime: Lifetime,

    /// Write the token to this file; without it the token is printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    files: DecidingFiles,
}

pub(crate) fn issue(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    file::refuse_stdin_twice([Some(&arguments.issuer), arguments.subject.as_ref()].into_iter().flatten())?;
    let files = arguments.files.settle(output);
    let operator =
        seed::read_kind(&arguments.issuer, files, KeyKind::Operator, "the key that vouches for accounts")?;
    let (text, link) = match &arguments.subject {
        None => of_operator(arguments, &operator)?,
        Some(subject) => {
            let account =
                seed::public_key(subject, files, KeyKind::Account, "the key that an operator vouches for")?;
            of_account(arguments, account, &operator)?
        }
    };
    let vouching = operator.public_key();
    drop(operator);
    let beside = match &arguments.out {
        Some(path) => out_file::write(path, format!("{text}\n").as_bytes())?,
        None => Beside::StandardOutput,
    };
    let file = arguments.out.as_ref().map(|path| path.display().to_string());
    output.show_beside(beside, &Issued { file, link, text, operator: vouching })
}

/// The claims with name and times as they were asked for. The builders of both kinds have the same methods.
macro_rules! filled {
    ($claims:expr, $arguments:ident) => {{
        let now = SystemClock.now();
        let mut claims = $claims.issued_at(now);
        if let Some(name) = &$arguments.name {
            claims = claims.name(name);
        }
        if let Some(start) = $arguments.lifetime.start(now) {
            claims = claims.not_before(start);
        }
        if let Some(end) = $arguments.lifetime.end(now) {
            claims = claims.expires_at(end);
        }
        claims
    }};
}

fn of_operator(arguments: &Arguments, operator: &KeyPair) -> Result<(String, LinkView), ClaimsError> {
    let text = filled!(OperatorBuilder::new(), arguments).issue(operator)?;
    let claims = OperatorClaims::verify(&text)?;
    Ok((text, LinkView::new(&claims)))
}

fn of_account(
    arguments: &Arguments,
    account: PublicKey,
    operator: &KeyPair,
) -> Result<(String, LinkView), ClaimsError> {
    let text = filled!(AccountBuilder::new(account), arguments).issue(operator)?;
    let claims = AccountClaims::verify(&text)?;
    Ok((text, LinkView::new(&claims)))
}

#[derive(Serialize)]
struct Issued {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(flatten)]
    link: LinkView,
    text: String,
    #[serde(skip)]
    operator: PublicKey,
}

/// The token alone, so that it can be piped, or what went to the file.
impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(file) = &self.file else { return f.write_str(&self.text) };
        let title = self.link.title();
        let (file, title) = (ShownOf(file), Shown::new(&title));
        write!(f, "{file}: {title} ({}), issued by {}", self.link.key, self.operator)
    }
}
