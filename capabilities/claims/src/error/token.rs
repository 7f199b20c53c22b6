//! The texts about tokens: who wrote them, and when they are good.

use std::fmt::{Formatter, Result};

use crate::{clock::Moment, hash::ModuleHash, keys::PublicKey, shown::Shown};

pub(super) fn unsupported_algorithm(algorithm: &str, f: &mut Formatter<'_>) -> Result {
    let algorithm = Shown(algorithm);
    write!(
        f,
        "the token is signed with the algorithm \"{algorithm}\" where only Ed25519 is accepted; sign the module anew"
    )
}

pub(super) fn forged(name: &str, subject: &PublicKey, issuer: &PublicKey, f: &mut Formatter<'_>) -> Result {
    write!(
        f,
        "the token of \"{}\" ({subject}) is forged: its signature is not that of {issuer}, who is said to have issued it; \
         do not use it, get it from its issuer",
        Shown(name)
    )
}

pub(super) fn altered(
    name: &str,
    subject: &PublicKey,
    expected: &ModuleHash,
    actual: &ModuleHash,
    f: &mut Formatter<'_>,
) -> Result {
    write!(
        f,
        "\"{}\" ({subject}) was altered after it was signed: the token says SHA-256 {expected}, the module has {actual}; \
         get the original file or have this one signed",
        Shown(name)
    )
}

pub(super) fn not_self_issued(
    name: &str,
    subject: &PublicKey,
    issuer: &PublicKey,
    f: &mut Formatter<'_>,
) -> Result {
    let name = Shown(name);
    write!(
        f,
        "the token of the operator \"{name}\" ({subject}) was issued by {issuer}; an operator issues its own, get that"
    )
}

pub(super) fn expired(
    name: &str,
    subject: &PublicKey,
    expired_at: &u64,
    now: &u64,
    f: &mut Formatter<'_>,
) -> Result {
    let (name, end, now) = (Shown(name), Moment(*expired_at), Moment(*now));
    write!(
        f,
        "the token of \"{name}\" ({subject}) expired at {end}, it is {now} now; have the module signed anew"
    )
}

pub(super) fn not_yet_valid(
    name: &str,
    subject: &PublicKey,
    not_before: &u64,
    now: &u64,
    f: &mut Formatter<'_>,
) -> Result {
    let (name, start, now) = (Shown(name), Moment(*not_before), Moment(*now));
    write!(
        f,
        "the token of \"{name}\" ({subject}) is not valid before {start}, it is {now} now; wait, or have the module signed anew"
    )
}

pub(super) fn operator_expired(
    name: &str,
    operator: &PublicKey,
    expired_at: &u64,
    now: &u64,
    f: &mut Formatter<'_>,
) -> Result {
    let (name, end, now) = (Shown(name), Moment(*expired_at), Moment(*now));
    write!(
        f,
        "the token of the operator \"{name}\" ({operator}) expired at {end}, it is {now} now; get a new operator token"
    )
}

pub(super) fn operator_not_yet_valid(
    name: &str,
    operator: &PublicKey,
    not_before: &u64,
    now: &u64,
    f: &mut Formatter<'_>,
) -> Result {
    let (name, start, now) = (Shown(name), Moment(*not_before), Moment(*now));
    write!(
        f,
        "the token of the operator \"{name}\" ({operator}) is not valid before {start}, it is {now} now; wait, or get a new \
         operator token"
    )
}

pub(super) fn never_valid(not_before: &u64, expires: &u64, f: &mut Formatter<'_>) -> Result {
    let (start, end) = (Moment(*not_before), Moment(*expires));
    write!(
        f,
        "the token would expire at {end}, before it becomes valid at {start}; let it expire later or begin earlier"
    )
}
