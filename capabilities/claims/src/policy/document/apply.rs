//! Makes the policy that a document describes.

use std::time::Duration;

use super::{ActorRules, IssuerRules, OwnerRules, PolicyDocument, Revoked, read};
use crate::{
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
    policy::{Grant, GrantLimit, TrustPolicy},
};

impl PolicyDocument {
    /// The policy that the document describes.
    ///
    /// # Errors
    /// [`PolicyError::NotWhole`](crate::PolicyError::NotWhole) when it has another number of
    /// entries than its end says, [`ClaimsError::TooMany`], [`ClaimsError::Rotation`] when
    /// rotations contradict each other, [`ClaimsError::WrongKeyKind`] for a key in the wrong place,
    /// and the errors of [`TrustPolicy::account_token`]. A document that was deserialised has
    /// neither of the latter two; one that was put together by hand may.
    pub fn into_policy(self) -> Result<TrustPolicy, ClaimsError> {
        self.check_whole()?;
        let mut policy = TrustPolicy::nobody().clock_skew(Duration::from_secs(self.clock_skew_seconds));
        if let Some(life) = self.max_token_life_seconds {
            policy = policy.max_token_life(Duration::from_secs(life));
        }
        for account in read::of_kind(self.accounts, KeyKind::Account, read::ACCOUNTS)? {
            policy = policy.account(account);
        }
        for operator in read::of_kind(self.operators, KeyKind::Operator, read::OPERATORS)? {
            policy = policy.operator(operator);
        }
        for token in &self.operator_tokens {
            policy = policy.operator_token(token)?;
        }
        for token in &self.rotations {
            policy = policy.rotation(token)?;
        }
        for token in &self.account_tokens {
            policy = policy.account_token(token)?;
        }
        for (issuer, rules) in self.issuers {
            policy = policy.limit(issuer, rules.into_limit())?;
        }
        for operator in self.shared_actors {
            policy = policy.share_actors(operator)?;
        }
        for (owner, rules) in self.owners {
            policy = rules.apply(policy, owner)?;
        }
        self.actors.apply(self.revoked.apply(policy))
    }
}

impl ActorRules {
    fn apply(self, mut policy: TrustPolicy) -> Result<TrustPolicy, ClaimsError> {
        policy.only_allowed |= self.allowed.is_some();
        for actor in self.allowed.into_iter().flatten() {
            policy = policy.allow_actor(actor)?;
        }
        for actor in self.denied {
            policy = policy.deny_actor(actor)?;
        }
        for (actor, revision) in self.minimum_revision {
            policy = policy.minimum_revision(actor, revision)?;
        }
        Ok(policy)
    }
}

impl Revoked {
    fn apply(self, policy: TrustPolicy) -> TrustPolicy {
        let policy = self.keys.into_iter().fold(policy, TrustPolicy::revoke_key);
        let policy =
            self.since.into_iter().fold(policy, |policy, (key, since)| policy.revoke_key_since(key, since));
        self.tokens.into_iter().fold(policy, TrustPolicy::revoke_token)
    }
}

impl OwnerRules {
    fn apply(self, mut policy: TrustPolicy, owner: PublicKey) -> Result<TrustPolicy, ClaimsError> {
        for module in self.modules {
            policy = policy.bind_module(module, owner)?;
        }
        for pattern in &self.names {
            policy = policy.bind_name(pattern, owner)?;
        }
        for tag in self.tags {
            policy = policy.bind_tag(tag, owner)?;
        }
        Ok(policy)
    }
}

impl IssuerRules {
    fn into_limit(self) -> GrantLimit {
        let grants = self.grants.into_iter();
        grants
            .map(|rule| Grant::exactly(rule.capability.into(), rule.links, rule.operations))
            .fold(GrantLimit::nothing(), GrantLimit::and)
    }
}
