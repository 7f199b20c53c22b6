//! Inspects a module's token without deciding whether to trust it.

use crate::{
    error::ClaimsError,
    keys::KeyKind,
    modules::{extract, file::ModuleFile},
    tokens::{
        Label, ModuleClaims,
        module::AboutModule,
        token::{self, Token},
    },
};

/// What a look at a module's token found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// What the token says. Believe it only when both marks below are set, and then only as much as
    /// you believe the issuer.
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
/// What keeps the token from being read at all, such as [`ClaimsError::NotSigned`] and
/// [`ClaimsError::MalformedToken`].
pub fn inspect(wasm: &[u8]) -> Result<Inspection, ClaimsError> {
    let module = ModuleFile::read(wasm)?;
    let (claims, signature) = read_token(&module)?;
    let hash = module.has_hash(claims.hash()).is_ok();
    Ok(Inspection { claims, signature, hash })
}

/// The claims, and whether they are signed by the account that they name.
pub(crate) fn read_token(module: &ModuleFile<'_>) -> Result<(ModuleClaims, bool), ClaimsError> {
    let text = token::as_text(module.token_at_the_end()?)?;
    let token = Token::<AboutModule>::parse(text)?;
    let signed = token.is_signed_by(&token.claims.issuer);
    Ok((ModuleClaims::new(token.claims)?, signed))
}

impl Label {
    /// Who a module says that it is, when it has a token whose claims can be read. None of it is
    /// proven: neither the signature nor the hash is looked at, so that a module that is refused
    /// for either can be called by its name.
    #[must_use]
    pub fn read(wasm: &[u8]) -> Option<Self> {
        let claims = token::claims_of::<AboutModule>(extract(wasm).ok()?).ok()?;
        let of_module = claims.subject.kind() == KeyKind::Module;
        of_module.then(|| Self::new(claims.about.name.as_deref(), claims.subject))
    }
}
