//! Verification: the road that every module takes before it may run, and a look at one that may not.

use bytes::Bytes;

use crate::{
    claims::{AboutModule, ModuleClaims},
    error::ClaimsError,
    module::ModuleFile,
    policy::TrustPolicy,
    token::{self, Token},
};

/// A module whose token was verified: signed by the account it names, unaltered since, in its time, and trusted.
///
/// Only [`TrustPolicy::verify`] makes values of this type, so whoever holds one need not ask again what was checked. Time goes
/// on: [`TrustPolicy::check`] tells whether the claims still hold.
#[derive(Debug, Clone)]
pub struct VerifiedModule {
    claims: ModuleClaims,
    wasm: Bytes,
}

impl VerifiedModule {
    /// What the token says about the module.
    #[must_use]
    pub fn claims(&self) -> &ModuleClaims {
        &self.claims
    }

    /// The module's bytes as they were given, token and all. Engines skip the token's section.
    #[must_use]
    pub fn wasm(&self) -> &Bytes {
        &self.wasm
    }

    /// Takes the value apart into its claims and its bytes.
    #[must_use]
    pub fn into_parts(self) -> (ModuleClaims, Bytes) {
        (self.claims, self.wasm)
    }
}

impl TrustPolicy {
    /// Verifies a module: frames, one token, its signature, the hash, the times, the trust in its issuer, in this order.
    ///
    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    /// The first thing that does not hold, each with its own variant of [`ClaimsError`].
    pub fn verify(&self, wasm: Bytes, now: u64) -> Result<VerifiedModule, ClaimsError> {
        let claims = {
            let module = ModuleFile::read(&wasm)?;
            let (claims, signed) = read_token(&module)?;
            if !signed {
                return Err(forged(&claims));
            }
            module.has_hash(claims.hash()).map_err(|actual| ClaimsError::Altered {
                name: claims.label(),
                subject: claims.subject(),
                expected: claims.hash(),
                actual,
            })?;
            claims
        };
        self.check(&claims, now)?;
        log::debug!("{} was verified: token {:?} of {}", claims.subject(), claims.id(), claims.issuer());
        Ok(VerifiedModule { claims, wasm })
    }
}

/// What a look at a module's token found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// What the token says. Believe it only when both marks below are set, and then only as much as you believe the issuer.
    pub claims: ModuleClaims,
    /// Whether the signature is that of the issuer whom the claims name.
    pub signature: bool,
    /// Whether the module is the one whose hash the claims give.
    pub hash: bool,
}

impl Inspection {
    /// Whether the issuer whom the claims name signed this very module.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.signature && self.hash
    }
}

/// Reads the token of a module and says whether signature and hash hold. Times and trust are not judged.
///
/// # Errors
/// What keeps the token from being read at all, such as [`ClaimsError::NotSigned`] and [`ClaimsError::MalformedToken`].
pub fn inspect(wasm: &[u8]) -> Result<Inspection, ClaimsError> {
    let module = ModuleFile::read(wasm)?;
    let (claims, signature) = read_token(&module)?;
    let hash = module.has_hash(claims.hash()).is_ok();
    Ok(Inspection { claims, signature, hash })
}

/// The claims, and whether they are signed by the account that they name.
fn read_token(module: &ModuleFile<'_>) -> Result<(ModuleClaims, bool), ClaimsError> {
    let text = token::as_text(module.token_at_the_end()?)?;
    let token = Token::<AboutModule>::parse(text)?;
    let signed = token.is_signed_by(&token.claims.issuer);
    Ok((ModuleClaims::new(token.claims)?, signed))
}

fn forged(claims: &ModuleClaims) -> ClaimsError {
    ClaimsError::Forged { name: claims.label(), subject: claims.subject(), issuer: claims.issuer() }
}
