//! Signs policies, and accepts only those that one key signed and that are no older than the last
//! one accepted.
//!
//! The signature is a token in a comment on the last line, so that a signed policy is read like any other.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{ClaimsError, PolicyError, TokenPart},
    keys::{KeyPair, PublicKey},
    modules::ModuleHash,
    policy::PolicyDocument,
    tokens::{
        Label,
        times::Times,
        token::{self, Token},
    },
};

/// How the last line of a signed policy begins.
const MARK: &str = "# signature: ";

/// What a policy's signature says beside who and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AboutPolicy {
    /// SHA-256 of all bytes before the line of the signature.
    policy: ModuleHash,
    serial: u64,
}

/// Which of a signer's policies one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its serial number, which grows with each policy of this signer.
    pub serial: u64,
    /// SHA-256 of its text without the signature.
    pub hash: ModuleHash,
}

/// A policy whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedPolicy {
    /// What it says.
    pub document: PolicyDocument,
    /// Who signed it.
    pub signer: PublicKey,
    /// Which of the signer's policies it is.
    pub version: PolicyVersion,
    /// When it was signed, in seconds since 1970.
    pub issued_at: u64,
}

impl SignedPolicy {
    /// Signs a policy's text: returns it with the signature as its last line, in place of one that
    /// it had. The policy must be one that is taken.
    ///
    /// ```
    /// use capability_claims::{KeyKind, KeyPair, SignedPolicy};
    ///
    /// let owner = KeyPair::generate(KeyKind::Account)?;
    /// let signed = SignedPolicy::sign("clock_skew_seconds = 5\n[end]\nentries = 1\n", 1, &owner)?;
    /// assert_eq!(SignedPolicy::verify(&signed, owner.public_key())?.version.serial, 1);
    /// assert!(SignedPolicy::verify(&signed.replace("= 5", "= 6"), owner.public_key()).is_err());
    /// # Ok::<(), capability_claims::ClaimsError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`PolicyDocument::from_toml`] and [`PolicyDocument::into_policy`],
    /// [`ClaimsError::WrongKeyKind`] when the key is neither an account's nor an operator's,
    /// [`ClaimsError::NoRandomness`].
    pub fn sign(text: &str, serial: u64, key: &KeyPair) -> Result<String, ClaimsError> {
        let signer = signer_of_kind(key.public_key())?;
        let body = split(text).map_or(text, |(body, _)| body);
        PolicyDocument::from_toml(body)?.into_policy()?;
        let mut signed = body.to_owned();
        if !signed.is_empty() && !signed.ends_with('\n') {
            signed.push('\n');
        }
        let about = AboutPolicy { policy: hash(&signed), serial };
        let token = token::write(&Times::default().claims(signer, signer, about)?, key)?;
        signed.push_str(MARK);
        signed.push_str(&token);
        signed.push('\n');
        Ok(signed)
    }

    /// Reads a policy that this key must have signed.
    ///
    /// # Errors
    /// [`PolicyError::Unsigned`], [`PolicyError::OtherSigner`], [`PolicyError::Changed`],
    /// [`ClaimsError::Forged`], those of tokens, and those of [`PolicyDocument::from_toml`].
    pub fn verify(text: &str, signer: PublicKey) -> Result<Self, ClaimsError> {
        let (body, token) = split(text).ok_or(PolicyError::Unsigned { signer })?;
        let token = Token::<AboutPolicy>::parse(token)?;
        let claims = &token.claims;
        let actual = signer_of_kind(claims.issuer)?;
        if actual != signer || claims.subject != signer {
            return Err(PolicyError::OtherSigner { signer, actual }.into());
        }
        if !token.is_signed_by(&signer) {
            return Err(ClaimsError::Forged {
                subject: Label::new(Some("the policy"), signer),
                issuer: signer,
            });
        }
        if claims.expires.is_some() || claims.not_before.is_some() {
            let reason = "a policy's signature has no times of its own".to_owned();
            return Err(ClaimsError::MalformedToken { part: TokenPart::Claims, reason });
        }
        let hash = hash(body);
        if claims.about.policy != hash {
            return Err(PolicyError::Changed { signer }.into());
        }
        let version = PolicyVersion { serial: claims.about.serial, hash };
        let issued_at = claims.issued_at;
        Ok(Self { document: PolicyDocument::from_toml(body)?, signer, version, issued_at })
    }
}

/// Takes the policies of one signer, each newer than the one before: for a host that reads its
/// policy again while it runs, or in its next run.
#[derive(Debug, Clone)]
pub struct SignedPolicies {
    signer: PublicKey,
    newest: Option<PolicyVersion>,
}

impl SignedPolicies {
    /// Takes policies of this signer.
    #[must_use]
    pub fn of(signer: PublicKey) -> Self {
        Self { signer, newest: None }
    }

    /// Takes none that is older than this one, which was taken in an earlier run; any when that is `None`.
    #[must_use]
    pub fn since(mut self, newest: impl Into<Option<PolicyVersion>>) -> Self {
        let newest =
            newest.into().filter(|newest| self.newest.is_none_or(|taken| taken.serial < newest.serial));
        self.newest = newest.or(self.newest);
        self
    }

    /// Whose policies are taken.
    #[must_use]
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The newest one that was taken.
    #[must_use]
    pub fn newest(&self) -> Option<PolicyVersion> {
        self.newest
    }

    /// Reads a policy, and remembers it as the newest. The newest itself may be read again.
    ///
    /// # Errors
    /// Those of [`SignedPolicy::verify`], and [`PolicyError::Replayed`] for a lower serial number
    /// than the newest one's, or the same of another text.
    pub fn accept(&mut self, text: &str) -> Result<SignedPolicy, ClaimsError> {
        let policy = SignedPolicy::verify(text, self.signer)?;
        let (PolicyVersion { serial, hash }, issued_at) = (policy.version, policy.issued_at);
        if let Some(newest) = self.newest
            && (serial < newest.serial || serial == newest.serial && hash != newest.hash)
        {
            return Err(PolicyError::Replayed { serial, issued_at, newest: newest.serial }.into());
        }
        self.newest = Some(policy.version);
        Ok(policy)
    }
}

/// The text before the signature, and the signature, when the last line is one.
fn split(text: &str) -> Option<(&str, &str)> {
    let whole = text.trim_end();
    let start = whole.rfind('\n').map_or(0, |end| end + 1);
    Some((&whole[..start], whole[start..].strip_prefix(MARK)?))
}

fn hash(text: &str) -> ModuleHash {
    ModuleHash::from_digest(Sha256::digest(text.as_bytes()))
}

fn signer_of_kind(key: PublicKey) -> Result<PublicKey, ClaimsError> {
    key.of_signer("the signer of a policy that is not an operator")
}
