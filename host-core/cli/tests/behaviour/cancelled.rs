//! What becomes of a guest when its HTTP client leaves, or the link's time for the request is over.

use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
use capability_provider::{LinkConfig, LinkKey, LinkName, Provider};
use host_core::Host;
use provider_http_server::HttpServer;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// Computes for ever once it is started.
const SPINNING: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32) (loop (br 0)) (i32.const 1)))"#;

struct Spinning {
    host: Host,
    address: SocketAddr,
}

impl Spinning {
    /// A guest that computes for ever behind HTTP, whose requests have so much time.
    fn behind_http(request_timeout: &str) -> Self {
        let account = KeyPair::generate(KeyKind::Account).unwrap();
        let key = KeyPair::generate(KeyKind::Module).unwrap();
        let claims = ClaimsBuilder::new(key.public_key()).capability("wascc:http_server");
        let signed = sign_module(&wat::parse_str(SPINNING).unwrap(), &claims, &account).unwrap();
        let trust = TrustPolicy::nobody().account(account.public_key());
        let host = Host::builder().trust(trust).call_deadline(LONG).build().unwrap();
        let server = Arc::new(HttpServer::new());
        host.provide(Arc::clone(&server)).unwrap();
        let actor = host.add_actor(signed).unwrap();
        let link = LinkKey::new(actor, server.capability(), LinkName::default());
        let config = LinkConfig::new().with("port", "0").with("request_timeout_ms", request_timeout);
        host.link(&link, config).unwrap();
        Self { address: server.local_addr(&link).unwrap(), host }
    }

    /// Sends a request; returns the connection when the guest computes.
    fn ask(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
        self.until(1);
        stream
    }

    /// Waits until so many instances are in use, and tells how long that took.
    fn until(&self, in_use: usize) -> Duration {
        let began = Instant::now();
        while self.host.status().actors[0].pool.in_use != in_use {
            assert!(began.elapsed() < LONG / 2, "it never has {in_use} instances in use");
            thread::yield_now();
        }
        began.elapsed()
    }
}

#[test]
fn a_guest_ends_soon_after_its_client_left() {
    let spinning = Spinning::behind_http("60000");
    let mut took: Vec<_> = (0..10)
        .map(|_| {
            drop(spinning.ask());
            spinning.until(0)
        })
        .collect();
    took.sort();
    // The aim is 50 ms; on a busy machine a thread may have to wait for a processor longer than that.
    println!("from the client's leaving to the guest's end: {took:?}");
    assert!(took[0] < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_guest_ends_with_the_time_for_its_request() {
    let spinning = Spinning::behind_http("100");
    let stream = spinning.ask();
    let took = spinning.until(0);
    println!("the guest ended {took:?} after it was seen to run");
    assert!(took < LONG / 4);
    drop(stream);
}
