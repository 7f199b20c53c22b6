//! Reads tokens, which stand in files or on the command line, and policies, which stand in files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use capability_claims::{
    ClaimsError, PolicyDocument, PublicKey, SignedPolicies, SignedPolicy, TrustPolicy, VerifiedModule,
};
use host_core::RevisionLedger;
use untrusted_text::ShownOf;

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
    signed: Option<SignerState>,
}

/// What is accepted from one signer.
struct SignerState {
    policies: SignedPolicies,
    /// The one that was read last.
    newest: Option<SignedPolicy>,
    /// Where the newest is remembered for the next run.
    ledger: Option<Arc<RevisionLedger>>,
}

impl PolicyFile {
    /// The policy in this file, which the signer must have signed if there is one. A policy that is older than the one that the ledger
    /// remembers is refused.
    pub(crate) fn new(
        path: PathBuf,
        files: Deciding,
        signer: Option<PublicKey>,
        ledger: Option<Arc<RevisionLedger>>,
    ) -> Self {
        let signed = signer.map(|signer| {
            let newest = ledger.as_ref().and_then(|ledger| ledger.newest_policy(signer));
            SignerState { policies: SignedPolicies::of(signer).since(newest), newest: None, ledger }
        });
        Self { path, files, signed }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the policy, and what to say of it when it does not say that it is whole and nobody signed it.
    pub(crate) fn read(&mut self) -> Result<(TrustPolicy, Option<String>), CliError> {
        let text = file::read_deciding_text(&self.path, "policy", self.files)?;
        let Some(signed) = &mut self.signed else {
            let document = PolicyDocument::from_toml(&text).map_err(CliError::refused(&self.path))?;
            let doubt =
                document.is_whole().err().map(|error| format!("{}: {error}", ShownOf(self.path.display())));
            return Ok((policy_of(&self.path, document)?, doubt));
        };
        let read = signed.policies.accept(&text).map_err(CliError::refused(&self.path))?;
        let policy = policy_of(&self.path, read.document.clone())?;
        signed.newest = Some(read);
        Ok((policy, None))
    }

    /// Remembers the policy that was read last, if it had to be signed, so that the next run takes none that is older.
    pub(crate) fn remember(&self) -> Result<(), CliError> {
        match &self.signed {
            Some(SignerState { newest: Some(newest), ledger: Some(ledger), .. }) => {
                Ok(ledger.remember_policy(newest)?)
            }
            _ => Ok(()),
        }
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
