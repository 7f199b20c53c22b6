//! Decides whether a module may take the place of an actor that another account brought in.

use std::fmt;

use capability_claims::{
    ClaimsError, KeyKind, ModuleClaims, Owner, OwnershipError, Provenance, PublicKey, Takeover,
};
use capability_provider::ActorId;
use serde::Serialize;

use crate::{actors::names, error::Error, trust::decision::Trust};

/// On whose word an actor went from the account that it belonged to, to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Handover {
    /// A rotation in the policy makes the two keys one.
    Rotation,
    /// The policy binds the actor's key to the new owner.
    Policy,
    /// The policy lets the accounts of an operator that vouches for both share their actors.
    SharedOperator,
    /// The swap or the load named the new owner ([`SwapOptions::hand_over_to`], [`AddOptions::hand_over_to`]).
    ///
    /// [`SwapOptions::hand_over_to`]: crate::SwapOptions::hand_over_to
    /// [`AddOptions::hand_over_to`]: crate::AddOptions::hand_over_to
    Named,
}

impl Handover {
    /// Its name in the audit log and in JSON.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::Policy => "policy",
            Self::SharedOperator => "shared_operator",
            Self::Named => "named",
        }
    }
}

/// The same for people.
impl fmt::Display for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rotation => "a rotation hands over",
            Self::Policy => "the policy binds the actor to the new owner",
            Self::SharedOperator => "the policy lets the operator's accounts share their actors",
            Self::Named => "the new owner was named",
        })
    }
}

/// From whom an actor came to the account that it belongs to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Succession {
    pub(crate) from: PublicKey,
    pub(crate) by: Handover,
}

/// To whom the actor belongs whose place is to be taken, and whether the one who takes it is named.
#[derive(Clone, Copy)]
pub(crate) struct Predecessor {
    owner: Owner,
    named: bool,
}

impl Predecessor {
    /// The owner of an actor that serves or that is remembered, for a module that came in on this authority. The key is that of the
    /// account or operator to whom the actor is to go, if somebody named one.
    pub(crate) fn of(owner: Owner, hand_over_to: Option<PublicKey>, authority: &Provenance) -> Self {
        // Not the module itself, which is the last link: its key says nothing of who signed it.
        let mut above = authority.links().iter().filter(|link| link.kind() != KeyKind::Module);
        let named = |key| above.any(|link| link.key() == key);
        Self { owner, named: hand_over_to.is_some_and(named) }
    }

    /// On whose word `offered` takes the place, under the policies that decide at `now`; `None` when it is the owner's own.
    ///
    /// # Errors
    /// [`Error::NotTheOwner`], and [`Error::Refused`] when `offered` itself does not hold.
    pub(crate) fn gives_way(
        &self,
        actor: &ActorId,
        offered: &ModuleClaims,
        trust: &Trust,
        now: u64,
    ) -> Result<Option<Succession>, Error> {
        let by = match trust.may_take_over(self.owner, offered, now) {
            Ok(Takeover::SameIssuer) => return Ok(None),
            Ok(Takeover::Rotation) => Handover::Rotation,
            Ok(Takeover::SharedOperator(_)) => Handover::SharedOperator,
            Ok(_) => Handover::Policy,
            Err(ClaimsError::Ownership(OwnershipError::NotTheOwner { .. })) if self.named => Handover::Named,
            Err(ClaimsError::Ownership(OwnershipError::NotTheOwner { owner, issuer, .. })) => {
                let (actor, name) = (actor.clone(), names::of(offered));
                return Err(Error::NotTheOwner { actor, name, owner, issuer });
            }
            Err(source) => {
                return Err(Error::Refused { module: Some(offered.into()), source: Box::new(source) });
            }
        };
        Ok(Some(Succession { from: self.owner.account(), by }))
    }
}
