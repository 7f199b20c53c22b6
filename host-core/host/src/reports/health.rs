//! Tells whether the actors and their links are well.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{self, Display},
    slice,
    sync::Arc,
    time::Instant,
};

use capability_claims::Access;
use capability_contracts::{health::OP_HEALTH_REQUEST, http_server};
use capability_provider::{ActorId, CallContext, CapabilityId, LinkKey, LinkName};
use serde::Serialize;
use untrusted_text::Shown;

use crate::{
    actors::{
        actor::{Actor, Unwell, Word},
        generation::{Admitted, Generation},
    },
    calls::call::{Call, Target},
    changes::foreign::MOST_THREADS,
    error::Error,
    links::{providers::Served, wiring::LinkView},
    reports::{
        asking::{Answers, PATIENCE, Round},
        texts::as_text,
    },
    shared::Shared,
    trust::{audit::AuditHealth, rights::Rights, uses::Allowed},
};

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
    /// How many calls into providers, and questions to actors, have outlasted their deadline and not come back. Each holds a thread. When
    /// there are so many that no thread is left, the host is not [healthy](Self::healthy).
    pub abandoned: usize,
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
    /// Whether the host serves, every actor is well, every link is up, nothing is missing in the audit log, and providers can be asked.
    #[must_use]
    pub fn healthy(&self) -> bool {
        let well = |actor: &ActorHealth| actor.condition == Condition::Healthy;
        let recorded = self.audit.as_ref().is_none_or(|audit| audit.is_whole());
        let threads = self.abandoned < MOST_THREADS;
        self.serving
            && recorded
            && threads
            && self.actors.iter().all(well)
            && self.links.iter().all(|link| link.up)
    }
}

impl Shared {
    pub(crate) fn health(self: &Arc<Self>) -> HealthReport {
        let until = Instant::now() + PATIENCE;
        let root = self.begin();
        let (actors, links) = (self.actors.all(), self.wiring.links(None));
        let mut round = Round::default();
        round.add_providers(links.iter().filter_map(|link| link.served.as_ref()));
        if root.is_ok() {
            round.add_actors(&actors);
        }
        let (answers, words) = round.run(self, until);
        let links = self.link_health(&actors, links, &answers);
        let mut down = HashMap::new();
        for link in links.iter().filter(|link| !link.up) {
            down.entry(&link.actor).or_insert(link);
        }
        // Without a way in nobody was asked.
        let actors = actors.iter().zip(words);
        let actors = actors.filter_map(|(actor, word)| examine(actor, word, down.get(&actor.id).copied()));
        let actors = actors.collect();
        // The log comes last: what was just seen of an actor may have made a record.
        let audit = self.audit.health(self.policy.waiting());
        HealthReport { serving: root.is_ok(), actors, links, audit, abandoned: self.foreign.abandoned() }
    }

    /// The first thing that is not well with one actor. The caller has begun a call.
    pub(crate) fn actor_health(self: &Arc<Self>, actor: &Arc<Actor>) -> Result<(), Error> {
        let until = Instant::now() + PATIENCE;
        let links = self.wiring.links(Some(&actor.id));
        let mut round = Round::default();
        round.add_providers(links.iter().filter_map(|link| link.served.as_ref()));
        let (answers, _) = round.run(self, until);
        let links = self.link_health(slice::from_ref(actor), links, &answers);
        self.check_actor(actor, links.iter().find(|link| !link.up), until)
    }

    /// Its token, then its links, then its own word.
    pub(crate) fn check_actor(
        &self,
        actor: &Actor,
        down: Option<&LinkHealth>,
        until: Instant,
    ) -> Result<(), Error> {
        let gone = || Error::UnknownActor { actor: actor.id.clone() };
        let now = self.policy.now();
        let may_run = |generation: &Generation| generation.rights.may_run(now);
        let admit = || Admitted::find(|| actor.enter(), may_run).ok_or_else(gone)?;
        if let Some(down) = down {
            return Err(down.unavailable());
        }
        let context = CallContext::new().with_deadline(until);
        let target = Target::Actor(actor.id.as_str());
        let call =
            Call { target, caller: None, operation: OP_HEALTH_REQUEST, payload: REQUEST, context: &context };
        self.invoke(&call, admit, &mut Vec::new())
    }

    /// How these links of these actors are, as their providers answered.
    fn link_health(&self, actors: &[Arc<Actor>], links: Vec<LinkView>, answers: &Answers) -> Vec<LinkHealth> {
        let now = self.policy.now();
        let writable = self.audit.writable(now);
        let serving: BTreeMap<_, _> =
            actors.iter().filter_map(|actor| Some((&actor.id, actor.current()?))).collect();
        let links = links.into_iter();
        links
            .map(|LinkView { key, served, delivers }| {
                let answer = |served: &Arc<Served>| answers.get(&Arc::as_ptr(served)).cloned();
                let state = served.as_ref().map_or_else(|| Some(Err("no provider".to_owned())), answer);
                let state = state.unwrap_or(Ok(())).and_then(|()| match serving.get(&key.actor) {
                    Some(serving) => usable(&serving.rights, &key, delivers, writable.as_ref(), now),
                    None => Ok(()),
                });
                LinkHealth::new(key, state)
            })
            .collect()
    }
}

/// How an actor is that gave its word; `None` when it is being removed.
fn examine(actor: &Actor, word: Word, down: Option<&LinkHealth>) -> Option<ActorHealth> {
    let (condition, detail) = match (word, down) {
        (Err(Unwell { refused: true, detail }), _) => (Condition::Refused, Some(detail)),
        (_, Some(down)) => (Condition::LinkDown, Some(down.unavailable().to_string())),
        (Err(Unwell { detail, .. }), None) => (Condition::Failing, Some(detail)),
        (Ok(()), None) => (Condition::Healthy, None),
    };
    let name = actor.current()?.claims().name().map(str::to_owned);
    Some(ActorHealth { id: actor.id.clone(), name, condition, detail })
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

    fn unavailable(&self) -> Error {
        Error::CapabilityUnavailable {
            capability: self.capability.to_string(),
            link: self.link.to_string(),
            reason: self.reason.clone().unwrap_or_default(),
        }
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
        if self.abandoned > 0 {
            writeln!(f, "calls that outlasted their deadline and have not come back: {}", self.abandoned)?;
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
