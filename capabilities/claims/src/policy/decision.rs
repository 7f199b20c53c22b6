//! Decides whether a module may use a capability now.

use untrusted_text::cut;

use crate::{
    error::ClaimsError,
    keys::PublicKey,
    policy::{
        Access, TrustPolicy,
        check::{Anchor, Question},
        grants::{Limit, any_allows},
    },
    tokens::ModuleClaims,
};

impl TrustPolicy {
    /// Whether the module may do this now: its claims hold, its token grants the capability, and no
    /// limit on what its issuers may grant is in the way. Where several operators vouch for the
    /// account, one that allows it is enough.
    ///
    /// This is the whole decision. A [`Permit`](crate::Permit) gives the same answer faster, for
    /// the calls of a running module.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), [`ClaimsError::NotGranted`], and
    /// [`ClaimsError::CapabilityBeyondLimit`], [`ClaimsError::LinkBeyondLimit`] or
    /// [`ClaimsError::OperationBeyondLimit`].
    pub fn allows(&self, claims: &ModuleClaims, access: &Access<'_>, now: u64) -> Result<(), ClaimsError> {
        let question = self.ask(claims, now);
        let first = question.anchor()?;
        if !claims.grants(access.capability) {
            let (subject, capability) = (claims.into(), cut(access.capability).into());
            return Err(ClaimsError::NotGranted { subject, capability });
        }
        let mut others = question.holding().skip(1);
        if question.is_within(first, access) || others.any(|anchor| question.is_within(anchor, access)) {
            return Ok(());
        }
        match question.beyond(first, access) {
            Some((issuer, what)) => Err(what.refusal(claims, issuer, access)),
            None => Ok(()),
        }
    }
}

impl<'a> Question<'a> {
    /// The limits that count for this anchor: also those of keys that handed over.
    pub(crate) fn limits(self, anchor: Anchor<'a>) -> impl Iterator<Item = &'a Limit> {
        self.signers(anchor).filter_map(|known| known.standing.limit.as_deref())
    }

    fn is_within(self, anchor: Anchor<'a>, access: &Access<'_>) -> bool {
        let mut limits = self.limits(anchor);
        limits.all(|limit| limit.terms(access.capability).is_some_and(|terms| any_allows(terms, access)))
    }

    /// Whose limit is exceeded first, and in what.
    fn beyond(self, anchor: Anchor<'a>, access: &Access<'_>) -> Option<(PublicKey, Beyond)> {
        self.signers(anchor).find_map(|known| {
            let limit = known.standing.limit.as_deref()?;
            let Some(terms) = limit.terms(access.capability) else {
                return Some((known.key, Beyond::Capability));
            };
            if any_allows(terms, access) {
                return None;
            }
            let link = terms.iter().any(|terms| terms.allow(access).0);
            Some((known.key, if link { Beyond::Operation } else { Beyond::Link }))
        })
    }
}

/// What part of an access is beyond an issuer's limit.
enum Beyond {
    Capability,
    Link,
    Operation,
}

impl Beyond {
    fn refusal(&self, claims: &ModuleClaims, issuer: PublicKey, access: &Access<'_>) -> ClaimsError {
        let (subject, capability) = (claims.into(), cut(access.capability).into());
        match self {
            Self::Capability => ClaimsError::CapabilityBeyondLimit { subject, issuer, capability },
            Self::Link => {
                let link = cut(access.link.unwrap_or("none")).into();
                ClaimsError::LinkBeyondLimit { subject, issuer, capability, link }
            }
            Self::Operation => {
                let operation = cut(access.operation).into();
                ClaimsError::OperationBeyondLimit { subject, issuer, capability, operation }
            }
        }
    }
}
