//! Holds the policy of a host's owner: whose signatures count here, and for what.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
    policy::{
        bindings::Bindings,
        grants::GrantLimit,
        standing::{Known, Standing, UNNAMED},
    },
    tokens::{AccountClaims, OperatorClaims},
};

/// Whom the owner of a host trusts to sign modules, and what of that counts here.
///
/// A module is trusted when the account that signed it is, or when an operator that is trusted
/// vouches for this account with an account token. There is deliberately no default and nothing
/// that trusts everybody: a policy begins with [`nobody`](Self::nobody), and nothing inside a
/// module can widen it. Everything else here restricts: revoked keys and tokens, denied actors, and
/// the most that an issuer may grant.
///
/// ```
/// use std::time::Duration;
/// use capability_claims::{Grant, GrantLimit, KeyKind, KeyPair, TrustPolicy};
///
/// let account = KeyPair::generate(KeyKind::Account)?.public_key();
/// let reading = Grant::of("wascc:keyvalue").operation("Get").operation("Range");
/// let policy = TrustPolicy::nobody()
///     .account(account)
///     .limit(account, GrantLimit::nothing().and(reading))?
///     .max_token_life(Duration::from_secs(90 * 24 * 3600))
///     .revoke_token("the id of a token that leaked")
///     .clock_skew(Duration::from_secs(5));
/// # Ok::<(), capability_claims::ClaimsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustPolicy {
    /// All keys that the policy says something about, so that a check needs one look at each key.
    keys: BTreeMap<PublicKey, Standing>,
    /// Whether only the actors run that are named as allowed.
    pub(crate) only_allowed: bool,
    /// The account tokens that were handed over, by account.
    pub(crate) vouchers: HashMap<PublicKey, Vec<AccountClaims>>,
    /// What belongs to whom.
    pub(crate) bindings: Bindings,
    /// Ids of tokens that are revoked.
    pub(crate) revoked_tokens: HashSet<Box<str>>,
    /// The most seconds from a module token's issue to its end.
    pub(crate) max_life: Option<u64>,
    /// Seconds by which clocks may differ.
    pub(crate) skew: u64,
}

impl TrustPolicy {
    /// Trusts nobody, and takes clocks to be exact.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            keys: BTreeMap::new(),
            only_allowed: false,
            vouchers: HashMap::new(),
            bindings: Bindings::default(),
            revoked_tokens: HashSet::new(),
            max_life: None,
            skew: 0,
        }
    }

    /// Trusts all modules that this account signs.
    ///
    /// A key of another kind is kept and has no effect, because only accounts sign modules.
    /// [`trust`](Self::trust) refuses it.
    #[must_use]
    pub fn account(mut self, account: PublicKey) -> Self {
        self.of(account).account = true;
        self
    }

    /// Trusts all modules of the accounts that this operator vouches for. Its account tokens are
    /// added with [`account_token`](Self::account_token), before or after, or come with the modules
    /// in a [`Chain`](crate::Chain).
    ///
    /// A key of another kind is kept and has no effect, because only operators sign accounts.
    /// [`trust`](Self::trust) refuses it.
    #[must_use]
    pub fn operator(mut self, operator: PublicKey) -> Self {
        self.of(operator).operator = true;
        self
    }

    /// Trusts an account or an operator, whichever the key is.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] for a key of any other kind.
    pub fn trust(self, key: PublicKey) -> Result<Self, ClaimsError> {
        let key = key.of_signer("a trusted key that is not an operator's")?;
        Ok(if key.kind() == KeyKind::Operator { self.operator(key) } else { self.account(key) })
    }

    /// Adds an account's token, by which an operator vouches for it. It counts while the operator
    /// is trusted and the token is valid, both of which are checked each time.
    ///
    /// # Errors
    /// Those of [`AccountClaims::verify`], and [`ClaimsError::TooMany`].
    pub fn account_token(mut self, token: &str) -> Result<Self, ClaimsError> {
        let claims = AccountClaims::verify(token)?;
        keep(self.vouchers.entry(claims.account()).or_default(), claims, "tokens of one account")?;
        Ok(self)
    }

    /// Requires an operator's own token: the operator vouches for accounts only while this token is
    /// valid and not revoked, wherever the accounts' tokens come from and whatever a chain brings
    /// along. Of several tokens of one operator one must hold. It does not make the operator
    /// trusted. A key that took over from the operator needs it as well, unless tokens of its own
    /// are added.
    ///
    /// # Errors
    /// Those of [`OperatorClaims::verify`], and [`ClaimsError::TooMany`].
    pub fn operator_token(mut self, token: &str) -> Result<Self, ClaimsError> {
        let claims = OperatorClaims::verify(token)?;
        keep(&mut self.of(claims.operator()).tokens, claims, "tokens of one operator")?;
        Ok(self)
    }

    /// How far clocks may differ, in whole seconds: a token begins this much earlier and ends this
    /// much later. Zero by default.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.skew = skew.as_secs();
        self
    }

    /// Allows this actor to run, and from then on only actors that are allowed. As long as none is,
    /// every trusted actor may run.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is no module's key.
    pub fn allow_actor(mut self, module: PublicKey) -> Result<Self, ClaimsError> {
        self.of(module.of_kind(KeyKind::Module, "an actor that is allowed")?).allowed = true;
        self.only_allowed = true;
        Ok(self)
    }

    /// Denies this actor, whoever signed it, even when it is allowed as well.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is no module's key.
    pub fn deny_actor(mut self, module: PublicKey) -> Result<Self, ClaimsError> {
        self.of(module.of_kind(KeyKind::Module, "an actor that is denied")?).denied = true;
        Ok(self)
    }

    /// Revokes a key: no module with this key is trusted, none that this account signed, and no
    /// account that this operator vouches for, unless another operator vouches for it as well.
    #[must_use]
    pub fn revoke_key(mut self, key: PublicKey) -> Self {
        self.of(key).revoked = true;
        self
    }

    /// Revokes a key as [`revoke_key`](Self::revoke_key) does, and says since when, in seconds
    /// since 1970. Nothing that the key signed counts any longer, however early, for the time that
    /// a token gives proves nothing. `since` only decides whether the key had handed over before:
    /// see [`rotation`](Self::rotation). Of several times the earliest counts.
    #[must_use]
    pub fn revoke_key_since(mut self, key: PublicKey, since: u64) -> Self {
        let standing = self.of(key);
        standing.revoked = true;
        standing.revoked_since = Some(standing.revoked_since.map_or(since, |known| known.min(since)));
        self
    }

    /// Revokes one token by its id (`jti`): a module's, an account's or a rotation's. An operator
    /// can vouch without a token of its own, so revoking that one only ends the chains that bring
    /// it along, unless the policy requires it ([`operator_token`](Self::operator_token)): then no
    /// chain of the operator counts. To be rid of an operator, revoke its key.
    #[must_use]
    pub fn revoke_token(mut self, id: impl Into<Box<str>>) -> Self {
        self.revoked_tokens.insert(id.into());
        self
    }

    /// Refuses tokens of this module with a lower revision than this, or without one, so that an
    /// old version with a known fault cannot come back.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is no module's key.
    pub fn minimum_revision(mut self, module: PublicKey, revision: i32) -> Result<Self, ClaimsError> {
        let module = module.of_kind(KeyKind::Module, "the module whose revisions have a minimum")?;
        self.of(module).minimum_revision = Some(revision);
        Ok(self)
    }

    /// Refuses module tokens that are valid for longer than this, in whole seconds from their issue
    /// to their end, and those that never expire. An issue in the future is taken to be now.
    #[must_use]
    pub fn max_token_life(mut self, life: Duration) -> Self {
        self.max_life = Some(life.as_secs());
        self
    }

    /// Limits what modules may be granted that this account signed, or that are trusted through
    /// this operator. A limit grants nothing by itself: a module may do what its token grants *and*
    /// every limit on its way leaves. A second limit for the same key replaces the first.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is neither an account's nor an operator's key.
    pub fn limit(mut self, issuer: PublicKey, limit: GrantLimit) -> Result<Self, ClaimsError> {
        let issuer = issuer.of_signer("an issuer with a limit that is not an operator")?;
        self.of(issuer).limit = Some(Arc::new(limit.into()));
        Ok(self)
    }

    /// What the policy says about a key.
    pub(crate) fn standing(&self, key: PublicKey) -> &Standing {
        #[cfg(test)]
        lookups::count();
        self.keys.get(&key).unwrap_or(&UNNAMED)
    }

    /// A key, looked up.
    pub(crate) fn known(&self, key: PublicKey) -> Known<'_> {
        Known { key, standing: self.standing(key) }
    }

    /// Every key that the policy says something about, in their order.
    pub(crate) fn standings(&self) -> impl Iterator<Item = (PublicKey, &Standing)> {
        self.keys.iter().map(|(key, standing)| (*key, standing))
    }

    pub(crate) fn of(&mut self, key: PublicKey) -> &mut Standing {
        self.keys.entry(key).or_default()
    }
}

/// The most tokens about one account, or of one operator, that a policy holds: each may be read for
/// each decision.
const MOST_TOKENS: usize = 64;

/// Keeps a token that is not there yet.
fn keep<T: PartialEq>(tokens: &mut Vec<T>, token: T, what: &'static str) -> Result<(), ClaimsError> {
    if tokens.contains(&token) {
        return Ok(());
    }
    if tokens.len() == MOST_TOKENS {
        return Err(ClaimsError::TooMany { what, count: MOST_TOKENS + 1, limit: MOST_TOKENS });
    }
    tokens.push(token);
    Ok(())
}

/// Counts how often keys are looked up.
#[cfg(test)]
pub(crate) mod lookups {
    use std::cell::Cell;

    thread_local! { static COUNT: Cell<usize> = const { Cell::new(0) }; }

    pub(super) fn count() {
        COUNT.set(COUNT.get() + 1);
    }

    /// How often this thread looks up a key while it does so.
    pub(crate) fn during<T>(run: impl FnOnce() -> T) -> usize {
        let before = COUNT.get();
        run();
        COUNT.get() - before
    }
}
