//! Whether the actors and their links are well.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    slice,
    sync::Arc,
    time::Duration,
};

use capability_claims::Access;
use capability_contracts::{health::OP_HEALTH_REQUEST, http_server};
use capability_provider::{ActorId, CallContext, CapabilityId, LinkKey, LinkName};
use serde::Serialize;
use untrusted_text::Shown;

use crate::{
    actors::Actor,
    audit::AuditHealth,
    calls::{Call, Target},
    error::Error,
    generation::{Admitted, Generation},
    providers::Served,
    rights::Rights,
    shared::Shared,
    status::as_text,
    uses::Allowed,
    wiring::LinkView,
};

/// How long an actor may take to answer its health request.
const PATIENCE: Duration = Duration::from_secs(2);

/// `HealthRequest { placeholder: false }` as the contract encodes it; a test holds the two together.
const REQUEST: &[u8] = b"\x81\xabplaceholder\xc2";

/// What was seen when every actor and every link was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// Whether the host takes calls; false once it shuts down.
    pub serving: bool,
    /// The actors, in the order of their ids.
    pub actors: Vec<ActorHealth>,
    /// The links, in the order of their keys.
    pub links: Vec<LinkHealth>,
    /// The audit log; `None` when the host has none.
    pub audit: Option<AuditHealth>,
}

/// How one actor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ActorHealth {
    /// The actor.
    #[serde(serialize_with = "as_text")]
    pub id: ActorId,
    /// Its name for people.
    pub name: Option<String>,
    /// How it is.
    pub condition: Condition,
    /// What was seen, unless it is well.
    pub detail: Option<String>,
}

/// How an actor is: the first of these that holds, from bottom to top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// It answers, and all of its links are up.
    Healthy,
    /// It answers its health request with an error, or not at all.
    Failing,
    /// One of its links is down.
    LinkDown,
    /// It may not be called: its token does not hold any more, or the policy does not let it run.
    Refused,
}

/// How one link is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LinkHealth {
    /// The actor.
    #[serde(serialize_with = "as_text")]
    pub actor: ActorId,
    /// The capability.
    #[serde(serialize_with = "as_text")]
    pub capability: CapabilityId,
    /// The link's name.
    #[serde(serialize_with = "as_text")]
    pub link: LinkName,
    /// Whether it can be used now: its provider is well, the actor's token and the policy leave something of the capability, and what the
    /// provider delivers can be recorded where it must be.
    pub up: bool,
    /// Why it cannot.
    pub reason: Option<String>,
}

impl HealthReport {
    /// Whether the host serves, every actor is well, every link is up and nothing is missing in the audit log.
    #[must_use]
    pub fn healthy(&self) -> bool {
        let well = |actor: &ActorHealth| actor.condition == Condition::Healthy;
        let recorded = self.audit.as_ref().is_none_or(|audit| audit.is_whole());
        self.serving && recorded && self.actors.iter().all(well) && self.links.iter().all(|link| link.up)
    }
}

impl Shared {
    pub(crate) fn health(&self) -> HealthReport {
        let links = self.link_health(&self.actors.all(), self.wiring.links(None));
        let Ok(_root) = self.begin() else {
            return HealthReport {
                serving: false,
                actors: Vec::new(),
                links,
                audit: self.audit.health(self.policy.waiting()),
            };
        };
        let actors = self.actors.all();
        let actors = actors.iter().filter_map(|actor| self.examine(actor, &links)).collect();
        // The log comes last: what was just seen of an actor may have made a record.
        HealthReport { serving: true, actors, links, audit: self.audit.health(self.policy.waiting()) }
    }

    /// The first thing that is not well with one actor. The caller has begun a call.
    pub(crate) fn actor_health(&self, actor: &Arc<Actor>) -> Result<(), Error> {
        let links = self.link_health(slice::from_ref(actor), self.wiring.links(Some(&actor.id)));
        self.check_actor(actor, links.iter().find(|link| !link.up))
    }

    /// `None` when the actor is being removed.
    fn examine(&self, actor: &Actor, links: &[LinkHealth]) -> Option<ActorHealth> {
        let down = links.iter().find(|link| link.actor == actor.id && !link.up);
        let (condition, detail) = match self.check_actor(actor, down) {
            Ok(()) => (Condition::Healthy, None),
            Err(error @ Error::NoLongerValid { .. }) => (Condition::Refused, Some(error.to_string())),
            Err(error) if down.is_some() => (Condition::LinkDown, Some(error.to_string())),
            Err(error) => (Condition::Failing, Some(error.to_string())),
        };
        let name = actor.current()?.claims().name().map(str::to_owned);
        Some(ActorHealth { id: actor.id.clone(), name, condition, detail })
    }

    /// Its token, then its links, then its own word.
    fn check_actor(&self, actor: &Actor, down: Option<&LinkHealth>) -> Result<(), Error> {
        let gone = || Error::UnknownActor { actor: actor.id.clone() };
        let now = self.policy.now();
        let may_run = |generation: &Generation| generation.rights.may_run(now);
        let admit = || Admitted::find(|| actor.enter(), may_run).ok_or_else(gone)?;
        if let Some(down) = down {
            return Err(Error::CapabilityUnavailable {
                capability: down.capability.to_string(),
                link: down.link.to_string(),
                reason: down.reason.clone().unwrap_or_default(),
            });
        }
        let patience = PATIENCE.min(self.limits.call_deadline);
        let context = CallContext::new().with_timeout(patience);
        let target = Target::Actor(actor.id.as_str());
        let call =
            Call { target, caller: None, operation: OP_HEALTH_REQUEST, payload: REQUEST, context: &context };
        self.invoke(&call, admit, &mut Vec::new())
    }

    /// How these links of these actors are. Each provider is asked once, with no lock held.
    fn link_health(&self, actors: &[Arc<Actor>], links: Vec<LinkView>) -> Vec<LinkHealth> {
        let now = self.policy.now();
        let writable = self.audit.writable(now);
        let serving: BTreeMap<_, _> =
            actors.iter().filter_map(|actor| Some((&actor.id, actor.current()?))).collect();
        let mut asked: Vec<(Arc<Served>, Result<(), String>)> = Vec::new();
        let mut ask = |served: &Arc<Served>| {
            if let Some((_, answer)) = asked.iter().find(|(other, _)| Arc::ptr_eq(other, served)) {
                return answer.clone();
            }
            let answer = served.health();
            asked.push((Arc::clone(served), answer.clone()));
            answer
        };
        let links = links.into_iter();
        links
            .map(|LinkView { key, served, delivers }| {
                let state = served.as_ref().map_or_else(|| Err("no provider".to_owned()), &mut ask);
                let state = state.and_then(|()| match serving.get(&key.actor) {
                    Some(serving) => usable(&serving.rights, &key, delivers, writable.as_ref(), now),
                    None => Ok(()),
                });
                LinkHealth::new(key, state)
            })
            .collect()
    }
}

/// Whether anything passes over a link whose provider is well.
fn usable(
    rights: &Rights,
    key: &LinkKey,
    delivers: bool,
    writable: Result<&(), &Error>,
    now: u64,
) -> Result<(), String> {
    // A token that does not hold is the actor's own matter, and told there.
    if rights.hold(now).is_err() {
        return Ok(());
    }
    let (capability, link) = (key.capability.as_str(), key.link.as_str());
    if !(delivers && capability == http_server::CAPABILITY) {
        return rights.reaches(capability, link, now).map_err(|error| error.to_string());
    }
    let request = Access::capability(capability, link, http_server::OP_HANDLE_REQUEST);
    match (rights.would_allow(&request, now), writable) {
        (Err(error), _) => Err(error.to_string()),
        (Ok(Allowed::First(_)), Err(unrecorded)) => Err(unrecorded.to_string()),
        _ => Ok(()),
    }
}

impl LinkHealth {
    fn new(key: LinkKey, state: Result<(), String>) -> Self {
        let LinkKey { actor, capability, link } = key;
        Self { actor, capability, link, up: state.is_ok(), reason: state.err() }
    }
}

impl Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.serving {
            writeln!(f, "the host is shut down")?;
        }
        for actor in &self.actors {
            writeln!(f, "{actor}")?;
        }
        for link in &self.links {
            writeln!(f, "{link}")?;
        }
        if let Some(audit) = &self.audit {
            audit.fmt(f)?;
        }
        f.write_str(if self.healthy() { "healthy" } else { "not healthy" })
    }
}

impl Display for ActorHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Shown::new(self.name.as_deref().unwrap_or("unnamed"));
        match &self.detail {
            None => write!(f, "actor {name} ({}) is well", self.id),
            Some(detail) => write!(f, "actor {name} ({}) is not well: {detail}", self.id),
        }
    }
}

impl Display for LinkHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link `{}` of {} to {} is ", self.link, self.actor, self.capability)?;
        match &self.reason {
            None => f.write_str("up"),
            Some(reason) => write!(f, "down: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use capability_contracts::{encode, health::HealthRequest};

    use super::*;

    #[test]
    fn the_request_is_the_contracts() {
        assert_eq!(encode(&HealthRequest::default()).unwrap(), REQUEST);
    }
}
