//! One listener for many links, each with its host and its path.

mod support;

use std::{
    net::TcpListener,
    sync::{Arc, Barrier, Mutex, mpsc},
    thread,
};

use capability_contracts::http_server::Response;
use capability_provider::{DispatchError, LinkConfig, LinkKey, Provider, ProviderError};
use provider_http_server::HttpServer;
use support::{Answer, Client, Served, key};

/// A listener whose links each answer with their name.
struct Front {
    first: Served,
}

impl Front {
    /// With one link for every host and path, named `default`.
    fn new() -> Self {
        Self { first: Served::start(|_| Ok(Response::text("default"))) }
    }

    /// With one link at this host and path.
    fn at(host: &str, path: &str) -> Self {
        let config = LinkConfig::new().with("host", host).with("path", path);
        Self { first: Served::with(config, |_| Ok(Response::text("default"))) }
    }

    fn server(&self) -> &Arc<HttpServer> {
        &self.first.server
    }

    fn config(&self, host: &str, path: &str) -> LinkConfig {
        let port = self.first.address().port().to_string();
        LinkConfig::new().with("port", port).with("host", host).with("path", path)
    }

    fn link(&self, name: &'static str, config: &LinkConfig) -> Result<LinkKey, ProviderError> {
        self.link_to(name, config, move |_| Ok(Response::text(name)))
    }

    fn link_to(
        &self,
        name: &str,
        config: &LinkConfig,
        answer: impl Fn(capability_contracts::http_server::Request) -> Answer + Send + Sync + 'static,
    ) -> Result<LinkKey, ProviderError> {
        let served = Served { server: Arc::clone(self.server()), key: key(self.server(), name) };
        served.relink(config, answer).map(|()| served.key)
    }

    /// Who answers, or the code of the failure.
    fn ask(&self, host: &str, target: &str) -> String {
        let reply = Client::connect(self.first.address())
            .send(&format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"));
        if reply.status == 200 { reply.text().to_owned() } else { reply.code() }
    }
}

#[test]
fn the_host_and_then_the_longest_path_choose() {
    let front = Front::new();
    for (name, host, path) in [
        ("shop", "shop.example", "/"),
        ("cart", "Shop.Example.", "/cart/"),
        ("cart-items", "shop.example", "/cart/items"),
        ("blog", "", "/blog"),
    ] {
        front.link(name, &front.config(host, path)).unwrap();
    }
    for (host, target, who) in [
        ("shop.example", "/", "shop"),
        ("SHOP.example.:80", "/?q=/cart", "shop"),
        ("shop.example", "/cart", "cart"),
        ("shop.example", "/cart/", "cart"),
        ("shop.example", "/cart?x", "cart"),
        ("shop.example", "/carts", "shop"),
        ("shop.example", "/cart/items/7", "cart-items"),
        ("shop.example", "/cart/itemsx", "cart"),
        ("shop.example", "//cart", "shop"),
        ("shop.example", "/CART", "shop"),
        // A host of its own comes before any path for every host.
        ("shop.example", "/blog", "shop"),
        ("other.example", "/blog/2020", "blog"),
        ("other.example", "/cart", "default"),
        ("shop.example.org", "/", "default"),
        // The host of the target counts (RFC 9112, section 3.2.2).
        ("other.example", "http://shop.example/cart", "cart"),
    ] {
        assert_eq!(front.ask(host, target), who, "{host} {target}");
    }
    let slashes = "/".repeat(60_000);
    assert_eq!(front.ask("shop.example", &slashes), "shop");
    let deep = format!("/cart{}", "/a".repeat(20_000));
    assert_eq!(front.ask("shop.example", &deep), "cart");
}

#[test]
fn what_no_link_serves_is_not_found() {
    let front = Front::at("shop.example", "/a");
    assert_eq!(front.ask("shop.example", "/a/b"), "default");
    for (host, target) in [("shop.example", "/"), ("shop.example", "/ab"), ("other", "/a"), ("", "/a")] {
        assert_eq!(front.ask(host, target), "no_route", "{host} {target}");
    }
    let mut client = front.first.client();
    let reply = client.send("OPTIONS * HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    assert_eq!((reply.status, reply.code().as_str()), (404, "no_route"));
    // A body that nobody reads ends the connection, and nothing else does.
    let reply = client.send("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody");
    assert_eq!((reply.status, reply.code().as_str()), (404, "no_route"));
    assert!(client.is_closed());
    // The root of a host gets what is for the host as a whole.
    front.link("root", &front.config("shop.example", "/")).unwrap();
    let reply = front.first.client().send("OPTIONS * HTTP/1.1\r\nhost: shop.example\r\n\r\n");
    assert_eq!(reply.text(), "root");
}

#[test]
fn a_place_belongs_to_one_link() {
    let front = Front::new();
    front.link("a", &front.config("", "/a")).unwrap();
    let error = front.link("b", &front.config("", "/a/")).unwrap_err();
    assert!(matches!(&error, ProviderError::InvalidConfig { key, .. } if key == "path"), "{error}");
    let said = error.to_string();
    assert!(said.contains("/a of every host") && said.contains(&front.first.address().to_string()), "{said}");
    assert_eq!(front.ask("t", "/a"), "a");
    // The same link may be made again there, elsewhere, and at the first place again.
    for path in ["/a", "/c", "/a"] {
        front.link("a", &front.config("", path)).unwrap();
        assert_eq!(front.ask("t", path), "a");
    }
    assert_eq!(front.ask("t", "/c"), "default");
    front.link("b", &front.config("x", "/a")).unwrap();
    assert_eq!((front.ask("x", "/a"), front.ask("y", "/a")), ("b".to_owned(), "a".to_owned()));
}

#[test]
fn what_holds_for_connections_is_the_same_for_all_links_of_a_listener() {
    let front = Front::new();
    let other = front.config("", "/a").with("write_timeout_ms", "5");
    let error = front.link("a", &other).unwrap_err();
    assert!(
        matches!(&error, ProviderError::InvalidConfig { key, .. } if key == "write_timeout_ms"),
        "{error}"
    );
    // What holds for a link's requests is its own.
    front.link("a", &front.config("", "/a").with("body_limit", "3")).unwrap();
    let post = |path: &str| {
        let mut client = front.first.client();
        client.send(&format!("POST {path} HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n\r\nbody")).status
    };
    assert_eq!((post("/a"), post("/")), (413, 200));
    // A link that is alone may change it.
    let port = front.first.address().port().to_string();
    front.server().unlink(&key(front.server(), "a"));
    front.first.relink(&other.with("port", "0").with("path", "/"), |_| Ok(Response::text("alone"))).unwrap();
    assert_eq!((front.ask("t", "/a"), front.first.address().port().to_string()), ("alone".to_owned(), port));
}

#[test]
fn a_listener_ends_with_its_last_link() {
    let front = Front::new();
    let address = front.first.address();
    let other = front.link("a", &front.config("", "/a")).unwrap();
    assert_eq!(front.server().local_addr(&other), Some(address));
    front.server().unlink(&front.first.key);
    let mut kept = Client::connect(address);
    assert_eq!(kept.get("/a").text(), "a");
    assert_eq!(Client::connect(address).get("/").code(), "no_route");
    front.server().unlink(&other);
    assert!(kept.is_closed());
    TcpListener::bind(address).unwrap();
}

#[test]
fn a_link_that_ends_lets_its_own_requests_finish_and_no_others_wait() {
    let front = Front::new();
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let slow = move |_| {
        calling.send(()).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::text("slow"))
    };
    let link = front.link_to("slow", &front.config("", "/slow"), slow).unwrap();
    let mut client = front.first.client();
    client.ask("/slow");
    called.recv().unwrap();
    thread::scope(|scope| {
        let ending = scope.spawn(|| front.server().unlink(&link));
        while front.ask("t", "/slow") != "default" {
            thread::yield_now();
        }
        assert!(!ending.is_finished());
        go.send(()).unwrap();
        assert_eq!(client.read(true).text(), "slow");
        ending.join().unwrap();
    });
    assert_eq!(client.get("/slow").text(), "default", "the connection stays");
}

#[test]
fn a_request_whose_link_has_ended_is_ended_after_the_drain_time() {
    let front = Front::new();
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let stuck = move |_| {
        calling.send(()).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::text("late"))
    };
    let config = front.config("", "/stuck").with("drain_timeout_ms", "50");
    let link = front.link_to("stuck", &config, stuck).unwrap();
    let mut client = front.first.client();
    client.ask("/stuck");
    called.recv().unwrap();
    front.server().unlink(&link);
    let reply = client.read(true);
    assert_eq!((reply.status, reply.code().as_str()), (503, "cancelled"));
    assert_eq!(client.get("/").text(), "default");
    drop(go);
}

#[test]
fn the_health_path_tells_of_all_links_that_name_it() {
    let front = Front::new();
    let sick = Arc::new(Mutex::new(false));
    let server = front.server();
    let ill = key(server, "ill");
    let of = Arc::clone(&sick);
    let health = move || {
        if *of.lock().unwrap() {
            return Err(DispatchError::Actor { text: "ill".to_owned() });
        }
        Ok(())
    };
    Served::link_health(server, &ill, &front.config("ill.example", "/"), health);
    let ask = |host: &str| {
        let mut client = front.first.client();
        client.send(&format!("GET /health HTTP/1.1\r\nhost: {host}\r\n\r\n")).status
    };
    assert_eq!((ask("ill.example"), ask("t")), (200, 200));
    *sick.lock().unwrap() = true;
    assert_eq!((ask("ill.example"), ask("t")), (503, 200));
    server.unlink(&ill);
    assert_eq!(ask("ill.example"), 200);
}

#[test]
fn the_health_path_answers_when_every_call_is_stuck() {
    const CALLS: usize = 4;
    let (calling, called) = mpsc::channel();
    let (go, may_go) = (Arc::new(Barrier::new(CALLS + 1)), Mutex::new(calling));
    let barrier = Arc::clone(&go);
    let config = LinkConfig::new().with("workers", CALLS.to_string()).with("queue", "1");
    let served = Served::with(config, move |_| {
        may_go.lock().unwrap().send(()).unwrap();
        barrier.wait();
        Ok(Response::text("done"))
    });
    let mut clients: Vec<_> = (0..CALLS).map(|_| served.client()).collect();
    for client in &mut clients {
        client.ask("/");
        called.recv().unwrap();
    }
    let health = served.get("/health");
    go.wait();
    assert_eq!(health.status, 200);
    for client in &mut clients {
        assert_eq!(client.read(true).text(), "done");
    }
}

#[test]
fn a_link_whose_calls_are_all_stuck_holds_up_no_other() {
    let front = Front::new();
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let stuck = move |_| {
        calling.send(()).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::text("stuck"))
    };
    let config = front.config("", "/stuck").with("workers", "1").with("queue", "1");
    front.link_to("stuck", &config, stuck).unwrap();
    let mut clients: Vec<_> = (0..2).map(|_| front.first.client()).collect();
    clients[0].ask("/stuck");
    called.recv().unwrap();
    clients[1].ask("/stuck");
    // One is with the actor and one waits, or is about to: the third is too much, sooner or later.
    while front.ask("t", "/stuck") != "overloaded" {}
    assert_eq!(front.ask("t", "/"), "default");
    go.send(()).unwrap();
    assert_eq!(clients[0].read(true).text(), "stuck");
    called.recv().unwrap();
    go.send(()).unwrap();
    assert_eq!(clients[1].read(true).text(), "stuck");
}

#[test]
fn threads_do_not_grow_with_links() {
    let front = Front::new();
    for at in 0..300 {
        front
            .link_to(&format!("l{at}"), &front.config("", &format!("/{at}")), move |_| {
                Ok(Response::text(format!("{at} on {:?}", thread::current().id())))
            })
            .unwrap();
    }
    let mut seen = std::collections::HashSet::new();
    let mut client = front.first.client();
    for at in 0..300 {
        let reply = client.get(&format!("/{at}"));
        let (who, thread) = reply.text().split_once(" on ").unwrap();
        assert_eq!(who, at.to_string());
        seen.insert(thread.to_owned());
    }
    assert!(seen.len() <= 3, "one request after the other took {} threads", seen.len());
}
