//! The texts about what a policy does not allow.

use std::fmt::{Formatter, Result};

use crate::{keys::PublicKey, shown::Shown};

pub(super) fn not_trusted(
    name: &str,
    subject: &PublicKey,
    issuer: &PublicKey,
    f: &mut Formatter<'_>,
) -> Result {
    write!(
        f,
        "nobody here trusts {issuer}, who signed \"{}\" ({subject}); if you do, add this account or its operator to the \
         trust policy",
        Shown(name)
    )
}

pub(super) fn key_revoked(name: &str, subject: &PublicKey, key: &PublicKey, f: &mut Formatter<'_>) -> Result {
    write!(
        f,
        "the key {key} is revoked here, and \"{}\" ({subject}) depends on it; have the module signed anew with keys that \
         are not",
        Shown(name)
    )
}

pub(super) fn token_revoked(name: &str, subject: &PublicKey, id: &str, f: &mut Formatter<'_>) -> Result {
    write!(
        f,
        "the token \"{}\" is revoked here, and \"{}\" ({subject}) depends on it; get a new token from its issuer",
        Shown(id),
        Shown(name)
    )
}

pub(super) fn actor_denied(name: &str, subject: &PublicKey, f: &mut Formatter<'_>) -> Result {
    let name = Shown(name);
    write!(
        f,
        "the policy denies \"{name}\" ({subject}); if it should run here, take its key from the denied actors"
    )
}

pub(super) fn actor_not_allowed(name: &str, subject: &PublicKey, f: &mut Formatter<'_>) -> Result {
    let name = Shown(name);
    write!(
        f,
        "the policy does not allow \"{name}\" ({subject}); if it should run here, add its key to the allowed actors"
    )
}

pub(super) fn revision_too_low(
    name: &str,
    subject: &PublicKey,
    revision: &Option<i32>,
    minimum: &i32,
    f: &mut Formatter<'_>,
) -> Result {
    let revision = revision.map_or("no revision".to_owned(), |revision| format!("the revision {revision}"));
    write!(
        f,
        "\"{}\" ({subject}) has {revision}, and the policy asks for {minimum} at least; load a newer version",
        Shown(name)
    )
}

pub(super) fn never_expires(name: &str, subject: &PublicKey, limit: &u64, f: &mut Formatter<'_>) -> Result {
    write!(
        f,
        "the token of \"{}\" ({subject}) never expires, and the policy allows {limit} seconds; have the module signed with \
         an end",
        Shown(name)
    )
}

pub(super) fn lives_too_long(
    name: &str,
    subject: &PublicKey,
    life: &u64,
    limit: &u64,
    f: &mut Formatter<'_>,
) -> Result {
    write!(
        f,
        "the token of \"{}\" ({subject}) is good for {life} seconds, and the policy allows {limit}; have the module signed \
         for a shorter time",
        Shown(name)
    )
}

pub(super) fn not_granted(
    name: &str,
    subject: &PublicKey,
    capability: &str,
    f: &mut Formatter<'_>,
) -> Result {
    let (name, capability) = (Shown(name), Shown(capability));
    write!(
        f,
        "\"{name}\" ({subject}) is not granted {capability}; have the module signed with this capability if it should have it"
    )
}

pub(super) fn capability_beyond_limit(
    name: &str,
    subject: &PublicKey,
    issuer: &PublicKey,
    capability: &str,
    f: &mut Formatter<'_>,
) -> Result {
    let (name, capability) = (Shown(name), Shown(capability));
    write!(
        f,
        "\"{name}\" ({subject}) may not use {capability}: the policy does not let {issuer} grant it; if it should, add the \
         capability to the limit of this issuer"
    )
}

pub(super) fn malformed_policy(line: &usize, field: &str, reason: &str, f: &mut Formatter<'_>) -> Result {
    let (field, reason) = (Shown(field), Shown(reason));
    write!(f, "the policy cannot be read, line {line}, \"{field}\": {reason}; correct it there")
}
