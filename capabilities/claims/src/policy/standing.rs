//! Holds what a policy says about one key.

use std::sync::Arc;

use crate::{
    keys::PublicKey,
    policy::grants::Limit,
    tokens::{OperatorClaims, RotationClaims},
};

/// What the policy says about one key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) account: bool,
    pub(crate) operator: bool,
    pub(crate) revoked: bool,
    pub(crate) denied: bool,
    pub(crate) allowed: bool,
    pub(crate) minimum_revision: Option<i32>,
    pub(crate) limit: Option<Arc<Limit>>,
    /// The second from which on it is revoked, if that is known.
    pub(crate) revoked_since: Option<u64>,
    /// The rotation by which it took over.
    pub(crate) succeeds: Option<Arc<RotationClaims>>,
    /// The rotation by which it hands over.
    pub(crate) succeeded: Option<Arc<RotationClaims>>,
    /// An operator's own tokens, one of which must hold wherever it is to vouch for an account.
    pub(crate) tokens: Vec<OperatorClaims>,
}

/// A key beside what the policy says about it, so that it is looked up once for each question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    pub(crate) key: PublicKey,
    pub(crate) standing: &'a Standing,
}

/// What holds for a key that the policy does not name.
pub(super) static UNNAMED: Standing = Standing {
    account: false,
    operator: false,
    revoked: false,
    denied: false,
    allowed: false,
    minimum_revision: None,
    limit: None,
    revoked_since: None,
    succeeds: None,
    succeeded: None,
    tokens: Vec::new(),
};
