//! Reads and writes operator tokens, by which an operator names itself at the root of a chain.

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

/// What an operator's token says, its signature checked: the operator signed it itself.
///
/// That gives it a name and a time, no trust: anybody can make such a token. Whether the operator
/// is trusted is for the [`TrustPolicy`](crate::TrustPolicy) to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorClaims(Claims<AboutSigner>);

signer_claims!(OperatorClaims);

impl OperatorClaims {
    /// Reads an operator's token and checks its signature.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedToken`], [`ClaimsError::UnsupportedAlgorithm`],
    /// [`ClaimsError::TokenTooLarge`], [`ClaimsError::WrongKeyKind`] when it is not about an
    /// operator, [`ClaimsError::NotSelfIssued`], [`ClaimsError::Forged`].
    pub fn verify(text: &str) -> Result<Self, ClaimsError> {
        let token = Token::<AboutSigner>::parse(text)?;
        let issuer = token.claims.issuer.of_kind(KeyKind::Operator, "the issuer of an operator's token")?;
        let subject =
            token.claims.subject.of_kind(KeyKind::Operator, "the subject of an operator's token")?;
        let signed = token.is_signed_by(&issuer);
        let claims = Self(token.claims);
        if !signed {
            return Err(ClaimsError::Forged { subject: (&claims).into(), issuer });
        }
        if issuer != subject {
            return Err(ClaimsError::NotSelfIssued { subject: (&claims).into(), issuer });
        }
        Ok(claims)
    }

    /// The operator (`iss` and `sub`).
    #[must_use]
    pub fn operator(&self) -> PublicKey {
        self.0.subject
    }
}

/// What an operator is to say of itself.
///
/// ```
/// use capability_claims::{KeyKind, KeyPair, OperatorBuilder, OperatorClaims};
///
/// let operator = KeyPair::generate(KeyKind::Operator)?;
/// let token = OperatorBuilder::new().name("the house").issue(&operator)?;
/// assert_eq!(OperatorClaims::verify(&token)?.operator(), operator.public_key());
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct OperatorBuilder {
    name: Option<String>,
    times: Times,
}

impl OperatorBuilder {
    /// Claims without a name that do not expire.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The operator's name for people.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    time_setters!();

    /// Writes the token's text and signs it.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the key is no operator's, [`ClaimsError::NeverValid`],
    /// [`ClaimsError::TokenTooLarge`], [`ClaimsError::NoRandomness`].
    pub fn issue(&self, operator: &KeyPair) -> Result<String, ClaimsError> {
        let key =
            operator.public_key().of_kind(KeyKind::Operator, "the key that signs an operator's token")?;
        let about = AboutSigner::named(self.name.clone());
        token::write(&self.times.claims(key, key, about)?, operator)
    }
}
