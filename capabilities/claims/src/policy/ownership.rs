//! Decides who may take over whose actor, and binds modules to owners.

use std::collections::BTreeSet;

use crate::{
    error::{ClaimsError, OwnershipError},
    keys::{KeyKind, PublicKey},
    policy::{TrustPolicy, check::Anchor, pattern::NamePattern},
    tokens::{AccountClaims, ModuleClaims},
};

/// Why one issuer may put a module in the place of another's: see [`TrustPolicy::may_take_over`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Takeover {
    /// It is the same issuer.
    SameIssuer,
    /// A rotation makes the two issuers one.
    Rotation,
    /// The policy binds the module's key to the new issuer.
    Named,
    /// This operator vouches for both, and the policy lets its accounts take over each other's actors.
    SharedOperator(PublicKey),
}

/// To whom an actor belongs: the account that signed its module, and the operator that vouched for
/// that account, when the module or the tokens beside it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    account: PublicKey,
    operator: Option<PublicKey>,
}

impl Owner {
    /// The owner that was remembered as these keys.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the first is no account's key or the second no operator's.
    pub fn new(account: PublicKey, operator: Option<PublicKey>) -> Result<Self, ClaimsError> {
        let account = account.of_kind(KeyKind::Account, "the account that an actor belongs to")?;
        let role = "the operator of the account that an actor belongs to";
        let operator = operator.map(|key| key.of_kind(KeyKind::Operator, role)).transpose()?;
        Ok(Self { account, operator })
    }

    /// The owner of a module with these claims.
    #[must_use]
    pub fn of(claims: &ModuleClaims) -> Self {
        let operator = claims.chain().map(|chain| chain.account().operator());
        Self { account: claims.issuer(), operator }
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> PublicKey {
        self.account
    }

    /// The operator; `None` for an account that is trusted without one, or by a token that the policy holds.
    #[must_use]
    pub fn operator(&self) -> Option<PublicKey> {
        self.operator
    }
}

impl TrustPolicy {
    /// Binds a module's key to this owner: nobody else's module of this key runs. Several owners of
    /// one key are each enough. An operator stands for all accounts that it vouches for.
    ///
    /// This also names the owner as one that may take over the actor: see
    /// [`may_take_over`](Self::may_take_over).
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the first is no module's key, or the owner neither an
    /// account nor an operator.
    pub fn bind_module(mut self, module: PublicKey, owner: PublicKey) -> Result<Self, ClaimsError> {
        let module = module.of_kind(KeyKind::Module, "a module that is bound to an owner")?;
        let owner = owner_of_kind(owner)?;
        self.bindings.modules.entry(module).or_default().insert(owner);
        Ok(self)
    }

    /// Binds all modules with such a name to this owner; the second name (`call_alias`) counts too.
    /// One `*` in the pattern stands for any characters, also for none; everything else is compared
    /// letter by letter.
    ///
    /// # Errors
    /// [`OwnershipError::Pattern`] for an empty pattern, a long one or one with several `*`;
    /// [`ClaimsError::WrongKeyKind`].
    pub fn bind_name(mut self, pattern: &str, owner: PublicKey) -> Result<Self, ClaimsError> {
        let owner = owner_of_kind(owner)?;
        self.bindings.names.entry(NamePattern::parse(pattern)?).or_default().insert(owner);
        Ok(self)
    }

    /// Binds all modules with this tag to this owner. Tags are compared letter by letter.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when the owner is neither an account nor an operator.
    pub fn bind_tag(mut self, tag: impl Into<Box<str>>, owner: PublicKey) -> Result<Self, ClaimsError> {
        let owner = owner_of_kind(owner)?;
        self.bindings.tags.entry(tag.into()).or_default().insert(owner);
        Ok(self)
    }

    /// Lets the accounts of this operator take over each other's actors: see
    /// [`may_take_over`](Self::may_take_over).
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is no operator's key.
    pub fn share_actors(mut self, operator: PublicKey) -> Result<Self, ClaimsError> {
        let role = "the operator whose accounts share their actors";
        self.bindings.shared.insert(operator.of_kind(KeyKind::Operator, role)?);
        Ok(self)
    }

    /// Whether a module may be put in the place of another of the same key that runs here: yes if
    /// the same account signed it, if a rotation makes the two accounts one, if the policy binds
    /// the module's key to the new account or its operator, or if one operator vouches for both and
    /// the policy lets its accounts share ([`share_actors`](Self::share_actors)).
    ///
    /// `offered` must hold under this policy, which is checked ([`check`](Self::check)); `running`
    /// need not hold any longer, for the actor of a revoked account still belongs to it. `now` is
    /// in seconds since 1970.
    ///
    /// # Errors
    /// [`OwnershipError::NotTheOwner`], or why `offered` does not hold.
    pub fn may_take_over(
        &self,
        running: &ModuleClaims,
        offered: &ModuleClaims,
        now: u64,
    ) -> Result<Takeover, ClaimsError> {
        self.may_take_over_from(Owner::of(running), offered, now)
    }

    /// As [`may_take_over`](Self::may_take_over), for an actor that no longer runs and whose owner
    /// was remembered.
    ///
    /// # Errors
    /// As [`may_take_over`](Self::may_take_over).
    pub fn may_take_over_from(
        &self,
        owner: Owner,
        offered: &ModuleClaims,
        now: u64,
    ) -> Result<Takeover, ClaimsError> {
        self.check(offered, now)?;
        let issuer = offered.issuer();
        if owner.account == issuer {
            return Ok(Takeover::SameIssuer);
        }
        if self.in_one_line(owner.account, issuer, now) {
            return Ok(Takeover::Rotation);
        }
        let named = self.bindings.modules.get(&offered.subject());
        // A binding that did not hold would have been refused above.
        if named.is_some() {
            return Ok(Takeover::Named);
        }
        if let Some(operator) = self.shared_operator(owner, offered, now) {
            return Ok(Takeover::SharedOperator(operator));
        }
        Err(OwnershipError::NotTheOwner { subject: offered.into(), owner: owner.account, issuer }.into())
    }

    /// The operator that vouches for both, if it lets its accounts share. For the account whose
    /// actor runs, a token counts even when it has expired: the actor came in by it.
    fn shared_operator(&self, owner: Owner, offered: &ModuleClaims, now: u64) -> Option<PublicKey> {
        if self.bindings.shared.is_empty() {
            return None;
        }
        let line = |key| self.line(self.known(key), now);
        let handed = line(owner.account).filter_map(|known| self.vouchers.get(&known.key)).flatten();
        let vouching = handed.map(AccountClaims::operator).chain(owner.operator);
        let trusted = vouching.filter(|key| line(*key).any(|known| known.standing.operator));
        let owners: BTreeSet<PublicKey> = trusted.flat_map(line).map(|known| known.key).collect();
        let of_offered = self.ask(offered, now).holding().filter_map(Anchor::operator);
        let mut keys = of_offered.flat_map(|known| self.line(known, now)).map(|known| known.key);
        keys.find(|key| self.bindings.shared.contains(key) && owners.contains(key))
    }
}

fn owner_of_kind(owner: PublicKey) -> Result<PublicKey, ClaimsError> {
    owner.of_signer("an owner that is not an operator")
}
