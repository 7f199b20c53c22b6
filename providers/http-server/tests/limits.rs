//! What is bounded: bodies, heads, times, queues, connections.

mod support;

use std::{
    sync::{Mutex, mpsc},
    thread,
};

use capability_contracts::http_server::Response;
use capability_provider::LinkConfig;
use support::Served;

fn post(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: {length}\r\n\r\n")
}

#[test]
fn a_body_up_to_the_limit_is_taken_and_one_byte_more_is_not() {
    let served = Served::with(LinkConfig::new().with("body_limit", "1000"), |request| {
        Ok(Response::text(request.body.len().to_string()))
    });
    let reply = served.client().send(&format!("{}{}", post(1000), "x".repeat(1000)));
    assert_eq!((reply.status, reply.text()), (200, "1000"));

    // Refused by its announced length, before any of it was sent.
    let mut client = served.client();
    let reply = client.send(&post(1001));
    assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"));
    assert!(client.is_closed());

    // Without an announced length, refused once it is over the limit.
    let chunk = format!("1f5\r\n{}\r\n", "x".repeat(501));
    let head = "POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = served.client().send(&format!("{head}{chunk}{chunk}"));
    assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"));
}

#[test]
fn the_default_limit_is_one_mebibyte() {
    let served = Served::start(|_| Ok(Response::ok()));
    assert_eq!(served.client().send(&post(1024 * 1024 + 1)).status, 413);
}

#[test]
fn a_head_over_its_limit_is_refused() {
    let served = Served::with(LinkConfig::new().with("header_limit", "8192"), |_| Ok(Response::ok()));
    let mut client = served.client();
    let reply = client.send(&format!("GET / HTTP/1.1\r\nhost: t\r\nx-long: {}\r\n\r\n", "x".repeat(10_000)));
    assert_eq!(reply.status, 431);
}

#[test]
fn a_client_that_does_not_finish_its_head_is_let_go() {
    let served = Served::with(LinkConfig::new().with("header_timeout_ms", "50"), |_| Ok(Response::ok()));
    let mut client = served.client();
    client.write(b"GET / HTTP/1.1\r\nhost: t\r\n");
    assert!(client.is_closed());
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn a_body_that_does_not_arrive_ends_in_a_timeout() {
    let served = Served::with(LinkConfig::new().with("request_timeout_ms", "50"), |_| Ok(Response::ok()));
    let mut client = served.client();
    let reply = client.send(&format!("{}abc", post(10)));
    assert_eq!((reply.status, reply.code().as_str()), (408, "request_timeout"));
    assert!(client.is_closed());
}

/// A listener whose actor says that it was called, and answers when the test lets it.
struct Slow {
    served: Served,
    called: mpsc::Receiver<String>,
    go: mpsc::Sender<()>,
}

fn slow(config: LinkConfig) -> Slow {
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let may_go = Mutex::new(may_go);
    let served = Served::with(config, move |request| {
        calling.send(request.path).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::ok())
    });
    Slow { served, called, go }
}

#[test]
fn an_actor_that_does_not_answer_ends_in_a_timeout() {
    let Slow { served, called: _called, go } = slow(LinkConfig::new().with("request_timeout_ms", "50"));
    let reply = served.get("/");
    assert_eq!((reply.status, reply.code().as_str()), (504, "deadline_exceeded"));
    drop(go);
}

#[test]
fn a_full_queue_is_answered_at_once() {
    let Slow { served, called, go } = slow(LinkConfig::new().with("workers", "1").with("queue", "1"));
    let mut first = served.client();
    first.ask("/first");
    assert_eq!(called.recv().unwrap(), "/first");
    // Of the next two, one waits in the queue and the other finds it full; which is which is open.
    let (tell, told) = mpsc::channel();
    for _ in 0..2 {
        let (mut client, tell) = (served.client(), tell.clone());
        thread::spawn(move || tell.send(client.get("/next")).unwrap());
    }
    let refused = told.recv().unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert_eq!(refused.header["retry-after"], "1");
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    assert_eq!((first.read(true).status, told.recv().unwrap().status), (200, 200));
}

#[test]
fn a_request_whose_time_passed_in_the_queue_does_not_reach_the_actor() {
    let Slow { served, called, go } =
        slow(LinkConfig::new().with("workers", "1").with("request_timeout_ms", "300"));
    let (mut first, mut waiting, mut last) = (served.client(), served.client(), served.client());
    first.ask("/first");
    assert_eq!(called.recv().unwrap(), "/first");
    assert_eq!(waiting.get("/waiting").status, 504);
    go.send(()).unwrap();
    last.ask("/last");
    assert_eq!(called.recv().unwrap(), "/last");
    drop(go);
}

#[test]
fn more_connections_than_allowed_wait_their_turn() {
    let served = Served::with(LinkConfig::new().with("connections", "1"), |_| Ok(Response::ok()));
    let mut first = served.client();
    assert_eq!(first.get("/").status, 200);
    let mut second = served.client();
    second.ask("/");
    drop(first);
    assert_eq!(second.read(true).status, 200);
}
