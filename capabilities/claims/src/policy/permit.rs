//! Prepares the decision about a module once, so that each call is a look-up.

use std::{ops::Range, sync::Arc};

use crate::{
    error::ClaimsError,
    policy::{
        TrustPolicy,
        allowed::Allowed,
        check::{Anchor, Question},
        grants::{Access, Limit, Terms, any_allows},
    },
    tokens::ModuleClaims,
};

/// Up to so many grants are compared one by one, since most differ in length; among more a binary
/// search is faster.
const FEW: usize = 8;

/// What a verified module may do under one policy, prepared for being asked before every call.
///
/// A permit remembers only what is allowed and for how long. It asks the policy about everything
/// else, so it answers as [`TrustPolicy::allows`] does. When the policy is replaced, make new
/// permits of the new one.
///
/// ```
/// use std::sync::Arc;
/// use bytes::Bytes;
/// use capability_claims::{
///     Access, ClaimsBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, TrustPolicy, sign_module,
/// };
///
/// let account = KeyPair::generate(KeyKind::Account)?;
/// let module = KeyPair::generate(KeyKind::Module)?;
/// let claims = ClaimsBuilder::new(module.public_key()).capability("wascc:keyvalue");
/// let signed = sign_module(b"\0asm\x01\0\0\0", &claims, &account)?;
///
/// let reading = GrantLimit::nothing().and(Grant::of("wascc:keyvalue").operation("Get"));
/// let policy = TrustPolicy::nobody().account(account.public_key()).limit(account.public_key(), reading)?;
/// let policy = Arc::new(policy);
/// let now = 1_800_000_000;
/// let verified = policy.verify(Bytes::from(signed), now)?;
///
/// let permit = policy.permit(verified.claims(), now)?;
/// permit.allows(&Access::capability("wascc:keyvalue", "default", "Get"), now)?;
/// let refused = permit.allows(&Access::capability("wascc:keyvalue", "default", "Set"), now);
/// assert!(matches!(refused, Err(ClaimsError::OperationBeyondLimit { .. })));
/// # Ok::<(), ClaimsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Permit {
    policy: Arc<TrustPolicy>,
    claims: Arc<ModuleClaims>,
    /// When what is remembered holds, in seconds since 1970.
    window: Range<u64>,
    /// What is granted within all limits, in the order of the ids.
    granted: Box<[Granted]>,
}

#[derive(Debug, Clone)]
struct Granted {
    capability: Box<str>,
    /// The terms of each issuer that has a limit.
    terms: Box<[Arc<[Terms]>]>,
}

impl TrustPolicy {
    /// Prepares the decision about a module whose claims hold at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn permit(self: &Arc<Self>, claims: &ModuleClaims, now: u64) -> Result<Permit, ClaimsError> {
        let question = self.ask(claims, now);
        let anchor = question.anchor()?;
        let limits: Vec<&Limit> = question.limits(anchor).collect();
        let granted = claims.caps().iter().filter_map(|capability| Granted::within(&limits, capability));
        let mut granted: Box<[Granted]> = granted.collect();
        granted.sort_unstable_by(|one, two| one.capability.cmp(&two.capability));
        Ok(Permit {
            window: question.window(anchor),
            granted,
            policy: Arc::clone(self),
            claims: Arc::new(claims.clone()),
        })
    }
}

impl Granted {
    /// A capability with the terms of all limits, unless one of the limits leaves it out.
    fn within(limits: &[&Limit], capability: &str) -> Option<Self> {
        let terms: Option<Box<[_]>> = limits.iter().map(|limit| limit.terms(capability).cloned()).collect();
        Some(Self { capability: capability.into(), terms: terms? })
    }
}

impl<'a> Question<'a> {
    /// When every token is valid that this trust rests on.
    fn window(self, anchor: Anchor<'a>) -> Range<u64> {
        let Self { policy, claims, now, .. } = self;
        let skew = policy.skew;
        let (mut start, mut end) = (0, u64::MAX);
        let mut within = |from: u64, to: u64| (start, end) = (from.max(start), to.min(end));
        let mut token = |not_before: Option<u64>, expires: Option<u64>| {
            let from = not_before.map_or(0, |from| from.saturating_sub(skew));
            within(from, expires.map_or(u64::MAX, |to| to.saturating_add(skew)));
        };
        token(claims.not_before(), claims.expires());
        if let Anchor::Operator(voucher) = anchor {
            token(voucher.account.not_before(), voucher.account.expires());
            let operators = voucher.operator.into_iter().chain(policy.asked_token(voucher.signer, now));
            operators.for_each(|operator| token(operator.not_before(), operator.expires()));
        }
        for key in [Some(self.issuer), anchor.operator()].into_iter().flatten() {
            let (from, to) = policy.line_lasts(key, now);
            within(from, to);
        }
        // A life that was short enough at `now` stays so later, but before it might not be: see
        // `check_life`.
        within(policy.max_life.map_or(0, |_| claims.issued_at().min(now)), u64::MAX);
        start..end
    }
}

impl Permit {
    /// Whether the module may do this at `now`, in seconds since 1970. Nothing is allocated when it may.
    ///
    /// # Errors
    /// Those of [`TrustPolicy::allows`].
    pub fn allows(&self, access: &Access<'_>, now: u64) -> Result<(), ClaimsError> {
        if self.remembers(access, now) { Ok(()) } else { self.policy.allows(&self.claims, access, now) }
    }

    /// Whether the permit itself knows that the module may do this at `now`, in seconds since 1970:
    /// the fast half of [`allows`](Self::allows). Where it does not, the policy may still allow it.
    #[must_use]
    #[inline]
    pub fn remembers(&self, access: &Access<'_>, now: u64) -> bool {
        self.window.contains(&now) && self.grants(access)
    }

    /// Whether the module may run at all at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Those of [`TrustPolicy::check`].
    pub fn check(&self, now: u64) -> Result<(), ClaimsError> {
        if self.window.contains(&now) { Ok(()) } else { self.policy.check(&self.claims, now) }
    }

    /// The claims of the module that the permit is for.
    #[must_use]
    pub fn claims(&self) -> &ModuleClaims {
        &self.claims
    }

    /// What the module may use, in the order of the ids: the grants of its token as far as every
    /// limit leaves them.
    pub fn granted(&self) -> impl Iterator<Item = Allowed<'_>> {
        self.granted.iter().map(|granted| Allowed::new(&granted.capability, &granted.terms))
    }

    #[inline]
    fn grants(&self, access: &Access<'_>) -> bool {
        let found = self.find(access.capability);
        found.is_some_and(|granted| granted.terms.iter().all(|terms| any_allows(terms, access)))
    }

    #[inline]
    fn find(&self, capability: &str) -> Option<&Granted> {
        if self.granted.len() <= FEW {
            return self.granted.iter().find(|granted| *granted.capability == *capability);
        }
        let found = self.granted.binary_search_by(|granted| (*granted.capability).cmp(capability));
        found.ok().map(|at| &self.granted[at])
    }
}
