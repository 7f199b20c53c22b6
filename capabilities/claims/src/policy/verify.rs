//! Verifies a module before it may run.

use bytes::Bytes;

use crate::{
    chain::Chain,
    error::ClaimsError,
    modules::{file::ModuleFile, inspect::read_token},
    policy::{Provenance, TrustPolicy},
    tokens::ModuleClaims,
};

/// A module whose token was verified: signed by the account it names, unaltered since, in its time,
/// and trusted.
///
/// Only [`TrustPolicy::verify`] makes values of this type, so whoever holds one need not ask again
/// what was checked. Time goes on: [`TrustPolicy::check`] tells whether the claims still hold.
#[derive(Debug, Clone)]
pub struct VerifiedModule {
    claims: ModuleClaims,
    wasm: Bytes,
    /// Where in `wasm` the code ends, in bytes.
    code_end: usize,
    provenance: Provenance,
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

    /// The module's bytes without its token and without the chain that it carries: what is left is
    /// the same whoever signed the module and when, so a cache of compiled modules should go by
    /// this. Nothing is copied.
    #[must_use]
    pub fn code(&self) -> Bytes {
        self.wasm.slice(..self.code_end)
    }

    /// Who stands behind the module, link by link, as it was established when the module was verified.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Takes the value apart into its claims and its bytes.
    #[must_use]
    pub fn into_parts(self) -> (ModuleClaims, Bytes) {
        (self.claims, self.wasm)
    }
}

impl TrustPolicy {
    /// Verifies a module: frames, one token, its signature, the hash, the chain that it carries
    /// when it does, and then all that [`check`](Self::check) looks at, in this order.
    ///
    /// `now` is in seconds since 1970.
    ///
    /// # Errors
    /// The first thing that does not hold, each with its own variant of [`ClaimsError`].
    pub fn verify(&self, wasm: Bytes, now: u64) -> Result<VerifiedModule, ClaimsError> {
        let (claims, code_end) = read_whole(&wasm, None)?;
        self.admit(claims, wasm, code_end, now)
    }

    /// Verifies a module together with the chain's tokens that came beside it, the operator's first
    /// when it is there. They take the place of a chain inside the module, so an account's token
    /// can be renewed without signing its modules anew.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify) and of [`Chain::new`].
    pub fn verify_with_chain(
        &self,
        wasm: Bytes,
        tokens: &[&str],
        now: u64,
    ) -> Result<VerifiedModule, ClaimsError> {
        let (claims, code_end) = read_whole(&wasm, Some(tokens))?;
        self.admit(claims, wasm, code_end, now)
    }

    fn admit(
        &self,
        claims: ModuleClaims,
        wasm: Bytes,
        code_end: usize,
        now: u64,
    ) -> Result<VerifiedModule, ClaimsError> {
        let provenance = Provenance::of(&claims, self.ask(&claims, now).anchor()?);
        log::debug!("{} was verified: token {:?} of {}", claims.subject(), claims.id(), claims.issuer());
        Ok(VerifiedModule { claims, wasm, code_end, provenance })
    }
}

/// The claims of a module, its signature, hash and chain checked, and where its code ends.
fn read_whole(wasm: &[u8], beside: Option<&[&str]>) -> Result<(ModuleClaims, usize), ClaimsError> {
    let module = ModuleFile::read(wasm)?;
    let (claims, signed) = read_token(&module)?;
    if !signed {
        return Err(forged(&claims));
    }
    module.has_hash(claims.hash()).map_err(|actual| ClaimsError::Altered {
        subject: (&claims).into(),
        expected: claims.hash(),
        actual,
    })?;
    // Its place is checked in either case, for the code ends where it begins.
    module.chain()?;
    let chain = match beside {
        Some(tokens) => Some(Chain::new(tokens.iter().copied())?),
        None => Chain::inside(&module)?,
    };
    let claims = match chain {
        Some(chain) => claims.with_chain(chain)?,
        None => claims,
    };
    Ok((claims, module.code_end()))
}

fn forged(claims: &ModuleClaims) -> ClaimsError {
    ClaimsError::Forged { subject: claims.into(), issuer: claims.issuer() }
}
