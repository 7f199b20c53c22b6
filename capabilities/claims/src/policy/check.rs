//! Checks whether claims that were verified still hold under a policy, which is asked again and
//! again while a module runs.

use crate::{
    error::{ClaimsError, RotationError},
    keys::PublicKey,
    policy::{
        TrustPolicy,
        bindings::BoundIn,
        standing::{Known, Standing},
    },
    tokens::{AccountClaims, ModuleClaims, OperatorClaims, RotationClaims},
};

/// On what the trust in a module's issuer rests.
#[derive(Clone, Copy)]
pub(crate) enum Anchor<'a> {
    /// The policy names the account itself.
    Account,
    /// The policy names an operator, and this one vouches for the account.
    Operator(Voucher<'a>),
}

/// A token by which an operator vouches for an account, with the operator's own token where there is one.
#[derive(Clone, Copy)]
pub(crate) struct Voucher<'a> {
    pub(crate) account: &'a AccountClaims,
    pub(crate) operator: Option<&'a OperatorClaims>,
    /// The operator's key.
    pub(crate) signer: Known<'a>,
}

impl<'a> Anchor<'a> {
    /// The operator that vouches for the account, when the trust rests on that.
    pub(crate) fn operator(self) -> Option<Known<'a>> {
        match self {
            Self::Account => None,
            Self::Operator(voucher) => Some(voucher.signer),
        }
    }
}

/// A question about a module at one moment, with what the policy says of the keys of the module and
/// of its issuer: each is looked up once.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) policy: &'a TrustPolicy,
    pub(crate) claims: &'a ModuleClaims,
    /// In seconds since 1970.
    pub(crate) now: u64,
    pub(crate) issuer: Known<'a>,
    module: &'a Standing,
}

impl TrustPolicy {
    /// Whether claims that were verified before still hold: their times first, then revocation,
    /// then the trust in their issuer, and last what this policy asks of the module itself.
    ///
    /// This is cheap, and allocates nothing when the answer is yes, so it can be asked before every
    /// call. It does not look at the signature; only [`verify`](Self::verify) does. `now` is in
    /// seconds since 1970.
    ///
    /// # Errors
    /// [`ClaimsError::Expired`], [`ClaimsError::NotYetValid`], [`ClaimsError::KeyRevoked`],
    /// [`ClaimsError::TokenRevoked`], [`ClaimsError::NotTrusted`], [`ClaimsError::Ownership`],
    /// [`ClaimsError::ActorDenied`], [`ClaimsError::ActorNotAllowed`],
    /// [`ClaimsError::RevisionTooLow`], [`ClaimsError::NeverExpires`],
    /// [`ClaimsError::LivesTooLong`], and where an operator vouches for the account,
    /// [`ClaimsError::AccountExpired`], [`ClaimsError::AccountNotYetValid`],
    /// [`ClaimsError::OperatorExpired`] or [`ClaimsError::OperatorNotYetValid`].
    pub fn check(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        self.ask(claims, now).anchor().map(|_| ())
    }

    /// The question whether these claims hold at `now`, in seconds since 1970.
    pub(crate) fn ask<'a>(&'a self, claims: &'a ModuleClaims, now: u64) -> Question<'a> {
        let (issuer, module) = (self.known(claims.issuer()), self.standing(claims.subject()));
        Question { policy: self, claims, now, issuer, module }
    }

    /// An operator's own token that the policy asks for and that holds now; the one nearest to the
    /// key that vouches.
    pub(crate) fn asked_token<'a>(&'a self, operator: Known<'a>, now: u64) -> Option<&'a OperatorClaims> {
        self.asked_tokens(operator, now).iter().find(|token| self.token_flaw(token, now).is_none())
    }

    fn asked_tokens<'a>(&'a self, operator: Known<'a>, now: u64) -> &'a [OperatorClaims] {
        let asked = self.line(operator, now).map(|known| &*known.standing.tokens);
        asked.into_iter().find(|tokens| !tokens.is_empty()).unwrap_or_default()
    }

    /// The first reason why an operator's own token does not count now.
    fn token_flaw<'a>(&self, token: &'a OperatorClaims, now: u64) -> Option<Flaw<'a>> {
        if self.revoked_tokens.contains(token.id()) {
            return Some(Flaw::RevokedToken(token.id()));
        }
        let out = self.in_time(token.not_before(), token.expires(), now).err()?;
        Some(Flaw::Operator(token, out))
    }

    /// The first reason why a trusted operator's token for an account does not count now.
    fn flaw<'a>(&'a self, voucher: &Voucher<'a>, now: u64) -> Option<Flaw<'a>> {
        let signer = voucher.signer;
        if signer.standing.revoked {
            return Some(Flaw::RevokedKey(signer.key));
        }
        if let Some(rotation) = self.retired(signer, now) {
            return Some(Flaw::Rotated(rotation));
        }
        if let Some(flaw) = voucher.operator.and_then(|token| self.token_flaw(token, now)) {
            return Some(flaw);
        }
        if self.revoked_tokens.contains(voucher.account.id()) {
            return Some(Flaw::RevokedToken(voucher.account.id()));
        }
        if self.asked_token(signer, now).is_none()
            && let Some(last) = self.asked_tokens(signer, now).last()
            && let Some(flaw) = self.token_flaw(last, now)
        {
            return Some(flaw);
        }
        self.in_time(voucher.account.not_before(), voucher.account.expires(), now).err().map(Flaw::Account)
    }

    /// Whether a token is valid at `now`: from the second in which it begins up to and without the
    /// one in which it ends (RFC 7519 §4.1.4, §4.1.5).
    fn in_time(&self, not_before: Option<u64>, expires: Option<u64>, now: u64) -> Result<(), OutOfTime> {
        match (not_before, expires) {
            // An end that no clock reaches never comes.
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

impl<'a> Question<'a> {
    /// What the trust rests on, when the claims hold: the account itself, or else the first token
    /// for it that holds.
    pub(crate) fn anchor(self) -> Result<Anchor<'a>, ClaimsError> {
        self.check_time()?;
        self.check_keys()?;
        let anchor = self.holding().next().ok_or_else(|| self.why_not_held())?;
        self.check_actor()?;
        self.check_life()?;
        Ok(anchor)
    }

    /// Everything that the trust in the issuer rests on at this moment. Where the module is bound to
    /// owners, only what leads over one of them counts.
    #[inline]
    pub(crate) fn holding(self) -> impl Iterator<Item = Anchor<'a>> {
        self.anchors().filter(move |anchor| self.bound_elsewhere(*anchor).is_none())
    }

    /// What of the module is bound to owners other than its signers on this anchor, and to whom.
    fn bound_elsewhere(self, anchor: Anchor<'a>) -> Option<(BoundIn<'a>, PublicKey)> {
        self.policy.bindings.elsewhere(self.claims, self.signers(anchor).map(|known| known.key))
    }

    /// The keys of the issuer and of the operator that vouches for it, if one does; each with the
    /// keys that it stands for.
    #[inline]
    pub(crate) fn signers(self, anchor: Anchor<'a>) -> impl Iterator<Item = Known<'a>> + Clone {
        let signers = [Some(self.issuer), anchor.operator()].into_iter().flatten();
        signers.flat_map(move |known| self.policy.line(known, self.now))
    }

    /// Everything that the trust in the issuer rests on at this moment.
    fn anchors(self) -> impl Iterator<Item = Anchor<'a>> {
        let itself = self.issuers().any(|known| known.standing.account).then_some(Anchor::Account);
        let vouched = self.vouchers().filter(move |voucher| self.policy.flaw(voucher, self.now).is_none());
        itself.into_iter().chain(vouched.map(Anchor::Operator))
    }

    /// The issuer's key, and those that it stands for.
    fn issuers(self) -> impl Iterator<Item = Known<'a>> {
        self.policy.line(self.issuer, self.now)
    }

    /// Every token of a trusted operator for the module's issuer or for a key that it stands for,
    /// valid now or not.
    fn vouchers(self) -> impl Iterator<Item = Voucher<'a>> {
        let policy = self.policy;
        let handed = self.issuers().filter_map(|known| policy.vouchers.get(&known.key)).flatten();
        let carried = self.claims.chain().map(|chain| (chain.account(), chain.operator()));
        let words = handed.map(|account| (account, None)).chain(carried);
        let vouchers = words.map(|(account, operator)| Voucher {
            account,
            operator,
            signer: policy.known(account.operator()),
        });
        vouchers
            .filter(move |voucher| policy.line(voucher.signer, self.now).any(|known| known.standing.operator))
    }

    fn check_time(self) -> Result<(), ClaimsError> {
        let Self { policy, claims, now, .. } = self;
        let subject = || claims.into();
        policy.in_time(claims.not_before(), claims.expires(), now).map_err(|out| match out {
            OutOfTime::Over(expired_at) => ClaimsError::Expired { subject: subject(), expired_at, now },
            OutOfTime::Early(not_before) => ClaimsError::NotYetValid { subject: subject(), not_before, now },
        })
    }

    /// Whether the token, the module's key and the issuer's still count, whoever is trusted.
    fn check_keys(self) -> Result<(), ClaimsError> {
        let Self { policy, claims, now, .. } = self;
        if policy.revoked_tokens.contains(claims.id()) {
            return Err(token_revoked(claims, claims.id()));
        }
        if self.module.revoked {
            return Err(key_revoked(claims, claims.subject()));
        }
        if self.issuer.standing.revoked {
            return Err(key_revoked(claims, claims.issuer()));
        }
        let retired = policy.retired(self.issuer, now);
        retired.map_or(Ok(()), |rotation| Err(rotated(claims, rotation, now)))
    }

    fn check_actor(self) -> Result<(), ClaimsError> {
        let Self { claims, module: standing, .. } = self;
        if standing.denied {
            return Err(ClaimsError::ActorDenied { subject: claims.into() });
        }
        if self.policy.only_allowed && !standing.allowed {
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

    fn check_life(self) -> Result<(), ClaimsError> {
        let Self { claims, now, .. } = self;
        let Some(limit) = self.policy.max_life else { return Ok(()) };
        let Some(expires) = claims.expires() else {
            return Err(ClaimsError::NeverExpires { subject: claims.into(), limit });
        };
        // Who issues a token may write any time of issue; one in the future would hide how long the
        // token is good.
        let life = expires.saturating_sub(claims.issued_at().min(now));
        if life > limit {
            return Err(ClaimsError::LivesTooLong { subject: claims.into(), life, limit });
        }
        Ok(())
    }

    /// Why nothing holds: nobody is trusted, or the module is bound to somebody else.
    fn why_not_held(self) -> ClaimsError {
        let Some(anchor) = self.anchors().next() else { return self.why_not_trusted() };
        match self.bound_elsewhere(anchor) {
            Some((what, owner)) => what.refusal(self.claims, owner),
            None => self.why_not_trusted(),
        }
    }

    fn why_not_trusted(self) -> ClaimsError {
        let flawed =
            self.vouchers().filter_map(|voucher| Some((voucher, self.policy.flaw(&voucher, self.now)?)));
        match flawed.last() {
            Some((voucher, flaw)) => flaw.refusal(self.claims, voucher, self.now),
            None => self.why_not_in_line(),
        }
    }

    /// The issuer is trusted neither by itself nor through others; a rotation that is not in force
    /// may be why.
    fn why_not_in_line(self) -> ClaimsError {
        let Self { policy, claims, now, .. } = self;
        let broken = self.issuers().last().and_then(|known| known.standing.succeeds.as_ref());
        match broken.and_then(|rotation| Some((rotation, policy.out_of_line(rotation, now)?))) {
            Some((rotation, why)) => why.refusal(claims, rotation),
            None => ClaimsError::NotTrusted { subject: claims.into(), issuer: claims.issuer() },
        }
    }
}

/// Whether a token is not valid yet or no longer, and the second in which it begins or ended.
enum OutOfTime {
    Early(u64),
    Over(u64),
}

/// Why an operator's token for an account does not count now. It allocates no text, so it costs
/// nothing when another token holds.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        Access, AccountBuilder, ClaimsBuilder, Grant, GrantLimit, KeyKind, KeyPair, TrustPolicy,
        policy::trust::lookups, sign_module,
    };

    const NOW: u64 = 1_800_000_000;

    /// Looking up one of many keys takes most of the time of a question.
    #[test]
    fn a_question_looks_each_key_up_once() {
        let [account, operator, module] = [KeyKind::Account, KeyKind::Operator, KeyKind::Module]
            .map(|kind| KeyPair::generate(kind).unwrap());
        let token = AccountBuilder::new(account.public_key()).issue(&operator).unwrap();
        let limit = || GrantLimit::nothing().and(Grant::of("a:b").operation("Get"));
        let by_account = TrustPolicy::nobody().account(account.public_key());
        let by_operator =
            TrustPolicy::nobody().operator(operator.public_key()).account_token(&token).unwrap();
        let by_operator = by_operator.limit(operator.public_key(), limit()).unwrap();
        let claims = ClaimsBuilder::new(module.public_key()).capability("a:b");
        let wasm = sign_module(b"\0asm\x01\0\0\0", &claims, &account).unwrap();
        for (policy, keys) in [(by_account, 2), (by_operator, 3)] {
            let policy = policy.limit(account.public_key(), limit()).unwrap();
            let policy = Arc::new(policy.allow_actor(module.public_key()).unwrap());
            let claims = policy.verify(wasm.clone().into(), NOW).unwrap().claims().clone();
            let get = Access::capability("a:b", "default", "Get");
            assert_eq!(lookups::during(|| policy.check(&claims, NOW).unwrap()), keys);
            assert_eq!(lookups::during(|| policy.allows(&claims, &get, NOW).unwrap()), keys);
            assert_eq!(lookups::during(|| policy.permit(&claims, NOW).unwrap()), keys);
        }
    }
}
