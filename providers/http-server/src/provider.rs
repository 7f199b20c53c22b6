//! Serves HTTP to linked actors: the provider.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use capability_contracts::http_server::CAPABILITY;
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use parking_lot::Mutex;

use crate::{
    calls::Threads,
    listener::Listener,
    route::Route,
    settings::{Place, Settings},
};

/// How long the end of the provider waits for threads that have nothing to do.
const THREADS_END: Duration = Duration::from_secs(1);

/// Listens for HTTP requests, and gives them to the linked actors.
///
/// Links with the same `address` and `port` share one listener; each says by its `host` and `path` which requests are its own.
/// [`link`](Provider::link) binds the socket, so that an address in use is an error there;
/// [`unlink`](Provider::unlink) of the last link of a listener returns when the port is free again. A link that is made again with the same
/// `address` and `port` keeps its listener and its connections: new requests go to the new actor handle, under the new configuration.
///
/// Dropping the provider ends its listeners as [`shutdown`](Provider::shutdown) does.
#[derive(Debug, Default)]
pub struct HttpServer {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    links: HashMap<LinkKey, Linked>,
    /// By the address at which each can be reached.
    listeners: HashMap<SocketAddr, Listener>,
    threads: Option<Arc<Threads>>,
}

/// A link that is made.
#[derive(Debug, Clone)]
struct Linked {
    listener: SocketAddr,
    route: Arc<Route>,
}

/// What is to be ended when the lock is free again, for it waits for requests in flight.
#[must_use]
enum Ending {
    Nothing,
    Route(Arc<Route>),
    Listener(Listener),
}

impl Ending {
    fn wait(self) {
        match self {
            Self::Nothing => {}
            Self::Route(route) => route.finish(),
            Self::Listener(listener) => listener.stop(),
        }
    }
}

impl State {
    fn link(
        &mut self,
        link: &LinkKey,
        settings: Settings,
        actor: ActorHandle,
    ) -> Result<Ending, ProviderError> {
        let old = self.links.get(link).cloned();
        let kept = |old: &Linked| old.route.settings().address == settings.address;
        let listener = match &old {
            Some(old) if kept(old) => Some(old.listener),
            _ => Some(settings.address),
        };
        let listener =
            listener.and_then(|address| self.listeners.get(&address)).filter(|listener| listener.is_alive());
        if let Some(listener) = listener {
            self.may_share(listener, link, &settings)?;
        }
        let shared = listener.map(Listener::local_addr);
        let threads = self.threads.get_or_insert_with(|| Arc::new(Threads::new()));
        let route = Route::new(settings, actor, Arc::clone(threads));
        let address = match shared {
            Some(address) => {
                let stays = old.as_ref().filter(|old| old.listener == address).map(|old| &old.route);
                self.listeners[&address].routes().replace(stays, Arc::clone(&route));
                log::info!("{link} is at http://{address}: {}", route.place());
                address
            }
            None => {
                let listener = Listener::start(Arc::clone(&route))?;
                let address = listener.local_addr();
                if let Some(dead) = self.listeners.insert(address, listener) {
                    log::error!("the socket thread of http://{} had ended", dead.local_addr());
                }
                address
            }
        };
        self.links.insert(link.clone(), Linked { listener: address, route });
        Ok(match old {
            None => Ending::Nothing,
            Some(old) if old.listener == address => Ending::Route(old.route),
            Some(old) => self.leave(old),
        })
    }

    /// Whether a link may have a place on a listener beside those that are there.
    fn may_share(
        &self,
        listener: &Listener,
        link: &LinkKey,
        settings: &Settings,
    ) -> Result<(), ProviderError> {
        let address = listener.local_addr();
        if let Some(other) = listener.routes().at(&settings.place).filter(|other| other.link() != link) {
            return Err(ProviderError::InvalidConfig {
                key: "path".to_owned(),
                reason: format!(
                    "{} at http://{address} belongs to {} already; give this link a `host` or a `path` of its own",
                    settings.place,
                    other.link()
                ),
            });
        }
        let is_there = self.links.get(link).is_some_and(|linked| linked.listener == address);
        let others = listener.routes().len() - usize::from(is_there);
        let connection = listener.routes().connection();
        match settings.connection.differs_from(&connection).filter(|_| others > 0) {
            None => Ok(()),
            Some(key) => Err(ProviderError::InvalidConfig {
                key: key.to_owned(),
                reason: format!(
                    "all links at http://{address} say the same, and {others} others say otherwise"
                ),
            }),
        }
    }

    fn unlink(&mut self, link: &LinkKey) -> Ending {
        self.links.remove(link).map_or(Ending::Nothing, |old| self.leave(old))
    }

    /// A link, which is made no more or elsewhere, leaves its listener, which ends with its last link.
    fn leave(&mut self, old: Linked) -> Ending {
        let listener = self.listeners.get(&old.listener);
        if let Some(listener) = listener.filter(|listener| listener.routes().len() > 1) {
            listener.routes().remove(&old.route);
            return Ending::Route(old.route);
        }
        self.listeners.remove(&old.listener).map_or(Ending::Nothing, Ending::Listener)
    }
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
        self.state.lock().links.get(link).map(|linked| linked.listener)
    }

    /// The URL of what `link` serves: with the link's host, or the listener's address where it serves every host, and with its path.
    #[must_use]
    pub fn url(&self, link: &LinkKey) -> Option<String> {
        let state = self.state.lock();
        let Linked { listener, route } = state.links.get(link)?;
        let Place { host, path } = route.place();
        Some(if host.is_empty() {
            format!("http://{listener}{path}")
        } else {
            format!("http://{host}:{}{path}", listener.port())
        })
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
        let ending = self.state.lock().link(link, settings, actor)?;
        ending.wait();
        Ok(())
    }

    fn unlink(&self, link: &LinkKey) {
        let ending = self.state.lock().unlink(link);
        ending.wait();
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        Err(ProviderError::UnknownOperation {
            capability: CAPABILITY.to_owned(),
            operation: call.operation.to_owned(),
        })
    }

    fn health(&self) -> Result<(), ProviderError> {
        let state = self.state.lock();
        let dead = state.listeners.values().find(|listener| !listener.is_alive()).map(Listener::local_addr);
        match dead {
            None => Ok(()),
            Some(address) => Err(ProviderError::Unavailable {
                resource: format!("the listener on {address}"),
                reason: "its thread has ended; link the actor again".to_owned(),
            }),
        }
    }

    fn shutdown(&self) {
        let State { links, listeners, threads } = std::mem::take(&mut *self.state.lock());
        drop(links);
        for (_, listener) in listeners {
            listener.stop();
        }
        // Where a call is left behind, somebody else holds them still.
        if let Some(threads) = threads.and_then(Arc::into_inner) {
            threads.end(Instant::now() + THREADS_END);
        }
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shutdown();
    }
}
