//! Leads from an operation's bytes over its link to a command and back: the provider.

use std::{collections::HashMap, sync::Arc, time::Duration};

use capability_contracts::keyvalue as kv;
use capability_provider::{
    ActorHandle, ActorId, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError, Reply,
};
use parking_lot::RwLock;

use crate::{
    operation::Operation,
    server::{Server, Settings},
};

const NAME: &str = "keyvalue-redis";
const URL: &str = "url";
const PREFIX: &str = "prefix";

/// The `wascc:keyvalue` capability on a Redis server.
///
/// Every link uses the server of the provider's URL, unless its configuration names another `url`; and the keys as the actor
/// names them, unless its configuration gives them a `prefix`. Passwords, which are part of a URL, show up in no error and no
/// debug output.
#[derive(Debug)]
pub struct RedisKeyValue {
    server: Arc<Server>,
    links: RwLock<HashMap<(ActorId, LinkName), Arc<Link>>>,
}

/// One link: where its keys are, and what comes before them.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) server: Arc<Server>,
    pub(crate) prefix: String,
}

impl RedisKeyValue {
    /// A provider on the server at `url`, such as `redis://[[user]:password@]host[:port][/database]` or
    /// `unix:///path/of/socket`. The server is first needed when an actor is linked.
    ///
    /// # Errors
    /// [`ProviderError::InvalidConfig`] when the URL cannot be used.
    pub fn new(url: &str) -> Result<Self, ProviderError> {
        Ok(Self { server: Server::new(url, Settings::default())?, links: RwLock::default() })
    }

    /// The same provider, in which a call takes no longer than `timeout` even when its own deadline is later. 5 seconds by
    /// default.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// The same provider with at most `connections` to each server, and at least one. 16 by default.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        self.with(|settings| settings.connections = connections.max(1))
    }

    /// The same provider, which tries a connection with a PING before it sends `Add` or `Push` over it when it was idle
    /// for `rest` or longer. 10 milliseconds by default.
    ///
    /// These two must not be sent twice. When the server was started anew, the idle connections are dead, and a command
    /// sent over one of them may or may not have been carried out; the PING finds out first.
    #[must_use]
    pub fn with_idle_check(self, rest: Duration) -> Self {
        self.with(|settings| settings.idle_check = rest)
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.server.settings();
        change(&mut settings);
        Self { server: self.server.with(settings), ..self }
    }

    fn server(&self, config: &LinkConfig) -> Result<Arc<Server>, ProviderError> {
        match config.value(URL) {
            None => Ok(Arc::clone(&self.server)),
            Some(url) => Server::new(url, self.server.settings()),
        }
    }
}

impl Provider for RedisKeyValue {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(kv::CAPABILITY).expect("the contract's id is a valid capability id")
    }

    fn name(&self) -> &str {
        NAME
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        config.only(&[URL, PREFIX])?;
        let server = self.server(config)?;
        server.ping()?;
        log::debug!("{link} uses {}", server.name());
        let made = Link { server, prefix: config.value(PREFIX).unwrap_or_default().to_owned() };
        self.links.write().insert((link.actor.clone(), link.link.clone()), Arc::new(made));
        Ok(())
    }

    fn unlink(&self, link: &LinkKey) {
        self.links.write().remove(&(link.actor.clone(), link.link.clone()));
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        let link = self.links.read().get(&(call.actor.clone(), call.link.clone())).cloned();
        let link = link.ok_or_else(|| ProviderError::NotLinked {
            link: format!("link `{}` of {}", call.link, call.actor),
            provider: NAME.to_owned(),
        })?;
        Operation::new(call, &link).carry_out().map(Reply::Now)
    }

    /// Asks each server that a link uses whether it can write, or the provider's own whether it answers while there is no link.
    fn health(&self) -> Result<(), ProviderError> {
        let mut links: Vec<_> = self.links.read().values().cloned().collect();
        links.sort_by_key(|link| Arc::as_ptr(&link.server));
        links.dedup_by_key(|link| Arc::as_ptr(&link.server));
        if links.is_empty() {
            return self.server.ping();
        }
        links.iter().try_for_each(|link| link.server.can_write(&link.prefix))
    }

    fn shutdown(&self) {
        // A server of a link's own goes with the link.
        self.links.write().clear();
        self.server.close();
    }
}
