//! Makes names of strangers' choosing fit for messages.

use capability_claims::ModuleClaims;
use untrusted_text::Shown;

/// A name of a guest's or an issuer's choosing, cut and in one harmless line.
pub(crate) fn shown(name: &str) -> String {
    Shown::new(name).to_string()
}

/// What a module is called in messages.
pub(crate) fn of(claims: &ModuleClaims) -> Box<str> {
    claims.name().map_or_else(|| "unnamed module".into(), |name| shown(name).into())
}
