//! Lists what is worth a record.

use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::hash::RecordHash;

/// The most bytes of text of one list, such as the grants of a token. A whole token has no more than 64 KiB in base64.
const LONGEST_LIST: usize = 48 * 1024;

/// The most keys of one authority.
const MOST_KEYS: usize = 4;

/// What happened. Texts may come from strangers: they are escaped, and cut when they are longer than 1 KiB.
///
/// No event has a place for a payload or a secret. Actors are named by their keys (`M...`), issuers by theirs (`A...`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event<'a> {
    /// A host begins to write here.
    HostStarted {
        /// The version of the host's software.
        version: &'a str,
    },
    /// What the host was set to when it began.
    SettingsApplied {
        /// Each setting with its value, as `name=value`.
        #[serde(serialize_with = "bounded")]
        settings: &'a [String],
    },
    /// The host ends in an orderly way.
    HostStopped,
    /// An actor was verified and let in.
    ActorLoaded {
        /// The actor's key.
        actor: &'a str,
        /// The token that let it in.
        token: Token<'a>,
        /// On whose authority: from the key that the policy trusts to the account that signed the token, each with its token's id.
        #[serde(serialize_with = "first_few")]
        authority: &'a [Authority<'a>],
        /// What this token grants: capability ids, and keys of actors that it may call.
        #[serde(serialize_with = "bounded")]
        grants: &'a [String],
        /// Whether it was let in by name although a higher revision had run.
        forced: bool,
        /// The key that allowed this account to take it over from the one that the ledger remembers; none when it was not taken over.
        handover: Option<&'a str>,
        /// Each setting that this actor has of its own with its value, as `name=value`; left out when it has none.
        #[serde(serialize_with = "bounded", skip_serializing_if = "<[String]>::is_empty")]
        settings: &'a [String],
    },
    /// A module was not let in.
    ActorRefused {
        /// The key that the module claims to have, if that could be read. A refused module may claim anything.
        actor: Option<&'a str>,
        /// The name that it claims to have.
        name: Option<&'a str>,
        /// Why it was refused.
        reason: &'a str,
    },
    /// Another version took an actor's place.
    ActorSwapped {
        /// The actor's key.
        actor: &'a str,
        /// The token of the version that served before.
        old: Token<'a>,
        /// The token of the version that serves now.
        new: Token<'a>,
        /// On whose authority the new version came: as for a load.
        #[serde(serialize_with = "first_few")]
        authority: &'a [Authority<'a>],
        /// What the new token grants and the old one did not.
        #[serde(serialize_with = "bounded")]
        gained: &'a [String],
        /// What the old token granted and the new one does not.
        #[serde(serialize_with = "bounded")]
        lost: &'a [String],
        /// Whether a lower revision was let in by force.
        forced: bool,
        /// The key that allowed another account to take the actor over; none when the same one signed both versions.
        handover: Option<&'a str>,
    },
    /// A module that should have taken an actor's place was not let in.
    SwapRefused {
        /// The key that the module claims to have, if that could be read.
        actor: Option<&'a str>,
        /// The name that it claims to have.
        name: Option<&'a str>,
        /// Why it was refused.
        reason: &'a str,
    },
    /// An actor was taken out.
    ActorRemoved {
        /// The actor's key.
        actor: &'a str,
    },
    /// A link was made: from here on the actor can reach the provider, and the provider the actor.
    LinkMade {
        /// The actor's key.
        actor: &'a str,
        /// The capability's id.
        capability: &'a str,
        /// The link's name.
        link: &'a str,
    },
    /// A link was ended.
    LinkEnded {
        /// The actor's key.
        actor: &'a str,
        /// The capability's id.
        capability: &'a str,
        /// The link's name.
        link: &'a str,
    },
    /// A provider came into its place.
    ProviderAdded {
        /// The capability's id.
        capability: &'a str,
        /// The link name under which it serves.
        link: &'a str,
        /// The provider's name.
        provider: &'a str,
    },
    /// Another provider took the place of one.
    ProviderReplaced {
        /// The capability's id.
        capability: &'a str,
        /// The link name under which it serves.
        link: &'a str,
        /// The name of the one that served before.
        old: &'a str,
        /// The name of the one that serves now.
        new: &'a str,
    },
    /// A provider was taken away; its links are down.
    ProviderRemoved {
        /// The capability's id.
        capability: &'a str,
        /// The link name under which it served.
        link: &'a str,
        /// The provider's name.
        provider: &'a str,
    },
    /// What had just been recorded, a load, a link or a provider, failed in the end: it did not happen.
    ChangeFailed {
        /// The actor's key, when it is about one.
        actor: Option<&'a str>,
        /// The capability's id, when it is about one.
        capability: Option<&'a str>,
        /// The link's name, when it is about one.
        link: Option<&'a str>,
        /// Why.
        reason: &'a str,
    },
    /// An actor used a grant for this operation, over this link, for the first time while one policy decides.
    GrantUsed {
        /// The actor's key.
        actor: &'a str,
        /// The capability's id, or the key of the actor that was called.
        capability: &'a str,
        /// The link's name; none for a call to an actor.
        link: Option<&'a str>,
        /// The operation.
        operation: &'a str,
    },
    /// An actor asked for what it may not do.
    GrantDenied {
        /// The actor's key.
        actor: &'a str,
        /// The capability's id, or the key of the actor that was to be called.
        capability: &'a str,
        /// The link's name; none for a call to an actor.
        link: Option<&'a str>,
        /// The operation.
        operation: &'a str,
        /// Why it was denied.
        reason: &'a str,
    },
    /// Another trust policy holds from here on.
    PolicyReplaced {
        /// The new policy in words. However long they are, the record has the hash of all of them beside as many as fit.
        #[serde(serialize_with = "digested")]
        policy: &'a str,
    },
    /// A host tried the log, which could not be written before. This record says that it can be written again.
    LogResumed,
    /// A policy was to be read and could not be: the one before goes on to decide.
    PolicyUnreadable {
        /// Where it was to be read, and why that failed.
        reason: &'a str,
    },
    /// An actor does so many different things of one kind that they are only counted from here on, until another policy decides or
    /// another version takes its place.
    CountingBegan {
        /// The actor's key.
        actor: &'a str,
        /// What is counted.
        of: Counted,
    },
    /// How many of one kind have no record of their own since counting began or the count before this. Written at intervals, when the
    /// actor's version goes, and when the host ends.
    Counted {
        /// The actor's key.
        actor: &'a str,
        /// What was counted.
        of: Counted,
        /// How many.
        count: u64,
        /// The capability of the last one, or the key of the actor that was to be called.
        capability: &'a str,
        /// The link of the last one; none for a call to an actor.
        link: Option<&'a str>,
        /// The operation of the last one.
        operation: &'a str,
    },
    /// An actor that runs may make no more calls: its token or the policy no longer allows it.
    ActorBarred {
        /// The actor's key.
        actor: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// An actor that was barred may make calls again.
    ActorRestored {
        /// The actor's key.
        actor: &'a str,
        /// Why.
        reason: &'a str,
    },
}

/// What an actor may do so often that it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Counted {
    /// Uses of a grant that are allowed, in operations beyond the first ones of the grant.
    Uses,
    /// Denied uses of what the actor's token grants: over a link or for an operation that is not allowed.
    DenialsOfGrants,
    /// Denied uses of what the actor's token does not grant.
    OtherDenials,
}

impl Counted {
    /// The same in words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Uses => "uses of grants",
            Self::DenialsOfGrants => "denied uses of what its token grants",
            Self::OtherDenials => "denied uses of what its token does not grant",
        }
    }
}

/// One key on the way from the policy to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Authority<'a> {
    /// The operator's or account's key.
    pub key: &'a str,
    /// The id (`jti`) of the token about it; none for a key that is trusted without one.
    pub token: Option<&'a str>,
}

/// One version of an actor, as its token tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Token<'a> {
    /// The token's own id (`jti`).
    pub id: &'a str,
    /// The key of the account that signed it.
    pub issuer: &'a str,
    /// The actor's name for people.
    pub name: Option<&'a str>,
    /// The revision.
    pub revision: Option<i32>,
    /// The version for people.
    pub version: Option<&'a str>,
    /// The hash of the module, as the token has it.
    pub module_hash: &'a str,
}

/// What the log has to say of itself.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Notice {
    /// A record that was only partly written, by a host that then ended, was cut off: so many bytes.
    PartialRecordRemoved { bytes: u64 },
    /// So many records could not be written since the one before this, the first of them at this time.
    RecordsLost { count: u64, since: u64 },
}

#[derive(Serialize)]
struct Digested<'a> {
    text: &'a str,
    sha256: RecordHash,
}

/// The text, which may be cut, and its hash, for which it is not.
fn digested<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    Digested { text, sha256: RecordHash::of(text.as_bytes()) }.serialize(serializer)
}

/// No authority has more keys than these.
fn first_few<S: Serializer>(authority: &&[Authority<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(authority.iter().take(MOST_KEYS))
}

/// As many of the texts as fit, and how many there are beside them.
fn bounded<S: Serializer>(texts: &&[String], serializer: S) -> Result<S::Ok, S::Error> {
    let mut room = LONGEST_LIST;
    let fits = |text: &&String| {
        // The quotes and the comma count too, so that a list of nothing but empty texts ends as well.
        let left = room.checked_sub(text.len() + 3);
        room = left.unwrap_or(0);
        left.is_some()
    };
    let fitting = texts.iter().take_while(fits).count();
    let mut list = serializer.serialize_seq(None)?;
    for text in &texts[..fitting] {
        list.serialize_element(text)?;
    }
    if fitting < texts.len() {
        list.serialize_element(&format_args!("... ({} more)", texts.len() - fitting))?;
    }
    list.end()
}
