//! Tells for which keys a key stands: itself, and those that it took over from, one rotation after the other.

use std::{ops::ControlFlow, sync::Arc};

use crate::{
    error::{ClaimsError, RotationError},
    keys::PublicKey,
    policy::{TrustPolicy, standing::Known},
    tokens::{ModuleClaims, RotationClaims},
};

/// The most rotations one after the other that a policy holds.
const LONGEST: usize = 8;

/// Why a rotation is not in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutOfLine {
    TokenRevoked,
    RevokedBefore,
    StillToCome,
}

impl TrustPolicy {
    /// Lets a new key stand for an old one, by the token that the old one signed.
    ///
    /// From the handover on the new key counts wherever the old one did: as a trusted account or
    /// operator, as one that an operator vouches for, as an owner. It gains nothing by that: limits
    /// of the old key bind the new one too, in addition to its own. Until the end of the overlap
    /// the old key counts as before, and afterwards not at all. Revocations have these effects:
    ///
    /// - a revoked *token* of a rotation was never issued: the new key stands for nobody, and the old one is not retired. So revoke
    ///   both the token and the old key when the old key was stolen before the rotation;
    /// - a revoked *new* key counts for nothing;
    /// - a revoked *old* key counts for nothing itself, and its successor stays good if the handover was before. The date of a
    ///   revocation is given by [`revoke_key_since`](Self::revoke_key_since): a handover after that second is void, and the same
    ///   holds for a new key that was revoked before it took over. A revocation without a date is taken to have been made
    ///   when the rotation was issued: one that handed over at once stays good, one that was to hand over later is void.
    ///
    /// A key hands over once and takes over once, in no circle, and at most 8 times one after the other.
    ///
    /// # Errors
    /// Those of [`RotationClaims::verify`], [`RotationError::Conflict`], [`RotationError::Circle`],
    /// [`RotationError::TooLong`].
    pub fn rotation(mut self, token: &str) -> Result<Self, ClaimsError> {
        let rotation = Arc::new(RotationClaims::verify(token)?);
        let (from, to) = (rotation.from(), rotation.to());
        if self.standing(from).succeeded.as_ref() == Some(&rotation) {
            return Ok(self);
        }
        for (key, taken) in [(from, &self.standing(from).succeeded), (to, &self.standing(to).succeeds)] {
            if taken.is_some() {
                return Err(RotationError::Conflict { key }.into());
            }
        }
        let before =
            std::iter::successors(Some(from), |key| Some(self.standing(*key).succeeds.as_ref()?.from()));
        let length = before.clone().count();
        if before.into_iter().any(|key| key == to) {
            return Err(RotationError::Circle { key: to }.into());
        }
        let after = std::iter::successors(Some(to), |key| Some(self.standing(*key).succeeded.as_ref()?.to()));
        if length + after.count() > LONGEST + 1 {
            return Err(RotationError::TooLong { key: from, limit: LONGEST }.into());
        }
        self.of(from).succeeded = Some(Arc::clone(&rotation));
        self.of(to).succeeds = Some(rotation);
        Ok(self)
    }

    /// This key and those that it stands for now, the nearest first.
    #[inline]
    pub(crate) fn line<'a>(
        &'a self,
        key: Known<'a>,
        now: u64,
    ) -> impl Iterator<Item = Known<'a>> + Clone + use<'a> {
        std::iter::successors(Some(key), move |key| {
            let rotation = key.standing.succeeds.as_ref()?;
            self.out_of_line(rotation, now).is_none().then(|| self.known(rotation.from()))
        })
    }

    /// Whether one of the keys stands for the other.
    pub(crate) fn in_one_line(&self, one: PublicKey, other: PublicKey, now: u64) -> bool {
        let stands_for = |one, other| self.line(self.known(one), now).any(|known| known.key == other);
        stands_for(one, other) || stands_for(other, one)
    }

    /// The rotation by which this key has handed over for good, when it has.
    pub(crate) fn retired<'a>(&'a self, key: Known<'a>, now: u64) -> Option<&'a RotationClaims> {
        let rotation = key.standing.succeeded.as_ref()?;
        let over = self.retirement(rotation).is_some_and(|end| end <= now);
        (over && self.out_of_line(rotation, now).is_none()).then_some(rotation)
    }

    /// The second from which on the old key is refused; none when that is beyond all clocks.
    fn retirement(&self, rotation: &RotationClaims) -> Option<u64> {
        rotation.overlap_end().checked_add(self.skew)
    }

    /// Why the rotation is not in force now, if it is not.
    pub(crate) fn out_of_line(&self, rotation: &RotationClaims, now: u64) -> Option<OutOfLine> {
        self.void(rotation).or_else(|| {
            (now.saturating_add(self.skew) < rotation.handover()).then_some(OutOfLine::StillToCome)
        })
    }

    /// Why the rotation is in force at no time, if it is not.
    fn void(&self, rotation: &RotationClaims) -> Option<OutOfLine> {
        if self.revoked_tokens.contains(rotation.id()) {
            return Some(OutOfLine::TokenRevoked);
        }
        let (old, new) = (self.standing(rotation.from()), self.standing(rotation.to()));
        let handover = rotation.handover();
        let old = old.revoked && old.revoked_since.unwrap_or(rotation.issued_at()) < handover;
        let new = new.revoked && new.revoked_since.is_some_and(|since| since < handover);
        (old || new).then_some(OutOfLine::RevokedBefore)
    }

    /// The seconds around `now` in which this key stands for the same keys and is retired or not as
    /// now: the first, and the one after the last.
    pub(crate) fn line_lasts(&self, key: Known<'_>, now: u64) -> (u64, u64) {
        let retires = key.standing.succeeded.as_ref().filter(|rotation| self.void(rotation).is_none());
        let end = retires.and_then(|rotation| self.retirement(rotation)).unwrap_or(u64::MAX);
        let steps = self.line(key, now).filter_map(|key| key.standing.succeeds.as_ref());
        let lasts = steps.filter(|rotation| self.void(rotation).is_none()).try_fold(
            (0, end),
            |(start, end), step| {
                let begins = step.handover().saturating_sub(self.skew);
                match self.out_of_line(step, now) {
                    None => ControlFlow::Continue((begins.max(start), end)),
                    Some(_) => ControlFlow::Break((start, begins.min(end))),
                }
            },
        );
        match lasts {
            ControlFlow::Continue(lasts) | ControlFlow::Break(lasts) => lasts,
        }
    }
}

impl OutOfLine {
    pub(crate) fn refusal(self, claims: &ModuleClaims, rotation: &RotationClaims) -> ClaimsError {
        let reason = match self {
            Self::TokenRevoked => "its token is revoked; have the module signed with a key that is trusted",
            Self::RevokedBefore => {
                "a key of it was revoked before the handover; have the module signed with a key that is trusted"
            }
            Self::StillToCome => {
                "the handover is still to come; wait, or have the module signed with the old key"
            }
        };
        let (subject, from, to) = (claims.into(), rotation.from(), rotation.to());
        RotationError::NotInForce { subject, from, to, reason }.into()
    }
}
