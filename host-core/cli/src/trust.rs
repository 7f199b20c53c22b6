//! Tokens, which stand in files or on the command line, and policies, which stand in files.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use capability_claims::{
    ClaimsError, PolicyDocument, PublicKey, SignedPolicies, TrustPolicy, VerifiedModule,
};

use crate::{deciding::Deciding, error::CliError, file};

/// What every token's text begins with: `{"` in base64url.
const TOKEN: &str = "eyJ";

/// Hands an account's token to the policy: `given` is the token's text, or else the file that holds it, looked up from
/// `directory`.
pub(crate) fn add_account_token(
    policy: TrustPolicy,
    given: &str,
    directory: &Path,
) -> Result<TrustPolicy, CliError> {
    if given.starts_with(TOKEN) {
        return Ok(policy.account_token(given)?);
    }
    let path = directory.join(given);
    let text = file::read(&path)?;
    policy.account_token(String::from_utf8_lossy(&text).trim()).map_err(CliError::refused(&path))
}

/// The tokens that stand beside a module, if any are given.
pub(crate) fn beside(given: &[String]) -> Result<Option<Vec<String>>, CliError> {
    if given.is_empty() { Ok(None) } else { tokens(given).map(Some) }
}

/// The texts of tokens that are given each as [`tokens_in`] reads them.
pub(crate) fn tokens(given: &[String]) -> Result<Vec<String>, CliError> {
    let tokens: Result<Vec<_>, _> = given.iter().map(|given| tokens_in(given, Path::new(""))).collect();
    tokens.map(|tokens| tokens.concat())
}

/// A token, or those in a file, one on each line, that is looked up from `directory`.
pub(crate) fn tokens_in(given: &str, directory: &Path) -> Result<Vec<String>, CliError> {
    if given.starts_with(TOKEN) {
        return Ok(vec![given.to_owned()]);
    }
    let text = file::read_text(&directory.join(given), "token")?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Verifies a module with the chain's tokens that came beside it, if there are any.
pub(crate) fn verify(
    policy: &TrustPolicy,
    wasm: Bytes,
    beside: Option<&[String]>,
    now: u64,
) -> Result<VerifiedModule, ClaimsError> {
    let Some(tokens) = beside else { return policy.verify(wasm, now) };
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    policy.verify_with_chain(wasm, &tokens, now)
}

/// A policy in a file of its own, which may have to be signed.
pub(crate) struct PolicyFile {
    path: PathBuf,
    files: Deciding,
    /// Who must have signed it, and the newest that was taken.
    signed: Option<SignedPolicies>,
}

impl PolicyFile {
    pub(crate) fn new(path: PathBuf, files: Deciding, signer: Option<PublicKey>) -> Self {
        Self { path, files, signed: signer.map(SignedPolicies::of) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the policy, and what to say of it when it does not say that it is whole and nobody signed it.
    pub(crate) fn read(&mut self) -> Result<(TrustPolicy, Option<String>), CliError> {
        let text = file::read_deciding_text(&self.path, "policy", self.files)?;
        let read = match &mut self.signed {
            Some(signed) => signed.accept(&text).map(|signed| (signed.document, None)),
            None => PolicyDocument::from_toml(&text).map(|document| {
                let doubt =
                    document.is_whole().err().map(|error| format!("{}: {error}", self.path.display()));
                (document, doubt)
            }),
        };
        let (document, doubt) = read.map_err(CliError::refused(&self.path))?;
        Ok((policy_of(&self.path, document)?, doubt))
    }
}

/// Reads the policy in a file, whoever signed it.
pub(crate) fn policy(path: &Path, files: Deciding) -> Result<TrustPolicy, CliError> {
    policy_of(path, policy_document(path, files)?)
}

/// Reads a policy as it is written.
pub(crate) fn policy_document(path: &Path, files: Deciding) -> Result<PolicyDocument, CliError> {
    let text = file::read_deciding_text(path, "policy", files)?;
    PolicyDocument::from_toml(&text).map_err(CliError::refused(path))
}

/// The policy that a document from a file describes.
pub(crate) fn policy_of(path: &Path, document: PolicyDocument) -> Result<TrustPolicy, CliError> {
    document.into_policy().map_err(CliError::refused(path))
}
