//! Reads and writes account tokens, by which an operator vouches for an account.

use crate::{
    error::ClaimsError,
    keys::{KeyKind, KeyPair, PublicKey},
    tokens::{
        claims::Claims,
        signer::{AboutSigner, signer_claims},
        times::{Times, time_setters},
        token::{self, Token},
    },
};

/// What a token says about an account, its signature checked: the operator that it names signed it.
///
/// Whether this operator is trusted, and whether the token is in its time, is for the
/// [`TrustPolicy`](crate::TrustPolicy) to say each time that it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountClaims(Claims<AboutSigner>);

signer_claims!(AccountClaims);

impl AccountClaims {
    /// Reads an account's token and checks its signature.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedToken`], [`ClaimsError::UnsupportedAlgorithm`],
    /// [`ClaimsError::TokenTooLarge`], [`ClaimsError::WrongKeyKind`] when it was not issued by an
    /// operator for an account, [`ClaimsError::Forged`].
    pub fn verify(text: &str) -> Result<Self, ClaimsError> {
        let token = Token::<AboutSigner>::parse(text)?;
        let operator = token.claims.issuer.of_kind(KeyKind::Operator, "the issuer of an account's token")?;
        token.claims.subject.of_kind(KeyKind::Account, "the subject of an account's token")?;
        let signed = token.is_signed_by(&operator);
        let claims = Self(token.claims);
        if signed {
            Ok(claims)
        } else {
            Err(ClaimsError::Forged { subject: (&claims).into(), issuer: operator })
        }
    }

    /// The operator that vouches for the account (`iss`).
    #[must_use]
    pub fn operator(&self) -> PublicKey {
        self.0.issuer
    }

    /// The account (`sub`).
    #[must_use]
    pub fn account(&self) -> PublicKey {
        self.0.subject
    }
}

/// What an operator is to say about an account.
///
/// ```
/// use capability_claims::{AccountBuilder, AccountClaims, KeyKind, KeyPair};
///
/// let operator = KeyPair::generate(KeyKind::Operator)?;
/// let account = KeyPair::generate(KeyKind::Account)?;
/// let token = AccountBuilder::new(account.public_key()).name("team red").issue(&operator)?;
/// assert_eq!(AccountClaims::verify(&token)?.operator(), operator.public_key());
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct AccountBuilder {
    account: PublicKey,
    name: Option<String>,
    times: Times,
}

impl AccountBuilder {
    /// Claims about this account that do not expire.
    #[must_use]
    pub fn new(account: PublicKey) -> Self {
        Self { account, name: None, times: Times::default() }
    }

    /// The account's name for people.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    time_setters!();

    /// Writes the token's text and signs it.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the signer is no operator or the subject no account,
    /// [`ClaimsError::NeverValid`], [`ClaimsError::TokenTooLarge`], [`ClaimsError::NoRandomness`].
    pub fn issue(&self, operator: &KeyPair) -> Result<String, ClaimsError> {
        let account = self.account.of_kind(KeyKind::Account, "the key that an operator vouches for")?;
        let issuer =
            operator.public_key().of_kind(KeyKind::Operator, "the key that signs an account's token")?;
        let about = AboutSigner::named(self.name.clone());
        token::write(&self.times.claims(issuer, account, about)?, operator)
    }
}
