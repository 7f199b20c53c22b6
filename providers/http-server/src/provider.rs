//! Serves HTTP to linked actors: the provider.

use std::{collections::HashMap, net::SocketAddr};

use capability_contracts::http_server::CAPABILITY;
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use parking_lot::Mutex;

use crate::{listener::Listener, settings::Settings};

/// Listens for HTTP requests, once for each link, and gives them to the linked actors.
///
/// [`link`](Provider::link) binds the socket, so that an address in use is an error there;
/// [`unlink`](Provider::unlink) returns when the port is free again. A link that is made again with the same `address` and
/// `port` keeps its listener and its connections: new requests go to the new actor handle, under the new configuration.
///
/// Dropping the provider ends its listeners as [`shutdown`](Provider::shutdown) does.
#[derive(Debug, Default)]
pub struct HttpServer {
    listeners: Mutex<HashMap<LinkKey, Listener>>,
}

impl HttpServer {
    /// A provider without any listener yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the listener of `link` can be reached: with the port that the system chose when the configuration said 0.
    #[must_use]
    pub fn local_addr(&self, link: &LinkKey) -> Option<SocketAddr> {
        self.listeners.lock().get(link).map(Listener::local_addr)
    }
}

impl Provider for HttpServer {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(CAPABILITY).expect("the contract's id is a valid capability id")
    }

    fn name(&self) -> &str {
        "http-server"
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError> {
        let settings = Settings::read(config)?;
        // The locks are free again before anything waits for requests in flight.
        let mut listeners = self.listeners.lock();
        let same = listeners.get_mut(link).filter(|old| old.is_for(settings.address));
        let replaced = same.map(|listener| listener.replace(settings.clone(), &actor));
        drop(listeners);
        if let Some(worker_set) = replaced {
            worker_set.finish();
            return Ok(());
        }
        let listener = Listener::start(settings, &actor)?;
        let old = self.listeners.lock().insert(link.clone(), listener);
        if let Some(old) = old {
            old.stop();
        }
        Ok(())
    }

    fn unlink(&self, link: &LinkKey) {
        let listener = self.listeners.lock().remove(link);
        if let Some(listener) = listener {
            listener.stop();
        }
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        Err(ProviderError::UnknownOperation {
            capability: CAPABILITY.to_owned(),
            operation: call.operation.to_owned(),
        })
    }

    fn health(&self) -> Result<(), ProviderError> {
        let dead =
            self.listeners.lock().values().find(|listener| !listener.is_alive()).map(Listener::local_addr);
        match dead {
            None => Ok(()),
            Some(address) => Err(ProviderError::Unavailable {
                resource: format!("the listener on {address}"),
                reason: "its thread has ended; link the actor again".to_owned(),
            }),
        }
    }

    fn shutdown(&self) {
        let all: Vec<_> = self.listeners.lock().drain().collect();
        for (_, listener) in all {
            listener.stop();
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shutdown();
    }
}
