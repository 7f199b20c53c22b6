//! Finds the route of a request by its host and its path.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use hyper::{
    Method, Request,
    body::{Body, Incoming},
    header::HOST,
    http::request::Parts,
};
use parking_lot::RwLock;
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    answer::{Answered, Errors, Reporter},
    head, message,
    peer::Peer,
    refusal::Refusal,
    route::{Entered, Route},
    settings::{ConnectionSettings, Place, host_name},
};

/// The routes of one listener. They change while connections are open.
#[derive(Debug)]
pub(crate) struct Routes {
    table: RwLock<Table>,
    /// For requests that belong to no link.
    reporter: Reporter,
}

#[derive(Debug)]
struct Table {
    connection: ConnectionSettings,
    connection_limit: Arc<Semaphore>,
    /// By host and by path, as a [`Place`] has them.
    hosts: HashMap<String, HashMap<String, Arc<Route>>>,
    /// How many routes there are.
    count: usize,
    /// No path of a route is longer.
    longest: usize,
    /// The routes whose links name a path for their health, by that path.
    health: HashMap<String, Vec<Arc<Route>>>,
}

/// Whom a request is for.
enum Recipient {
    /// One actor, which is to answer it.
    Actor(Entered),
    /// All actors whose health it asks for.
    Health(Vec<Entered>),
}

impl Routes {
    /// The first route of a listener on this address.
    pub(crate) fn new(local: SocketAddr, route: Arc<Route>) -> Self {
        let connection = route.settings().connection.clone();
        let connection_limit = Arc::new(Semaphore::new(connection.connections));
        let mut table = Table {
            connection,
            connection_limit,
            hosts: HashMap::new(),
            count: 0,
            longest: 0,
            health: HashMap::new(),
        };
        table.insert(route);
        let reporter = Reporter::new(format!("to http://{local}"), Errors::Plain);
        Self { table: RwLock::new(table), reporter }
    }

    /// What holds for new connections.
    pub(crate) fn connection(&self) -> ConnectionSettings {
        self.table.read().connection.clone()
    }

    /// Counts the open connections, and holds new ones back at the limit.
    pub(crate) fn connection_limit(&self) -> Arc<Semaphore> {
        Arc::clone(&self.table.read().connection_limit)
    }

    /// The route of this place.
    pub(crate) fn at(&self, place: &Place) -> Option<Arc<Route>> {
        self.table.read().hosts.get(&place.host)?.get(&place.path).cloned()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.read().count
    }

    /// Every route.
    pub(crate) fn all(&self) -> Vec<Arc<Route>> {
        self.table.read().hosts.values().flat_map(HashMap::values).cloned().collect()
    }

    /// Gives new requests this route, in place of `old`. Requests that have begun stay where they are.
    pub(crate) fn replace(&self, old: Option<&Arc<Route>>, new: Arc<Route>) {
        let mut table = self.table.write();
        let limit = new.settings().connection.clone();
        if table.connection != limit {
            if table.connection.connections != limit.connections {
                table.connection_limit = Arc::new(Semaphore::new(limit.connections));
            }
            table.connection = limit;
        }
        // The old route may be the last to hold something, so it is dropped after the lock.
        let _old = old.map(|old| table.remove(old));
        table.insert(new);
        drop(table);
    }

    /// Gives new requests this route no more.
    pub(crate) fn remove(&self, route: &Arc<Route>) {
        let removed = self.table.write().remove(route);
        drop(removed);
    }

    /// Answers one request of this client, always. Dropping the future gives the request up.
    pub(crate) async fn serve(&self, request: Request<Incoming>, peer: &Peer) -> Answered {
        let began = Instant::now();
        let (mut head, body) = request.into_parts();
        let recipient = head::check(&mut head).and_then(|()| self.find(&head));
        match recipient {
            Ok(Recipient::Actor(route)) => route.answer(&head, Some(body), peer, began).await,
            Ok(Recipient::Health(routes)) => {
                let mut answered = None;
                for route in routes {
                    let health = route.answer(&head, None, peer, began).await;
                    if health.is_refused {
                        return health;
                    }
                    answered = Some(health);
                }
                answered.expect("only a path that a route names is one for its health")
            }
            Err(mut refusal) => {
                refusal.close |= !body.is_end_stream();
                self.reporter.answer(&refusal, message::context(&head, peer).id())
            }
        }
    }

    fn find(&self, head: &Parts) -> Result<Recipient, Refusal> {
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(head::host_and_port);
        let host = host.map_or_else(String::new, |(host, _)| host_name(host));
        let path = head.uri.path();
        let table = self.table.read();
        if matches!(head.method, Method::GET | Method::HEAD)
            && let Some(routes) = table.health.get(path)
        {
            let asked = routes.iter().filter(|route| [&host, ""].contains(&route.place().host.as_str()));
            let asked: Vec<_> = asked.map(Route::enter).collect();
            if !asked.is_empty() {
                return Ok(Recipient::Health(asked));
            }
        }
        let route = table.find(&host, path).or_else(|| table.find("", path));
        route.map(|route| Recipient::Actor(route.enter())).ok_or_else(Refusal::no_route)
    }
}

impl Table {
    /// The route of the longest path at which `path` is, or below which it lies.
    fn find(&self, host: &str, path: &str) -> Option<&Arc<Route>> {
        let paths = self.hosts.get(host)?;
        // What no path of a route is long enough for is passed over at once, however many slashes a client sends.
        let mut end = match path.as_bytes().get(..=self.longest) {
            Some(beginning) if path.len() > self.longest => beginning.iter().rposition(|byte| *byte == b'/'),
            _ => Some(path.len()),
        };
        while let Some(length) = end {
            if let Some(route) = paths.get(&path[..length]) {
                return Some(route);
            }
            end = path[..length].rfind('/');
        }
        // `*`, which lies below nothing, is for the host as a whole.
        paths.get("").filter(|_| !path.starts_with('/'))
    }

    fn insert(&mut self, route: Arc<Route>) {
        let Place { host, path } = route.place().clone();
        self.longest = self.longest.max(path.len());
        if let Some(health_path) = route.settings().health_path.clone() {
            self.health.entry(health_path).or_default().push(Arc::clone(&route));
        }
        self.hosts.entry(host).or_default().insert(path, route);
        self.count += 1;
    }

    /// Takes a route out, and returns all that held it.
    fn remove(&mut self, route: &Arc<Route>) -> Vec<Arc<Route>> {
        let Place { host, path } = route.place();
        let mut removed = Vec::new();
        if let Some(paths) = self.hosts.get_mut(host) {
            let taken = paths.remove(path);
            self.count -= usize::from(taken.is_some());
            removed.extend(taken);
            if paths.is_empty() {
                self.hosts.remove(host);
            }
        }
        if let Some(health_path) = &route.settings().health_path
            && let Some(routes) = self.health.get_mut(health_path)
        {
            removed.extend(routes.extract_if(.., |other| Arc::ptr_eq(other, route)));
            if routes.is_empty() {
                self.health.remove(health_path);
            }
        }
        removed
    }
}
