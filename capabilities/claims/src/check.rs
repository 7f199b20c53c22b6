//! The question that is asked again and again: do claims that were verified still hold under this policy, now?

use crate::{
    account::AccountClaims,
    claims::ModuleClaims,
    error::{ClaimsError, RotationError},
    keys::PublicKey,
    operator::OperatorClaims,
    policy::TrustPolicy,
    rotation::RotationClaims,
};

/// On what the trust in a module's issuer rests.
#[derive(Clone, Copy)]
pub(crate) enum Anchor<'a> {
    /// The policy names the account itself.
    Account,
    /// The policy names an operator, and this one vouches for the account.
    Operator(Voucher<'a>),
}

/// An operator's word for an account, with what the operator says of itself, where that is known.
#[derive(Clone, Copy)]
pub(crate) struct Voucher<'a> {
    pub(crate) account: &'a AccountClaims,
    pub(crate) operator: Option<&'a OperatorClaims>,
}

impl Anchor<'_> {
    /// The operator on whose word the trust rests, when it does.
    pub(crate) fn operator(self) -> Option<PublicKey> {
        match self {
            Self::Account => None,
            Self::Operator(voucher) => Some(voucher.account.operator()),
        }
    }
}

impl TrustPolicy {
    /// Whether claims that were verified before still hold: their times first, then revocation, then the trust in their issuer, and last
    /// what this policy asks of the module itself.
    ///
    /// This is cheap, and allocates nothing when the answer is yes, so it can be asked before every call. It does not look at
    /// the signature; only [`verify`](Self::verify) does. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`ClaimsError::Expired`], [`ClaimsError::NotYetValid`], [`ClaimsError::KeyRevoked`], [`ClaimsError::TokenRevoked`],
    /// [`ClaimsError::NotTrusted`], [`ClaimsError::Ownership`], [`ClaimsError::ActorDenied`], [`ClaimsError::ActorNotAllowed`],
    /// [`ClaimsError::RevisionTooLow`], [`ClaimsError::NeverExpires`], [`ClaimsError::LivesTooLong`], and where trust hangs on an
    /// operator's word, [`ClaimsError::AccountExpired`], [`ClaimsError::AccountNotYetValid`], [`ClaimsError::OperatorExpired`]
    /// or [`ClaimsError::OperatorNotYetValid`].
    pub fn check(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        self.anchor(claims, now).map(|_| ())
    }

    /// The same as [`check`](Self::check), with what the trust rests on: the account itself, or else the first word for it that holds.
    pub(crate) fn anchor<'a>(
        &'a self,
        claims: &'a ModuleClaims,
        now: u64,
    ) -> Result<Anchor<'a>, ClaimsError> {
        self.check_time(claims, now)?;
        self.check_keys(claims, now)?;
        let anchor = self.holding(claims, now).next().ok_or_else(|| self.why_not_held(claims, now))?;
        self.check_actor(claims)?;
        self.check_life(claims, now)?;
        Ok(anchor)
    }

    /// Everything that the trust in the issuer rests on at this moment, and to whose owners the module is bound if to anybody.
    pub(crate) fn holding<'a>(
        &'a self,
        claims: &'a ModuleClaims,
        now: u64,
    ) -> impl Iterator<Item = Anchor<'a>> {
        self.anchors(claims, now).filter(move |anchor| self.bound_elsewhere(claims, *anchor, now).is_none())
    }

    /// Everything that the trust in the issuer rests on at this moment.
    fn anchors<'a>(&'a self, claims: &'a ModuleClaims, now: u64) -> impl Iterator<Item = Anchor<'a>> {
        let mut line = self.line(claims.issuer(), now);
        let itself = line.any(|key| self.standing(key).account).then_some(Anchor::Account);
        let vouched = self.vouchers(claims, now).filter(move |voucher| self.flaw(voucher, now).is_none());
        itself.into_iter().chain(vouched.map(Anchor::Operator))
    }

    /// Every word of a trusted operator for the module's issuer or a key that it stands for, those that do not hold now as well.
    pub(crate) fn vouchers<'a>(
        &'a self,
        claims: &'a ModuleClaims,
        now: u64,
    ) -> impl Iterator<Item = Voucher<'a>> {
        let handed = self.line(claims.issuer(), now).filter_map(|key| self.vouchers.get(&key)).flatten();
        let carried =
            claims.chain().map(|chain| Voucher { account: chain.account(), operator: chain.operator() });
        handed.map(|account| Voucher { account, operator: None }).chain(carried).filter(move |voucher| {
            self.line(voucher.account.operator(), now).any(|key| self.standing(key).operator)
        })
    }

    fn check_time(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        let subject = || claims.into();
        self.in_time(claims.not_before(), claims.expires(), now).map_err(|out| match out {
            OutOfTime::Over(expired_at) => ClaimsError::Expired { subject: subject(), expired_at, now },
            OutOfTime::Early(not_before) => ClaimsError::NotYetValid { subject: subject(), not_before, now },
        })
    }

    /// Whether the token, the module's key and the issuer's still count, whoever is trusted.
    fn check_keys(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        if self.revoked_tokens.contains(claims.id()) {
            return Err(token_revoked(claims, claims.id()));
        }
        match [claims.subject(), claims.issuer()].into_iter().find(|key| self.standing(*key).revoked) {
            Some(key) => Err(key_revoked(claims, key)),
            None => self
                .retired(claims.issuer(), now)
                .map_or(Ok(()), |rotation| Err(rotated(claims, rotation, now))),
        }
    }

    fn check_actor(&self, claims: &ModuleClaims) -> Result<(), ClaimsError> {
        let standing = self.standing(claims.subject());
        if standing.denied {
            return Err(ClaimsError::ActorDenied { subject: claims.into() });
        }
        if self.only_allowed && !standing.allowed {
            return Err(ClaimsError::ActorNotAllowed { subject: claims.into() });
        }
        match standing.minimum_revision {
            Some(minimum) if claims.revision().is_none_or(|revision| revision < minimum) => {
                let (subject, revision) = (claims.into(), claims.revision());
                Err(ClaimsError::RevisionTooLow { subject, revision, minimum })
            }
            _ => Ok(()),
        }
    }

    fn check_life(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        let Some(limit) = self.max_life else { return Ok(()) };
        let Some(expires) = claims.expires() else {
            return Err(ClaimsError::NeverExpires { subject: claims.into(), limit });
        };
        // Who issues a token may write any time of issue; one in the future would hide how long the token is good.
        let life = expires.saturating_sub(claims.issued_at().min(now));
        if life > limit {
            return Err(ClaimsError::LivesTooLong { subject: claims.into(), life, limit });
        }
        Ok(())
    }

    /// Why nothing holds: nothing is trusted, or the module is bound to somebody else.
    fn why_not_held(&self, claims: &ModuleClaims, now: u64) -> ClaimsError {
        let Some(anchor) = self.anchors(claims, now).next() else { return self.why_not_trusted(claims, now) };
        match self.bound_elsewhere(claims, anchor, now) {
            Some((what, owner)) => what.refusal(claims, owner),
            None => self.why_not_trusted(claims, now),
        }
    }

    fn why_not_trusted(&self, claims: &ModuleClaims, now: u64) -> ClaimsError {
        let flawed =
            self.vouchers(claims, now).filter_map(|voucher| Some((voucher, self.flaw(&voucher, now)?)));
        match flawed.last() {
            Some((voucher, flaw)) => flaw.refusal(claims, voucher, now),
            None => self.why_not_in_line(claims, now),
        }
    }

    /// The issuer is trusted neither by itself nor through others; a rotation that is not in force may be why.
    fn why_not_in_line(&self, claims: &ModuleClaims, now: u64) -> ClaimsError {
        let broken =
            self.line(claims.issuer(), now).last().and_then(|key| self.standing(key).succeeds.as_ref());
        match broken.and_then(|rotation| Some((rotation, self.out_of_line(rotation, now)?))) {
            Some((rotation, why)) => why.refusal(claims, rotation),
            None => ClaimsError::NotTrusted { subject: claims.into(), issuer: claims.issuer() },
        }
    }

    /// An operator's own token that the policy asks for and that holds now; the one nearest to the key that vouches.
    pub(crate) fn asked_token(&self, operator: PublicKey, now: u64) -> Option<&OperatorClaims> {
        self.asked_tokens(operator, now).iter().find(|token| self.token_flaw(token, now).is_none())
    }

    fn asked_tokens(&self, operator: PublicKey, now: u64) -> &[OperatorClaims] {
        let asked = self.line(operator, now).map(|key| &*self.standing(key).tokens);
        asked.into_iter().find(|tokens| !tokens.is_empty()).unwrap_or_default()
    }

    /// The first thing for which an operator's own token does not count now.
    fn token_flaw<'a>(&self, token: &'a OperatorClaims, now: u64) -> Option<Flaw<'a>> {
        if self.revoked_tokens.contains(token.id()) {
            return Some(Flaw::RevokedToken(token.id()));
        }
        let out = self.in_time(token.not_before(), token.expires(), now).err()?;
        Some(Flaw::Operator(token, out))
    }

    /// The first thing for which a trusted operator's word does not count now.
    fn flaw<'a>(&'a self, voucher: &Voucher<'a>, now: u64) -> Option<Flaw<'a>> {
        let key = voucher.account.operator();
        if self.standing(key).revoked {
            return Some(Flaw::RevokedKey(key));
        }
        if let Some(rotation) = self.retired(key, now) {
            return Some(Flaw::Rotated(rotation));
        }
        if let Some(flaw) = voucher.operator.and_then(|token| self.token_flaw(token, now)) {
            return Some(flaw);
        }
        if self.revoked_tokens.contains(voucher.account.id()) {
            return Some(Flaw::RevokedToken(voucher.account.id()));
        }
        let asked = self.asked_tokens(key, now);
        if self.asked_token(key, now).is_none()
            && let Some(flaw) = asked.last().and_then(|token| self.token_flaw(token, now))
        {
            return Some(flaw);
        }
        self.in_time(voucher.account.not_before(), voucher.account.expires(), now).err().map(Flaw::Account)
    }

    /// Whether `now` is in a token's time. The second in which it begins belongs to it, the one in which it ends does not (RFC 7519 §4.1.4, §4.1.5).
    fn in_time(&self, not_before: Option<u64>, expires: Option<u64>, now: u64) -> Result<(), OutOfTime> {
        match (not_before, expires) {
            // An end beyond all clocks is none.
            (_, Some(expires)) if expires.checked_add(self.skew).is_some_and(|end| end <= now) => {
                Err(OutOfTime::Over(expires))
            }
            (Some(not_before), _) if now.saturating_add(self.skew) < not_before => {
                Err(OutOfTime::Early(not_before))
            }
            _ => Ok(()),
        }
    }
}

/// Where a moment is that is not in a token's time, and the end of that time which it missed.
enum OutOfTime {
    Early(u64),
    Over(u64),
}

/// Why an operator's word does not count now. It holds no text, so that finding one costs nothing when another word holds.
enum Flaw<'a> {
    RevokedKey(PublicKey),
    Rotated(&'a RotationClaims),
    RevokedToken(&'a str),
    Operator(&'a OperatorClaims, OutOfTime),
    Account(OutOfTime),
}

impl Flaw<'_> {
    fn refusal(self, claims: &ModuleClaims, voucher: Voucher<'_>, now: u64) -> ClaimsError {
        let (account, operator) = (|| voucher.account.into(), voucher.account.operator());
        match self {
            Self::RevokedKey(key) => key_revoked(claims, key),
            Self::Rotated(rotation) => rotated(claims, rotation, now),
            Self::RevokedToken(id) => token_revoked(claims, id),
            Self::Operator(token, OutOfTime::Over(expired_at)) => {
                ClaimsError::OperatorExpired { operator: token.into(), expired_at, now }
            }
            Self::Operator(token, OutOfTime::Early(not_before)) => {
                ClaimsError::OperatorNotYetValid { operator: token.into(), not_before, now }
            }
            Self::Account(OutOfTime::Over(expired_at)) => {
                ClaimsError::AccountExpired { account: account(), operator, expired_at, now }
            }
            Self::Account(OutOfTime::Early(not_before)) => {
                ClaimsError::AccountNotYetValid { account: account(), operator, not_before, now }
            }
        }
    }
}

fn rotated(claims: &ModuleClaims, rotation: &RotationClaims, now: u64) -> ClaimsError {
    let (key, successor, ended_at) = (rotation.from(), rotation.to(), rotation.overlap_end());
    RotationError::KeyRotated { subject: claims.into(), key, successor, ended_at, now }.into()
}

fn key_revoked(claims: &ModuleClaims, key: PublicKey) -> ClaimsError {
    ClaimsError::KeyRevoked { subject: claims.into(), key }
}

fn token_revoked(claims: &ModuleClaims, id: &str) -> ClaimsError {
    ClaimsError::TokenRevoked { subject: claims.into(), id: id.into() }
}
