//! Writes a policy in one canonical, complete form, whose hash tells two policies apart that decide
//! differently.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    keys::PublicKey,
    modules::ModuleHash,
    policy::{TrustPolicy, bindings::Owners, grants::Terms, standing::Standing},
    tokens::{AccountClaims, OperatorClaims, RotationClaims},
};

/// The form, as JSON. Whatever the policy decides by is part of it; a field that is added to a
/// policy belongs here.
#[derive(Serialize)]
struct Canonical<'a> {
    keys: BTreeMap<PublicKey, Key<'a>>,
    only_allowed: bool,
    vouchers: BTreeSet<Token<'a>>,
    modules: &'a BTreeMap<PublicKey, Owners>,
    names: BTreeMap<String, &'a Owners>,
    tags: &'a BTreeMap<Box<str>, Owners>,
    shared: &'a BTreeSet<PublicKey>,
    revoked_tokens: BTreeSet<&'a str>,
    max_life: Option<u64>,
    skew: u64,
}

#[derive(Serialize)]
struct Key<'a> {
    /// Trusted as an account, as an operator, revoked, denied, allowed.
    marks: [bool; 5],
    revoked_since: Option<u64>,
    minimum_revision: Option<i32>,
    limit: Option<BTreeMap<&'a str, Vec<Term<'a>>>>,
    rotation: Option<Token<'a>>,
    tokens: BTreeSet<Token<'a>>,
}

/// Links and operations of one grant.
type Term<'a> = (&'a Option<Vec<Box<str>>>, &'a Option<Vec<Box<str>>>);

/// Issuer, subject, id, issue, beginning and end of a token.
type Token<'a> = (PublicKey, PublicKey, &'a str, u64, Option<u64>, Option<u64>);

impl TrustPolicy {
    /// The SHA-256 of a canonical form of the policy: two policies that decide differently on any
    /// question have different ones, however they were written.
    #[must_use]
    pub fn hash(&self) -> ModuleHash {
        let text = serde_json::to_vec(&self.canonical())
            .expect("the form has only keys that are text, and nothing in it fails to be written");
        ModuleHash::from_digest(Sha256::digest(text))
    }

    fn canonical(&self) -> Canonical<'_> {
        let bindings = &self.bindings;
        Canonical {
            keys: self.standings().map(|(key, standing)| (key, Key::of(standing))).collect(),
            only_allowed: self.only_allowed,
            vouchers: self.vouchers.values().flatten().map(of_account).collect(),
            modules: &bindings.modules,
            names: bindings.names.iter().map(|(pattern, owners)| (pattern.to_string(), owners)).collect(),
            tags: &bindings.tags,
            shared: &bindings.shared,
            revoked_tokens: self.revoked_tokens.iter().map(|id| &**id).collect(),
            max_life: self.max_life,
            skew: self.skew,
        }
    }
}

impl<'a> Key<'a> {
    fn of(standing: &'a Standing) -> Self {
        let Standing { account, operator, revoked, denied, allowed, .. } = *standing;
        let terms =
            |terms: &'a [Terms]| terms.iter().map(|terms| (&terms.links, &terms.operations)).collect();
        let limit = standing.limit.as_deref();
        Self {
            marks: [account, operator, revoked, denied, allowed],
            revoked_since: standing.revoked_since,
            minimum_revision: standing.minimum_revision,
            limit: limit.map(|limit| limit.grants().map(|(id, all)| (id, terms(all))).collect()),
            rotation: standing.succeeded.as_deref().map(of_rotation),
            tokens: standing.tokens.iter().map(of_operator).collect(),
        }
    }
}

fn of_account(claims: &AccountClaims) -> Token<'_> {
    let (issued_at, begins, ends) = (claims.issued_at(), claims.not_before(), claims.expires());
    (claims.operator(), claims.account(), claims.id(), issued_at, begins, ends)
}

fn of_operator(claims: &OperatorClaims) -> Token<'_> {
    let (issued_at, begins, ends) = (claims.issued_at(), claims.not_before(), claims.expires());
    (claims.operator(), claims.operator(), claims.id(), issued_at, begins, ends)
}

fn of_rotation(claims: &RotationClaims) -> Token<'_> {
    let (begins, ends) = (Some(claims.handover()), Some(claims.overlap_end()));
    (claims.from(), claims.to(), claims.id(), claims.issued_at(), begins, ends)
}
