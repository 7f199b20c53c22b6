//! Trust: whose signature counts here, which only the host's owner decides.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    account::AccountClaims,
    claims::ModuleClaims,
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
};

/// Whom the owner of a host trusts to sign modules.
///
/// A module is trusted when the account that signed it is, or when an operator that is trusted vouches for this account with
/// an account token. There is deliberately no default and nothing that trusts everybody: a policy begins with
/// [`nobody`](Self::nobody), and nothing inside a module can widen it.
///
/// ```
/// use std::time::Duration;
/// use capability_claims::{KeyKind, KeyPair, TrustPolicy};
///
/// let account = KeyPair::generate(KeyKind::Account)?;
/// let policy = TrustPolicy::nobody().account(account.public_key()).clock_skew(Duration::from_secs(5));
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustPolicy {
    accounts: BTreeSet<PublicKey>,
    operators: BTreeSet<PublicKey>,
    /// The account tokens that were handed over, by account.
    vouchers: HashMap<PublicKey, Vec<AccountClaims>>,
    /// Seconds by which clocks may differ.
    skew: u64,
}

impl TrustPolicy {
    /// Trusts nobody, and takes clocks to be exact.
    #[must_use]
    pub fn nobody() -> Self {
        Self { accounts: BTreeSet::new(), operators: BTreeSet::new(), vouchers: HashMap::new(), skew: 0 }
    }

    /// Trusts all modules that this account signs.
    ///
    /// A key of another kind is kept and never matches, because only accounts sign modules. [`trust`](Self::trust) refuses it.
    #[must_use]
    pub fn account(mut self, account: PublicKey) -> Self {
        self.accounts.insert(account);
        self
    }

    /// Trusts all modules of the accounts that this operator vouches for. The operator's account tokens are handed over with
    /// [`account_token`](Self::account_token), before or after.
    ///
    /// A key of another kind is kept and never matches, because only operators sign accounts. [`trust`](Self::trust) refuses it.
    #[must_use]
    pub fn operator(mut self, operator: PublicKey) -> Self {
        self.operators.insert(operator);
        self
    }

    /// Trusts an account or an operator, whichever the key is.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] for a key of any other kind.
    pub fn trust(self, key: PublicKey) -> Result<Self, ClaimsError> {
        if key.kind() == KeyKind::Operator {
            return Ok(self.operator(key));
        }
        Ok(self.account(key.of_kind(KeyKind::Account, "a trusted key that is not an operator's")?))
    }

    /// Hands over an account's token, by which an operator vouches for it. It counts while the operator is trusted and while
    /// the token is in its time, both of which are looked at each time that it is used.
    ///
    /// # Errors
    /// Those of [`AccountClaims::verify`].
    pub fn account_token(mut self, token: &str) -> Result<Self, ClaimsError> {
        let claims = AccountClaims::verify(token)?;
        let vouchers = self.vouchers.entry(claims.account()).or_default();
        if !vouchers.contains(&claims) {
            vouchers.push(claims);
        }
        Ok(self)
    }

    /// How far clocks may differ, in whole seconds: a token begins this much earlier and ends this much later. None by default.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.skew = skew.as_secs();
        self
    }

    /// Whether claims that were verified before still hold: their times first, then the trust in their issuer.
    ///
    /// This is cheap, and allocates nothing when the answer is yes, so it can be asked before every call. It does not look at
    /// the signature; only [`verify`](Self::verify) does. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`ClaimsError::Expired`], [`ClaimsError::NotYetValid`], [`ClaimsError::NotTrusted`], and where trust hangs on an
    /// account's token, [`ClaimsError::AccountExpired`] or [`ClaimsError::AccountNotYetValid`].
    pub fn check(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        match self.in_time(claims.not_before(), claims.expires(), now) {
            Ok(()) => self.check_trust(claims, now),
            Err(OutOfTime::Over(expired_at)) => {
                Err(ClaimsError::Expired { name: claims.label(), subject: claims.subject(), expired_at, now })
            }
            Err(OutOfTime::Early(not_before)) => {
                let (name, subject) = (claims.label(), claims.subject());
                Err(ClaimsError::NotYetValid { name, subject, not_before, now })
            }
        }
    }

    fn check_trust(&self, claims: &ModuleClaims, now: u64) -> Result<(), ClaimsError> {
        let issuer = claims.issuer();
        if self.accounts.contains(&issuer) {
            return Ok(());
        }
        let mut refusal = None;
        let vouchers = self.vouchers.get(&issuer).map_or(&[][..], Vec::as_slice);
        for voucher in vouchers.iter().filter(|voucher| self.operators.contains(&voucher.operator())) {
            match self.in_time(voucher.not_before(), voucher.expires(), now) {
                Ok(()) => return Ok(()),
                Err(out) => refusal = Some((voucher, out)),
            }
        }
        Err(match refusal {
            Some((voucher, out)) => vouched_out_of_time(voucher, out, now),
            None => ClaimsError::NotTrusted { name: claims.label(), subject: claims.subject(), issuer },
        })
    }

    /// Whether `now` is in a token's time. Both ends belong to it.
    fn in_time(&self, not_before: Option<u64>, expires: Option<u64>, now: u64) -> Result<(), OutOfTime> {
        match (not_before, expires) {
            (_, Some(expires)) if expires.saturating_add(self.skew) < now => Err(OutOfTime::Over(expires)),
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

fn vouched_out_of_time(voucher: &AccountClaims, out: OutOfTime, now: u64) -> ClaimsError {
    let (name, account, operator) = (voucher.label(), voucher.account(), voucher.operator());
    match out {
        OutOfTime::Over(expired_at) => {
            ClaimsError::AccountExpired { name, account, operator, expired_at, now }
        }
        OutOfTime::Early(not_before) => {
            ClaimsError::AccountNotYetValid { name, account, operator, not_before, now }
        }
    }
}
