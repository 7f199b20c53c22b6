//! The program's router, asked over loopback.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use embed_axum::{Counter, router};
use host_core::{
    KeyKind, KeyPair,
    claims::{ClaimsBuilder, sign_module},
};
use tokio::{net::TcpListener, runtime::Runtime};

const COUNTER: &[u8] = include_bytes!("../../guests/modules/kv-counter.wasm");

/// The counter as a new account signed it, with these capabilities, and that account's key.
fn signed(capabilities: &[&str]) -> (Vec<u8>, KeyPair) {
    let account = KeyPair::generate(KeyKind::Account).unwrap();
    let module = KeyPair::generate(KeyKind::Module).unwrap();
    let claims = ClaimsBuilder::new(module.public_key()).name("counter");
    let claims = capabilities.iter().fold(claims, |claims, capability| claims.capability(*capability));
    (sign_module(COUNTER, &claims, &account).unwrap(), account)
}

/// Serves the router on a free port for as long as the runtime is there.
fn serve(runtime: &Runtime, counter: Counter) -> SocketAddr {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, router(counter)).await });
    address
}

/// Sends a request and returns the status line and the body.
#[track_caller]
fn ask(address: SocketAddr, request: &str, body: &str) -> (String, String) {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let length = body.len();
    let head =
        format!("{request} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    client.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn the_actor_answers_its_part_of_the_requests() {
    let (module, account) = signed(&["wascc:keyvalue"]);
    let runtime = Runtime::new().unwrap();
    let address = serve(&runtime, Counter::start(module, account.public_key()).unwrap());

    let ok = "HTTP/1.1 200 OK";
    assert_eq!(ask(address, "GET /counter/tea", ""), (ok.into(), r#"{"counter":1}"#.into()));
    assert_eq!(ask(address, "GET /counter/tea", ""), (ok.into(), r#"{"counter":2}"#.into()));
    assert_eq!(ask(address, "GET /counter/milk", ""), (ok.into(), r#"{"counter":1}"#.into()));
    assert_eq!(ask(address, "GET /about", "").1, "counts the requests under /counter");
    // The actor refuses a method, and the router a path.
    assert_eq!(ask(address, "POST /counter/tea", "more").0, "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(ask(address, "GET /elsewhere", "").0, "HTTP/1.1 404 Not Found");
}

#[test]
fn what_the_token_does_not_grant_is_a_failure_that_tells_the_client_nothing() {
    let (module, account) = signed(&[]);
    let counter = Counter::start(module, account.public_key());
    let runtime = Runtime::new().unwrap();
    let address = serve(&runtime, counter.unwrap());
    let (status, body) = ask(address, "GET /counter/tea", "");
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 502 Bad Gateway", ""));
}

#[test]
fn a_module_of_somebody_else_does_not_start() {
    let (module, _) = signed(&["wascc:keyvalue"]);
    let stranger = KeyPair::generate(KeyKind::Account).unwrap();
    let refused = Counter::start(module, stranger.public_key()).unwrap_err();
    assert!(matches!(refused, host_core::Error::Refused { .. }), "{refused}");
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let (module, account) = signed(&["wascc:keyvalue"]);
    let runtime = Runtime::new().unwrap();
    let address = serve(&runtime, Counter::start(module, account.public_key()).unwrap());
    let (status, _) = ask(address, "POST /counter/tea", &"x".repeat((1 << 20) + 1));
    assert_eq!(status, "HTTP/1.1 413 Payload Too Large");
}
