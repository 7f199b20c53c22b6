//! Holds what comes in against what the revision ledger remembers, and has it remember.

use capability_claims::{ModuleClaims, Owner, Provenance};
use capability_provider::ActorId;

use crate::{
    actors::names,
    error::Error,
    options::AddOptions,
    reports::swap_report::revision,
    shared::Shared,
    trust::{
        ledger::LedgerError,
        ownership::{Handover, Predecessor, Succession},
        rights::Rights,
    },
};

/// How a module brings in an actor that was here before.
pub(crate) struct Succeeds {
    /// Whose it was; none when nothing is remembered.
    pub(crate) place: Option<Predecessor>,
    /// From whom it goes to another account, if it does.
    pub(crate) succession: Option<Succession>,
    /// Whether a lower revision is let in by name.
    pub(crate) below: bool,
}

impl Shared {
    /// Whether a module may bring in an actor that is not here, as far as is remembered of it: whose it is, and its revisions.
    pub(crate) fn succeeds(
        &self,
        actor: &ActorId,
        claims: &ModuleClaims,
        authority: &Provenance,
        options: &AddOptions,
    ) -> Result<Succeeds, Error> {
        let owner = self.ledger.as_ref().map_or(Ok(None), |ledger| ledger.owner(claims.subject()));
        let owner = owner.map_err(not_remembered(actor, claims))?;
        let place = owner.map(|owner| Predecessor::of(owner, options.hand_over_to, authority));
        let (trust, now) = (self.policy.trust(), self.policy.now());
        let succession =
            place.as_ref().map_or(Ok(None), |place| place.gives_way(actor, claims, &trust, now))?;
        let below = self.below_highest(actor, claims, |revision| options.lower_revision == Some(revision))?;
        Ok(Succeeds { place, succession, below })
    }

    /// Whether a module has a lower revision than one of its key that ran before, which is refused unless it is `let_in`.
    pub(crate) fn below_highest(
        &self,
        actor: &ActorId,
        claims: &ModuleClaims,
        let_in: impl FnOnce(i32) -> bool,
    ) -> Result<bool, Error> {
        let offered = revision(claims);
        let highest = self.ledger.as_ref().and_then(|ledger| ledger.highest(claims.subject()));
        match highest.filter(|highest| offered < *highest) {
            None => Ok(false),
            Some(_) if let_in(offered) => Ok(true),
            Some(highest) => {
                let (actor, name) = (actor.clone(), names::of(claims));
                Err(Error::BelowHighestRevision { actor, name, highest, offered })
            }
        }
    }

    /// Remembers the revision of a module that was let in and is about to run. It has no rights when that fails.
    ///
    /// The highest stays when it is `below`, which somebody named, unless the actor went to another account with it: what that one did
    /// not sign is not what its own are measured by. A rotation is no other account.
    pub(crate) fn remember(
        &self,
        rights: &Rights,
        below: bool,
        succession: Option<Succession>,
    ) -> Result<(), Error> {
        let (Some(ledger), claims) = (&self.ledger, rights.claims()) else { return Ok(()) };
        let another = succession.is_some_and(|succession| succession.by != Handover::Rotation);
        ledger.remember(claims.subject(), revision(claims), Owner::of(claims), below && another).map_err(
            |source| {
                rights.end();
                not_remembered(rights.actor(), claims)(source)
            },
        )
    }
}

fn not_remembered(actor: &ActorId, claims: &ModuleClaims) -> impl FnOnce(LedgerError) -> Error {
    |source| {
        let (actor, name) = (actor.clone(), names::of(claims));
        Error::NotRemembered { actor, name, source: Box::new(source) }
    }
}
