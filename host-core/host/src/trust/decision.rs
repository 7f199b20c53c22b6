//! Decides by one policy, or by several of which each must agree.

use std::sync::Arc;

use bytes::Bytes;
use capability_claims::{
    Access, ClaimsError, ModuleClaims, Owner, Permit, Takeover, TrustPolicy, VerifiedModule,
};

/// The policies that decide at one moment: the one that is recorded, and behind it those that wait for a record. What every one of
/// them allows is allowed, so that a policy which could not be recorded takes away at once and gives nothing yet.
#[derive(Debug, Clone)]
pub(crate) struct Trust(Arc<[Arc<TrustPolicy>]>);

impl Trust {
    /// One policy decides alone.
    pub(crate) fn of(policy: Arc<TrustPolicy>) -> Self {
        Self(Arc::new([policy]))
    }

    /// The first one and the others have to agree.
    pub(crate) fn of_all(first: Arc<TrustPolicy>, others: impl Iterator<Item = Arc<TrustPolicy>>) -> Self {
        Self(std::iter::once(first).chain(others).collect())
    }

    /// Whether both are the same decision, not merely an equal one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The policy that was given last.
    pub(crate) fn newest(&self) -> &Arc<TrustPolicy> {
        self.0.last().expect("there is always a policy that decides")
    }

    /// The only way from bytes to a module that a host runs. A chain that is given beside the module takes the place of one inside
    /// it.
    pub(crate) fn verify(
        &self,
        wasm: Bytes,
        chain: Option<&[String]>,
        now: u64,
    ) -> Result<VerifiedModule, ClaimsError> {
        let verified = match chain {
            None => self.newest().verify(wasm, now)?,
            Some(tokens) => {
                let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
                self.newest().verify_with_chain(wasm, &tokens, now)?
            }
        };
        self.check(verified.claims(), now)?;
        Ok(verified)
    }

    /// Whether a module's claims hold at `now`.
    pub(crate) fn check(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        self.0.iter().try_for_each(|policy| policy.check(claims, now))
    }

    /// Why a module may take the place of another of the same key, which belongs to this owner. Every policy has to agree; the newest one's reason is told.
    pub(crate) fn may_take_over(
        &self,
        owner: Owner,
        offered: &ModuleClaims,
        now: u64,
    ) -> Result<Takeover, ClaimsError> {
        for policy in self.0.iter() {
            policy.may_take_over_from(owner, offered, now)?;
        }
        self.newest().may_take_over_from(owner, offered, now)
    }

    /// Whether a module may do this at `now`.
    pub(crate) fn allows(
        &self,
        claims: &ModuleClaims,
        access: &Access<'_>,
        now: u64,
    ) -> Result<(), ClaimsError> {
        self.0.iter().try_for_each(|policy| policy.allows(claims, access, now))
    }

    /// The prepared decision about a module; `None` when its claims do not hold at `now`.
    pub(crate) fn permits(&self, claims: &ModuleClaims, now: u64) -> Option<Permits> {
        let (first, others) = self.0.split_first()?;
        let others: Option<Box<[_]>> = others.iter().map(|policy| policy.permit(claims, now).ok()).collect();
        Some(Permits { first: first.permit(claims, now).ok()?, others: others? })
    }
}

/// The prepared decision of one policy, or of several together.
pub(crate) struct Permits {
    first: Permit,
    /// Empty unless policies wait for a record.
    others: Box<[Permit]>,
}

impl Permits {
    /// Whether the module may run at `now`.
    pub(crate) fn check(&self, now: u64) -> Result<(), ClaimsError> {
        self.first.check(now)?;
        self.others.iter().try_for_each(|permit| permit.check(now))
    }

    /// Whether the module may do this at `now`.
    pub(crate) fn allows(&self, access: &Access<'_>, now: u64) -> Result<(), ClaimsError> {
        self.first.allows(access, now)?;
        self.others.iter().try_for_each(|permit| permit.allows(access, now))
    }

    /// Whether the permits themselves know that the module may do this at `now`. Where they do not, it may be allowed all the same.
    #[inline]
    pub(crate) fn remember(&self, access: &Access<'_>, now: u64) -> bool {
        self.first.remembers(access, now) && self.others.iter().all(|permit| permit.remembers(access, now))
    }

    /// What the module may use, in the order of the ids. Of several policies only what all say in the same words.
    pub(crate) fn allowed(&self) -> Vec<String> {
        let words = |permit: &Permit| {
            let mut words: Vec<_> = permit.granted().map(|grant| grant.to_string()).collect();
            words.dedup();
            words
        };
        let mut allowed = words(&self.first);
        for permit in &self.others {
            let others: std::collections::HashSet<_> = words(permit).into_iter().collect();
            allowed.retain(|grant| others.contains(grant));
        }
        allowed
    }
}
