//! What a provider is.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{ActorHandle, ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, ProviderError};

/// One call of an actor to a provider. Everything is borrowed: the payload lies in the guest's memory.
#[derive(Debug, Clone, Copy)]
pub struct CapabilityCall<'a> {
    /// The actor that calls. The host vouches for it.
    pub actor: &'a ActorId,
    /// The name of the link that it used.
    pub link: &'a LinkName,
    /// The operation, as the actor named it.
    pub operation: &'a str,
    /// The payload's bytes.
    pub payload: &'a [u8],
    /// When the actor's own call ends; `None` when it may take any time.
    pub deadline: Option<Instant>,
}

impl CapabilityCall<'_> {
    /// The time that is left to answer in; zero when it is used up, `None` when there is no deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// A capability provider.
///
/// Called from many threads at once. The host holds no lock while it calls a provider; a provider must hold none that
/// [`handle`](Provider::handle) needs while it calls an actor, for the actor may call back.
pub trait Provider: Send + Sync + 'static {
    /// The capability that it serves.
    fn capability(&self) -> CapabilityId;

    /// A short name for people, such as `keyvalue-redis`.
    fn name(&self) -> &str;

    /// Makes a link usable. `actor` is the way to the linked actor, for providers that deliver something to it.
    ///
    /// A link of the same key may come again, with another configuration: it replaces the first.
    ///
    /// # Errors
    /// When the configuration cannot be used or what it names cannot be reached; the link is then not made.
    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError>;

    /// Ends a link and frees what it held. Does nothing for a link that is not there.
    fn unlink(&self, link: &LinkKey);

    /// Carries out one call of a linked actor and returns the reply's bytes.
    ///
    /// # Errors
    /// Any [`ProviderError`]; its text reaches the actor.
    fn handle(&self, call: &CapabilityCall<'_>) -> Result<Bytes, ProviderError>;

    /// Whether the provider can do its work now.
    ///
    /// # Errors
    /// What keeps it from working, such as a server that cannot be reached.
    fn health(&self) -> Result<(), ProviderError> {
        Ok(())
    }

    /// Ends everything that it runs: listeners, threads, connections. Called once, after its last link was ended.
    fn shutdown(&self) {}
}
