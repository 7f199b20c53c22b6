//! Listeners that begin, are made again, and end.

mod support;

use std::{
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use capability_contracts::http_server::Response;
use capability_provider::{
    ActorHandle, CallContext, CapabilityCall, Dispatch, DispatchError, LinkConfig, LinkKey, LinkName,
    Provider, ProviderError,
};
use provider_http_server::HttpServer;
use support::{Served, actor, key};

struct Nobody;

impl Dispatch for Nobody {
    fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<bytes::Bytes, DispatchError> {
        Err(DispatchError::Actor { text: "nobody".to_owned() })
    }

    fn health(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

fn link(server: &HttpServer, key: &LinkKey, config: &LinkConfig) -> Result<(), ProviderError> {
    server.link(key, config, ActorHandle::new(key.clone(), Arc::new(Nobody)))
}

fn on_port(port: u16) -> LinkConfig {
    LinkConfig::new().with("port", port.to_string())
}

#[test]
fn each_link_has_a_listener_of_its_own() {
    let served = Served::start(|_| Ok(Response::text("first")));
    let other = key(&served.server, "other");
    link(&served.server, &other, &on_port(0)).unwrap();
    let address = served.server.local_addr(&other).unwrap();
    assert_ne!(address, served.address());
    assert_eq!(support::Client::connect(address).get("/").code(), "actor_error");
    served.server.unlink(&other);
    assert_eq!((served.server.local_addr(&other), served.get("/").text()), (None, "first"));
}

#[test]
fn an_address_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let server = HttpServer::new();
    let key = key(&server, "default");
    let error = link(&server, &key, &on_port(address.port())).unwrap_err();
    assert!(
        matches!(&error, ProviderError::Unavailable { resource, .. } if resource.contains(&address.to_string())),
        "{error}"
    );
    assert_eq!(server.local_addr(&key), None);
    drop(taken);
    link(&server, &key, &on_port(address.port())).unwrap();
    assert_eq!(server.local_addr(&key), Some(address));
}

#[test]
fn the_port_is_free_when_unlink_returns() {
    let served = Served::start(|_| Ok(Response::ok()));
    let address = served.address();
    // An idle connection does not keep the port.
    let mut resting = served.client();
    assert_eq!(resting.get("/").status, 200);
    served.server.unlink(&served.key);
    assert!(TcpStream::connect(address).is_err());
    TcpListener::bind(address).unwrap();
    assert!(resting.is_closed());
    // A second end of the same link is nothing.
    served.server.unlink(&served.key);
}

/// A listener whose actor says that it was called, and answers when the test lets it.
fn slow(config: LinkConfig) -> (Served, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let may_go = Mutex::new(may_go);
    let served = Served::with(config, move |_| {
        calling.send(()).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::text("done"))
    });
    (served, called, go)
}

#[test]
fn requests_in_flight_are_answered_when_a_link_ends() {
    let (served, called, go) = slow(LinkConfig::new());
    let address = served.address();
    let mut client = served.client();
    client.ask("/");
    called.recv().unwrap();
    thread::scope(|scope| {
        let ending = scope.spawn(|| served.server.unlink(&served.key));
        // The end has begun once nothing is accepted any longer.
        while TcpStream::connect(address).is_ok() {
            thread::yield_now();
        }
        assert!(!ending.is_finished());
        go.send(()).unwrap();
        let reply = client.read(true);
        assert_eq!((reply.status, reply.text()), (200, "done"));
        assert!(client.is_closed());
        ending.join().unwrap();
    });
}

#[test]
fn a_request_that_was_sent_before_the_end_is_answered() {
    for _ in 0..20 {
        let served = Served::start(|request| Ok(Response::text(request.path)));
        let mut clients: Vec<_> = (0..10).map(|_| served.client()).collect();
        // Half of the connections are old, idle ones, half have not been used yet.
        for client in &mut clients[..5] {
            assert_eq!(client.get("/before").text(), "/before");
        }
        for client in &mut clients {
            client.ask("/sent");
        }
        served.server.unlink(&served.key);
        for client in &mut clients {
            assert_eq!(client.read(true).text(), "/sent");
        }
    }
}

#[test]
fn an_end_waits_no_longer_than_it_may() {
    let (served, called, go) = slow(LinkConfig::new().with("drain_timeout_ms", "50"));
    let address = served.address();
    let mut client = served.client();
    client.ask("/");
    called.recv().unwrap();
    // Returns although the actor has not answered.
    served.server.unlink(&served.key);
    assert!(client.is_closed());
    TcpListener::bind(address).unwrap();
    drop(go);
}

#[test]
fn a_link_made_again_keeps_its_listener_and_its_connections() {
    let served = Served::start(|_| Ok(Response::text("0")));
    let address = served.address();
    thread::scope(|scope| {
        let (stop, stopped) = mpsc::channel::<()>();
        // One connection for all requests, and a new one for each: none may fail.
        let asking = scope.spawn(move || {
            let mut kept = support::Client::connect(address);
            let mut seen = Vec::new();
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                seen.push(kept.get("/").text().to_owned());
                seen.push(support::Client::connect(address).get("/").text().to_owned());
            }
            seen
        });
        let mut client = served.client();
        for generation in 1..=10 {
            let config = on_port(0).with("workers", generation.to_string());
            served.relink(&config, move |_| Ok(Response::text(generation.to_string()))).unwrap();
            assert_eq!(
                (served.address(), client.get("/").text()),
                (address, generation.to_string().as_str())
            );
        }
        drop(stop);
        let seen = asking.join().unwrap();
        assert!(seen.is_sorted_by_key(|reply| reply.parse::<u32>().unwrap()), "{seen:?}");
    });
}

#[test]
fn a_link_made_again_lets_the_old_requests_finish() {
    let (served, called, go) = slow(LinkConfig::new().with("health_path", "/probe"));
    let mut client = served.client();
    client.ask("/");
    called.recv().unwrap();
    thread::scope(|scope| {
        // What the provider answers in the old configuration, the actor answers in the new one.
        let config = on_port(0).with("health_path", "");
        let linking =
            scope.spawn(move || served.relink(&config, |_| Ok(Response::text("new"))).map(|()| served));
        let address = client.peer();
        while support::Client::connect(address).get("/probe").text() != "new" {
            thread::yield_now();
        }
        assert!(!linking.is_finished());
        go.send(()).unwrap();
        assert_eq!(client.read(true).text(), "done");
        let served = linking.join().unwrap().unwrap();
        assert_eq!((client.get("/").text(), served.get("/").text()), ("new", "new"));
    });
}

#[test]
fn a_link_made_again_holds_on_to_nothing_of_the_old_one() {
    let (server, old, new) = (HttpServer::new(), Arc::new(Nobody), Arc::new(Nobody));
    let key = key(&server, "default");
    for handle in [&old, &new] {
        let dispatch: Arc<dyn Dispatch> = handle.clone();
        server.link(&key, &on_port(0), ActorHandle::new(key.clone(), dispatch)).unwrap();
    }
    assert_eq!(Arc::strong_count(&old), 1);
    assert!(Arc::strong_count(&new) > 1);
}

#[test]
fn a_link_made_again_on_another_address_leaves_the_old_one() {
    let served = Served::start(|_| Ok(Response::text("old")));
    let address = served.address();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    served.relink(&on_port(free.port()), |_| Ok(Response::text("new"))).unwrap();
    assert_eq!((served.address(), served.get("/").text()), (free, "new"));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_link_that_cannot_be_made_again_stays_as_it_was() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = Served::start(|_| Ok(Response::text("old")));
    let elsewhere = on_port(taken.local_addr().unwrap().port());
    served.relink(&elsewhere, |_| Ok(Response::text("new"))).unwrap_err();
    assert_eq!(served.get("/").text(), "old");
    served.relink(&on_port(0).with("queue", "none"), |_| Ok(Response::text("new"))).unwrap_err();
    assert_eq!(served.get("/").text(), "old");
}

#[test]
fn shutdown_ends_every_listener() {
    let served = Served::start(|_| Ok(Response::ok()));
    let other = key(&served.server, "other");
    link(&served.server, &other, &on_port(0)).unwrap();
    let addresses = [served.address(), served.server.local_addr(&other).unwrap()];
    served.server.health().unwrap();
    served.server.shutdown();
    for address in addresses {
        assert!(TcpStream::connect(address).is_err());
    }
    assert_eq!(served.server.local_addr(&other), None);
}

#[test]
fn dropping_the_provider_ends_its_threads() {
    let handle = Arc::new(Nobody);
    {
        let server = HttpServer::new();
        let key = key(&server, "default");
        server.link(&key, &on_port(0), ActorHandle::new(key.clone(), handle.clone())).unwrap();
        assert!(Arc::strong_count(&handle) > 1);
    }
    // Every thread held the actor; none is left.
    assert_eq!(Arc::strong_count(&handle), 1);
}

#[test]
fn a_provider_may_be_used_and_dropped_inside_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let served = Served::start(|_| Ok(Response::ok()));
        assert_eq!(served.get("/").status, 200);
        served.relink(&on_port(0), |_| Ok(Response::ok())).unwrap();
        served.server.unlink(&served.key);
    });
}

#[test]
fn actors_have_nothing_to_ask_of_it() {
    let server = HttpServer::new();
    let (actor, link) = (actor(), LinkName::default());
    let error = server.handle(&CapabilityCall::new(&actor, &link, "HandleRequest", &[])).unwrap_err();
    assert!(matches!(error, ProviderError::UnknownOperation { .. }), "{error}");
}
