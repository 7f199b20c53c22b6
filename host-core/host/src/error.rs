//! Tells what can go wrong in a host.

use std::{error::Error as StdError, fmt, io, sync::Arc, time::Duration};

use capability_claims::{ClaimsError, Label, PublicKey};
use capability_provider::{ActorId, CapabilityId, IdError, LinkKey, LinkName, ProviderError};
use host_audit::AuditError;
use system_limits::NotTaken;
use untrusted_text::Shown;
use wapc_host::Unreached;

use crate::{reports::policy_report::PolicyReport, trust::ledger::LedgerError};

/// Why the host did not do what it was asked to. Match the variants, never the text.
///
/// Whatever a module, a token or a provider does, the host stays up: everything comes back as one of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    // --- Making a host ---------------------------------------------------------------------------------------------
    /// The builder was given no trust policy.
    #[error("a host without a trust policy trusts nobody and is not built: give one to HostBuilder::trust")]
    NoTrustPolicy,
    /// The WebAssembly engine did not start.
    #[error("the WebAssembly engine did not start: {source}")]
    Engine {
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The operating system gave no thread.
    #[error("a thread of the host was not started: {source}")]
    Thread {
        /// What was seen.
        #[source]
        source: io::Error,
    },

    // --- Changing it -----------------------------------------------------------------------------------------------
    /// The module was not let in. The source tells unsigned, forged, altered, expired, not yet valid and not trusted apart.
    #[error(fmt = refused)]
    Refused {
        /// Who the module says that it is, which nothing may have proven; `None` when it has no token that can be read.
        module: Option<Label>,
        /// Why.
        #[source]
        source: Box<ClaimsError>,
    },
    /// The module verifies but cannot be compiled or does not start.
    #[error("\"{name}\" ({actor}) cannot run here: {source}")]
    CannotRun {
        /// The actor.
        actor: ActorId,
        /// The name in its token.
        name: Box<str>,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The module makes a host call while it starts, and does not start when that is refused with [`Error::NotAdmitted`], as it is for every
    /// module.
    #[error(
        "\"{name}\" ({actor}) cannot run here: it asks for `{capability}` while it starts, and is not let in before it has started; \
         have it make this host call in the first call that comes in ({source})"
    )]
    CallsWhileStarting {
        /// The actor that it is to be.
        actor: ActorId,
        /// The name in its token.
        name: Box<str>,
        /// What it asked for first; cut when it is very long.
        capability: String,
        /// How its start ended then.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// There is an actor of this key already.
    #[error("{actor} is here already: use replace_actor to put another version in its place")]
    ActorExists {
        /// The actor.
        actor: ActorId,
    },
    /// There is no actor of this key.
    #[error("there is no actor {actor} here: add it first")]
    UnknownActor {
        /// The actor.
        actor: ActorId,
    },
    /// The module that was to replace an actor has a lower revision.
    #[error(
        "\"{name}\" ({actor}) serves with revision {current} and is not replaced by revision {offered}: sign the module \
         with a higher one, or force the swap"
    )]
    RevisionTooLow {
        /// The actor.
        actor: ActorId,
        /// The name in the offered token.
        name: Box<str>,
        /// The revision that serves; a token without one counts as 0.
        current: i32,
        /// The revision that was offered; a token without one counts as 0.
        offered: i32,
    },
    /// A module has a lower revision than one of its key that ran before, as the host's
    /// [revision ledger](crate::HostBuilder::revision_ledger) remembers.
    #[error(
        "\"{name}\" ({actor}) ran here with revision {highest} and does not come back with revision {offered}: sign it with a \
         higher one, or let this one in by name (`lower_revision` = {offered})"
    )]
    BelowHighestRevision {
        /// The actor.
        actor: ActorId,
        /// The name in the offered token.
        name: Box<str>,
        /// The highest revision that ran.
        highest: i32,
        /// The revision that was offered; a token without one counts as 0.
        offered: i32,
    },
    /// A module's revision could not be written to the host's [revision ledger](crate::HostBuilder::revision_ledger), so that the module
    /// was not let in.
    #[error("\"{name}\" ({actor}) is not let in, because its revision cannot be remembered: {source}")]
    NotRemembered {
        /// The actor.
        actor: ActorId,
        /// The name in the offered token.
        name: Box<str>,
        /// Why.
        #[source]
        source: Box<LedgerError>,
    },
    /// The module that was to replace an actor is signed for another key.
    #[error(
        "{actor} is not replaced by \"{name}\", which is signed for the key {offered}: sign the module for the actor's \
         own key, or add it as an actor of its own"
    )]
    OtherActor {
        /// The actor that was to be replaced.
        actor: ActorId,
        /// The key that the module is signed for.
        offered: ActorId,
        /// The name in the offered token.
        name: Box<str>,
    },
    /// The module is signed by another account than the one that the actor belongs to: the one that brought it in, or to which it was
    /// handed over. To whom an actor belongs that is not here, the host's [revision ledger](crate::HostBuilder::revision_ledger)
    /// remembers.
    #[error(
        "\"{name}\" ({actor}) belongs to {owner}, and no module that {issuer} signed takes its place: have its owner sign it, or \
         hand it over by a rotation, by [owners] in the policy, or by name (`hand_over_to`)"
    )]
    NotTheOwner {
        /// The actor.
        actor: ActorId,
        /// The name in the offered token.
        name: Box<str>,
        /// The account that signed the version that serves, or the last one that did.
        owner: PublicKey,
        /// The account that signed the one that was offered.
        issuer: PublicKey,
    },
    /// There is a provider in this place already.
    #[error(
        "{capability} (link `{link}`) has the provider `{provider}` already: use replace_provider to put another in its place"
    )]
    ProviderExists {
        /// The capability.
        capability: CapabilityId,
        /// The link name under which it is served.
        link: LinkName,
        /// The name of the provider that is there.
        provider: String,
    },
    /// There is no provider in this place.
    #[error("{capability} (link `{link}`) has no provider: add one first")]
    UnknownProvider {
        /// The capability.
        capability: CapabilityId,
        /// The link name.
        link: LinkName,
    },
    /// There is a link of this key already.
    #[error("{link} is there already: unlink it first")]
    LinkExists {
        /// The link.
        link: LinkKey,
    },
    /// There is no link of this key.
    #[error("there is no {link}")]
    UnknownLink {
        /// The link.
        link: LinkKey,
    },
    /// The provider refused a link.
    #[error("the provider `{provider}` did not make the {link}: {source}")]
    LinkFailed {
        /// The link.
        link: LinkKey,
        /// The provider's name.
        provider: String,
        /// What it said.
        #[source]
        source: Box<ProviderError>,
    },
    /// A provider changed from inside its own `link` or `unlink` what that itself is part of changing: the same link, the same place or the
    /// same actor. It would wait for itself. What has nothing to do with it can be changed.
    #[error(
        "the host cannot be changed from inside the same change: let the provider's link or unlink return first"
    )]
    Reentered,
    /// The provider did not come back in time from what the host asked of it. A link that it makes later is ended again.
    #[error("the provider `{provider}` did not come back from {doing} within {limit:?}")]
    ProviderLate {
        /// The provider's name.
        provider: String,
        /// What it was doing.
        doing: &'static str,
        /// The time that it had: see [`HostBuilder::provider_deadline`](crate::HostBuilder::provider_deadline).
        limit: Duration,
    },
    /// The provider was not asked, because too many calls into providers have not come back: its own, or those of all.
    #[error(
        "the provider `{provider}` was not asked, for {held} calls into providers have not come back where {limit} may be out: see in \
         the health of the host which provider hangs"
    )]
    ProviderBusy {
        /// The provider's name.
        provider: String,
        /// How many calls are out.
        held: usize,
        /// How many may be.
        limit: usize,
    },
    /// The host shuts down or was shut down.
    #[error("the host is shut down: build another")]
    ShuttingDown,
    /// What was to be done could not be recorded in the audit log, whose owner wants that nothing happens unrecorded. It did not
    /// happen. The text may reach a guest, so that the log's place is told by the source only.
    #[error(
        "{what} did not happen, because the audit log could not be written: see to its disk, as the log and health of the \
         host tell, or let the host go on without records"
    )]
    NotRecorded {
        /// What did not happen, with the name of whom it is about.
        what: String,
        /// Why there is no record.
        #[source]
        source: Box<AuditError>,
    },

    /// The policy could not be recorded in the audit log, whose owner wants that nothing happens unrecorded. What it takes away holds
    /// all the same; what it allows beyond the policy before does not yet, until the log takes its record, which is tried again and
    /// again. The [report](crate::PolicyReport) tells what changed so far.
    #[error(
        "what the policy takes away holds now, but what it allows waits until the audit log can be written: {source}"
    )]
    PolicyWaits {
        /// What changed for the actors that are here.
        report: Box<PolicyReport>,
        /// Why there is no record.
        #[source]
        source: Box<AuditError>,
    },

    // --- Asking for more than was granted --------------------------------------------------------------------------
    /// The actor is here, but may not be called: its token does not hold any more, or the policy that decides now does not let
    /// it run. The source tells which: expired, revoked, denied, no longer trusted, below the lowest revision, and more.
    #[error("the actor may not be called any more: {}", .module.refusal(.source))]
    NoLongerValid {
        /// The actor.
        actor: ActorId,
        /// The same for people, with the name in its token.
        module: Label,
        /// Why.
        #[source]
        source: Box<ClaimsError>,
    },
    /// The actor's token does not grant what it asked for.
    #[error("{source}")]
    NotGranted {
        /// The actor that asked.
        actor: ActorId,
        /// What was not granted.
        #[source]
        source: Box<ClaimsError>,
    },
    /// The module made a host call while it was started to be let in. What it may do begins when it is let in and that is recorded.
    #[error(
        "\"{name}\" ({actor}) may not use `{capability}` while it starts, for it is not let in yet: make this host call in the \
         first call that comes in"
    )]
    NotAdmitted {
        /// The actor that it is to be.
        actor: ActorId,
        /// The name in its token.
        name: Box<str>,
        /// What it asked for; cut when it is very long.
        capability: String,
    },
    /// The actor's token grants what it asked for, but the policy does not let the token's issuer grant that: the capability, or it
    /// over this link, or this operation. The source tells which.
    #[error("{source}")]
    BeyondPolicy {
        /// The actor that asked.
        actor: ActorId,
        /// Whose limit it is, and in what it was passed.
        #[source]
        source: Box<ClaimsError>,
    },
    /// The actor was granted the capability, but is not linked to it under this name.
    #[error("\"{name}\" ({actor}) is not linked to `{capability}` under the name `{link}`: link it first")]
    NotLinked {
        /// The actor that asked.
        actor: ActorId,
        /// The name in its token.
        name: Box<str>,
        /// The capability.
        capability: String,
        /// The link's name; cut when it is very long.
        link: String,
    },
    /// An actor tried to send what only the host and providers may send.
    #[error(
        "\"{name}\" ({actor}) may not send `{operation}`: only the host and its providers send it; have the actor use an \
         operation of another name", operation = Shown::new(.operation))]
    ReservedOperation {
        /// The actor that tried.
        actor: ActorId,
        /// The name in its token.
        name: Box<str>,
        /// The operation.
        operation: String,
    },
    /// A capability or link was named by a text that is no such name.
    #[error("{source}")]
    InvalidName {
        /// What is wrong with it.
        source: IdError,
    },
    /// A call that was to be waited for asynchronously got none of the host's threads for it.
    #[error("the call of {actor} was not begun: {source}")]
    NoWorker {
        /// The actor.
        actor: ActorId,
        /// Why not.
        source: NotTaken,
    },
    /// A [layer](crate::Layer) refused the call.
    #[error("the call is denied by {layer}: {reason}", reason = Shown::words(.reason))]
    Denied {
        /// The layer's name.
        layer: &'static str,
        /// Why it refused.
        reason: String,
    },
    /// Actors called each other, one inside the other, further than is allowed.
    #[error("the call of {actor} is {depth} calls deep where {limit} are allowed")]
    DepthExceeded {
        /// The actor that was to be called.
        actor: ActorId,
        /// How deep the call would have been; a call from outside has depth 0.
        depth: u32,
        /// The greatest depth allowed.
        limit: u32,
    },

    // --- Providers -------------------------------------------------------------------------------------------------
    /// The link is there, but has no provider now, or one that cannot reach what it stands in front of.
    #[error("{capability} (link `{link}`) is not available: {reason}", reason = Shown::words(.reason))]
    CapabilityUnavailable {
        /// The capability.
        capability: String,
        /// The link's name.
        link: String,
        /// What was seen.
        reason: String,
    },
    /// The provider answered with an error.
    #[error("{capability} (link `{link}`): {source}")]
    Provider {
        /// The capability.
        capability: CapabilityId,
        /// The link's name.
        link: LinkName,
        /// What it said.
        #[source]
        source: ProviderError,
    },
    /// The provider panicked. The host and the actor go on.
    #[error("the provider `{provider}` panicked while {doing}: {message}", message = Shown::words(.message))]
    ProviderPanicked {
        /// The provider's name.
        provider: String,
        /// What it was doing.
        doing: &'static str,
        /// The panic's message.
        message: String,
    },

    // --- Actors ----------------------------------------------------------------------------------------------------
    /// The actor answered with an error of its own.
    ///
    /// When a host call of the same call had failed, `host_error` is that failure (most often an [`Error`] of the kinds
    /// above); [`Error::unavailable`] finds out whether a missing capability is at the bottom of it.
    #[error(
        "{actor} answered `{operation}` with an error: {text}",
        operation = Shown::new(.operation), text = Shown::words(.text)
    )]
    Guest {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// Its own words.
        text: String,
        /// The last failure of a host call during this call.
        #[source]
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// The actor trapped.
    #[error("{actor} trapped in `{operation}`: {source}", operation = Shown::new(.operation))]
    Trap {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
        /// The last failure of a host call during this call.
        host_error: Option<Arc<dyn StdError + Send + Sync>>,
    },
    /// The actor broke the protocol.
    #[error("{actor} broke the protocol in `{operation}`: {source}", operation = Shown::new(.operation))]
    Protocol {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The actor did not answer in time.
    #[error(
        "{actor} did not answer `{operation}` within {limit:?}{late}",
        operation = Shown::new(.operation),
        late = Unreached::told(unreached.as_ref())
    )]
    DeadlineExceeded {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// The time that it had.
        limit: Duration,
        /// Why it could only be ended later than that, when it could not be interrupted.
        unreached: Option<Unreached>,
    },
    /// The actor asked for more memory than it may have.
    #[error("{actor} used up its memory in `{operation}`: {source}", operation = Shown::new(.operation))]
    MemoryLimit {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
    /// The payload or the reply is over its limit.
    #[error(
        "the {what} of `{operation}` has {size} bytes where a call of {actor} may carry {limit}",
        operation = Shown::new(.operation)
    )]
    PayloadTooLarge {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// Which of the two: `payload` or `reply`.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Every instance of the actor was in use for as long as a call may wait.
    #[error(
        "{actor} is busy: all of its {max} instances were in use for {waited:?}; try again later or allow more instances"
    )]
    Busy {
        /// The actor.
        actor: ActorId,
        /// How many instances it may have.
        max: usize,
        /// How long the call waited.
        waited: Duration,
    },
    /// The call belonged to a generation that was taken away, and its time to finish was over.
    #[error(
        "`{operation}` was ended: {actor} was swapped or removed and the time for calls in flight was over",
        operation = Shown::new(.operation)
    )]
    Ended {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
    },
    /// Anything else that the waPC tier reports.
    #[error("{actor} failed in `{operation}`: {source}", operation = Shown::new(.operation))]
    Failed {
        /// The actor.
        actor: ActorId,
        /// The operation it was asked for.
        operation: String,
        /// What was seen.
        #[source]
        source: Box<wapc_host::Error>,
    },
}

/// The text of [`Error::Refused`], which names the module wherever it has a name.
fn refused(module: &Option<Label>, source: &ClaimsError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match module {
        Some(module) => write!(f, "the module is refused: {}", module.refusal(source)),
        None => write!(f, "a module without a token that can be read is refused: {source}"),
    }
}
