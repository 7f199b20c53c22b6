//! Names of strangers' choosing, made fit for messages.

use capability_claims::ModuleClaims;

/// The longest name that is repeated, in characters.
const LONGEST: usize = 128;

/// A name of a guest's or an issuer's choosing, cut and without control characters.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What a module is called in messages.
pub(crate) fn of(claims: &ModuleClaims) -> Box<str> {
    claims.name().map_or_else(|| "unnamed module".into(), |name| shown(name).into())
}
