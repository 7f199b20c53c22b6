//! Records what changes in a host: who comes in, is refused and leaves, and what is linked.

use capability_claims::{KeyKind, Label, ModuleClaims, Provenance};
use capability_provider::{ActorId, LinkKey};
use host_audit::{Authority, Event, Token};

use crate::{
    actors::generation::{Generation, Prepared},
    error::Error,
    links::{place::Place, providers::Served},
    reports::swap_report::SwapReport,
    trust::{audit::Audit, ownership::Handover},
};

impl Audit {
    /// An actor is about to come in.
    pub(crate) fn loaded(
        &self,
        new: &Prepared,
        forced: bool,
        handover: Option<Handover>,
        settings: &[String],
        now: u64,
    ) -> Result<(), Error> {
        let (claims, grants) = (new.rights.claims(), &new.rights.granted());
        let (actor, texts) = (claims.subject().to_string(), TokenTexts::of(claims, &new.provenance));
        let (token, authority) = (texts.token(claims), &texts.authority());
        let event = Event::ActorLoaded {
            actor: &actor,
            token,
            authority,
            grants,
            forced,
            handover: handover.map(Handover::word),
            settings,
        };
        self.record(now, &event, &format!("the load of {}", Label::from(claims)))
    }

    /// Another version is about to take an actor's place.
    pub(crate) fn swapped(
        &self,
        report: &SwapReport,
        old: &Generation,
        new: &Prepared,
        now: u64,
    ) -> Result<(), Error> {
        let claims = new.rights.claims();
        let old_texts = TokenTexts::of(old.claims(), &old.provenance);
        let new_texts = TokenTexts::of(claims, &new.provenance);
        let event = Event::ActorSwapped {
            actor: report.actor.as_str(),
            old: old_texts.token(old.claims()),
            new: new_texts.token(claims),
            authority: &new_texts.authority(),
            gained: &report.grants_gained,
            lost: &report.grants_lost,
            forced: report.forced,
            handover: report.handover.map(Handover::word),
        };
        self.record(now, &event, &format!("the swap of {}", Label::from(claims)))
    }

    /// A link is about to be made.
    pub(crate) fn linked(&self, key: &LinkKey, now: u64) -> Result<(), Error> {
        let LinkKey { actor, capability, link } = key;
        let (actor, capability, link) = (actor.as_str(), capability.as_str(), link.as_str());
        self.record(now, &Event::LinkMade { actor, capability, link }, &format!("the {key}"))
    }

    /// A link is ended.
    pub(crate) fn unlinked(&self, key: &LinkKey, now: u64) {
        let LinkKey { actor, capability, link } = key;
        let (actor, capability, link) = (actor.as_str(), capability.as_str(), link.as_str());
        self.note(now, &Event::LinkEnded { actor, capability, link }, &format!("the end of the {key}"));
    }

    /// A provider is about to come into its place, which another may have now.
    pub(crate) fn provided(&self, served: &Served, old: Option<&Served>, now: u64) -> Result<(), Error> {
        let (capability, link) = (served.place.capability.as_str(), served.place.link.as_str());
        let provider = served.name.as_str();
        let event = match old {
            Some(old) => Event::ProviderReplaced { capability, link, old: &old.name, new: provider },
            None => Event::ProviderAdded { capability, link, provider },
        };
        self.record(now, &event, &format!("the provider of {}", served.place))
    }

    /// A provider was taken away.
    pub(crate) fn dismissed(&self, place: &Place, provider: &str, now: u64) {
        let (capability, link) = (place.capability.as_str(), place.link.as_str());
        let event = Event::ProviderRemoved { capability, link, provider };
        self.note(now, &event, &format!("the end of the provider of {place}"));
    }

    /// What was recorded as about to happen did not.
    pub(crate) fn failed(&self, key: Option<&LinkKey>, served: Option<&Served>, error: &Error, now: u64) {
        if !self.enabled() {
            return;
        }
        let place = served.map(|served| (served.place.capability.as_str(), served.place.link.as_str()));
        let place = place.or(key.map(|key| (key.capability.as_str(), key.link.as_str())));
        let event = Event::ChangeFailed {
            actor: key.map(|key| key.actor.as_str()),
            capability: place.map(|(capability, _)| capability),
            link: place.map(|(_, link)| link),
            reason: &error.to_string(),
        };
        self.note(now, &event, "a change that failed");
    }

    /// A module was not let in, as a new actor or in the place of one.
    pub(crate) fn refused(&self, wasm: &[u8], swap: bool, error: &Error, now: u64) {
        if !self.enabled() {
            return;
        }
        // Whoever a refused module says that it is, the record says that it said so.
        let module = Label::read(wasm);
        let actor = module.as_ref().map(|module| module.key().to_string());
        let (actor, name) = (actor.as_deref(), module.as_ref().and_then(Label::name));
        let reason = &error.to_string();
        match swap {
            true => self.note(now, &Event::SwapRefused { actor, name, reason }, "a refused swap"),
            false => self.note(now, &Event::ActorRefused { actor, name, reason }, "a refused module"),
        }
    }

    /// An actor leaves, recorded or not.
    pub(crate) fn removed(&self, actor: &ActorId, now: u64) {
        let event = Event::ActorRemoved { actor: actor.as_str() };
        self.note(now, &event, &format!("the removal of {actor}"));
    }
}

/// The texts of a token's keys and hash, which an event borrows.
struct TokenTexts<'a> {
    issuer: String,
    module_hash: String,
    authority: Vec<(String, Option<&'a str>)>,
}

impl<'a> TokenTexts<'a> {
    fn of(claims: &ModuleClaims, provenance: &'a Provenance) -> Self {
        // The last link is the module itself, which its token tells of.
        let above = provenance.links().iter().filter(|link| link.kind() != KeyKind::Module);
        let authority = above.map(|link| (link.key().to_string(), link.token())).collect();
        Self { issuer: claims.issuer().to_string(), module_hash: claims.hash().to_string(), authority }
    }

    fn token<'b>(&'b self, claims: &'b ModuleClaims) -> Token<'b> {
        Token {
            id: claims.id(),
            issuer: &self.issuer,
            name: claims.name(),
            revision: claims.revision(),
            version: claims.version(),
            module_hash: &self.module_hash,
        }
    }

    fn authority(&self) -> Vec<Authority<'_>> {
        self.authority.iter().map(|(key, token)| Authority { key, token: *token }).collect()
    }
}
