//! Reads the entries of a policy's document one by one, so that a mistake is told with its place.

use std::collections::BTreeMap;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Deserializer, de};

use crate::{
    error::ClaimsError,
    keys::{KeyKind, KeyPair, PublicKey},
    policy::pattern::NamePattern,
    tokens::{AccountClaims, OperatorClaims, RotationClaims},
};

pub(super) const ACCOUNTS: &str = "a key in `accounts`";
pub(super) const OPERATORS: &str = "a key in `operators`";

pub(super) fn of_kind(
    keys: Vec<PublicKey>,
    kind: KeyKind,
    role: &'static str,
) -> Result<Vec<PublicKey>, ClaimsError> {
    keys.into_iter().map(|key| key.of_kind(kind, role)).collect()
}

/// Keys of one kind. That the kind is right is seen while the document is read, where the error
/// still knows its place.
fn keys<'de, D: Deserializer<'de>>(
    deserializer: D,
    kind: KeyKind,
    role: &'static str,
) -> Result<Vec<PublicKey>, D::Error> {
    each(deserializer, |text| PublicKey::parse(text)?.of_kind(kind, role))
}

/// A list whose entries are read one by one, so that an error says which one is wrong.
fn each<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, ClaimsError>,
) -> Result<Vec<T>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let entries = texts.iter().zip(1..).map(|(text, entry)| {
        read(text).map_err(|error| de::Error::custom(format_args!("entry {entry} of the list: {error}")))
    });
    entries.collect()
}

pub(super) fn revoked_keys<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    each(deserializer, PublicKey::parse)
}

pub(super) fn accounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Account, ACCOUNTS)
}

pub(super) fn operators<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Operator, OPERATORS)
}

pub(super) fn allowed_actors<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<PublicKey>>, D::Error> {
    keys(deserializer, KeyKind::Module, "a key in `actors.allowed`").map(Some)
}

pub(super) fn denied_actors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Module, "a key in `actors.denied`")
}

pub(super) fn minimum_revision<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<PublicKey, i32>, D::Error> {
    let revisions = BTreeMap::<PublicKey, i32>::deserialize(deserializer)?;
    for key in revisions.keys() {
        key.of_kind(KeyKind::Module, "a key in `actors.minimum_revision`").map_err(de::Error::custom)?;
    }
    Ok(revisions)
}

pub(super) fn issuers<'de, D: Deserializer<'de>, R: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<PublicKey, R>, D::Error> {
    let issuers = BTreeMap::<PublicKey, R>::deserialize(deserializer)?;
    for key in issuers.keys() {
        key.of_signer("a key in `issuers` that is not an operator's").map_err(de::Error::custom)?;
    }
    Ok(issuers)
}

pub(super) fn shared_actors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Operator, "a key in `shared_actors`")
}

pub(super) fn owners<'de, D: Deserializer<'de>, R: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<PublicKey, R>, D::Error> {
    let owners = BTreeMap::<PublicKey, R>::deserialize(deserializer)?;
    for key in owners.keys() {
        key.of_signer("a key in `owners` that is not an operator's").map_err(de::Error::custom)?;
    }
    Ok(owners)
}

pub(super) fn owned_modules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PublicKey>, D::Error> {
    keys(deserializer, KeyKind::Module, "a key in `owners.modules`")
}

pub(super) fn owned_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    each(deserializer, |pattern| NamePattern::parse(pattern).map(|_| pattern.to_owned()))
}

pub(super) fn account_tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    each(deserializer, |token| AccountClaims::verify(token).map(|_| token.to_owned()))
}

pub(super) fn operator_tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    each(deserializer, |token| OperatorClaims::verify(token).map(|_| token.to_owned()))
}

pub(super) fn rotations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    each(deserializer, |token| RotationClaims::verify(token).map(|_| token.to_owned()))
}

/// The most bytes of a name or an id in a policy.
const LONGEST_WORD: usize = 1024;

/// A capability, a link, an operation or a tag: what is never so is a slip that would make the
/// entry one without effect.
fn word<E: de::Error>(text: &str) -> Result<(), E> {
    let wrong = |reason: &str| Err(E::custom(reason));
    match text {
        "" => wrong("it is empty; write the whole name"),
        _ if text.trim() != text => wrong("there is white space around it; take it away"),
        _ if text.contains(char::is_control) => wrong("there is a control character in it; take it away"),
        _ if text.len() > LONGEST_WORD => {
            wrong("it is longer than 1,024 bytes; copy the name and nothing else")
        }
        _ => Ok(()),
    }
}

/// A list of such names.
fn checked_words<E: de::Error>(texts: &[impl AsRef<str>]) -> Result<(), E> {
    texts.iter().zip(1..).try_for_each(|(text, entry)| {
        word::<E>(text.as_ref())
            .map_err(|error| E::custom(format_args!("entry {entry} of the list: {error}")))
    })
}

pub(super) fn capability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    word(&text).map(|()| text)
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Box<str>>>, D::Error> {
    let texts = Vec::<Box<str>>::deserialize(deserializer)?;
    checked_words(&texts).map(|()| Some(texts))
}

pub(super) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    checked_words(&texts).map(|()| texts)
}

/// Ids of tokens. Anything can be one, but what is certainly none would revoke nothing.
pub(super) fn token_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    for (text, entry) in texts.iter().zip(1..) {
        if let Err(error) = word::<D::Error>(text) {
            return Err(de::Error::custom(format_args!("entry {entry} of the list: {error}")));
        }
        if let Some(reason) = no_id(text) {
            return Err(de::Error::custom(format_args!("entry {entry} of the list: {reason}")));
        }
    }
    Ok(texts)
}

/// Why this is certainly no token's id.
fn no_id(text: &str) -> Option<&'static str> {
    if text.starts_with("eyJ") && text.matches('.').count() == 2 {
        return Some("this is a token where its id belongs; `wascc inspect` shows the id (jti)");
    }
    let upper = text.to_ascii_uppercase();
    if PublicKey::parse(&upper).is_ok() {
        return Some("this is a key where a token's id belongs; revoke keys under `revoked.keys`");
    }
    if text.len() == 58 && KeyPair::from_seed(&upper).is_ok() {
        return Some(
            "this is a secret seed where a token's id belongs; take it out of here, and do not use it any more",
        );
    }
    let is_own = |text: &str| text.len() == 26 && BASE32_NOPAD.decode(text.as_bytes()).is_ok();
    (is_own(&upper) && !is_own(text))
        .then_some("ids of this form are written in upper-case letters; copy it as it stands in the token")
}
