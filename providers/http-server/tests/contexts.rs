//! What a request carries to its actor, and what becomes of the call when nobody waits any more.

mod support;

use std::{
    future,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use bytes::Bytes;
use capability_contracts::{encode, http_server::Response};
use capability_provider::{CallContext, CallerKind, Dispatch, DispatchError, Interrupted, LinkConfig};
use support::{Served, actor};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// An actor that never answers, and tells why it gave up.
struct Hanging {
    began: mpsc::Sender<()>,
    ended: mpsc::Sender<Interrupted>,
}

impl Dispatch for Hanging {
    fn call(&self, context: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        self.began.send(()).unwrap();
        let limit = context.remaining().unwrap();
        let why = context.wait(future::pending::<()>()).unwrap_err();
        self.ended.send(why).unwrap();
        Err(match why {
            Interrupted::Cancelled => DispatchError::Cancelled { actor: actor() },
            Interrupted::DeadlineExceeded => DispatchError::DeadlineExceeded { actor: actor(), limit },
        })
    }

    fn health(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

/// A listener before an actor that never answers; what tells of the beginning of a call, and of its end.
fn hanging(timeout_ms: &str) -> (Served, mpsc::Receiver<()>, mpsc::Receiver<Interrupted>) {
    let ((began, is_begun), (ended, is_ended)) = (mpsc::channel(), mpsc::channel());
    let config = LinkConfig::new().with("request_timeout_ms", timeout_ms);
    (Served::before(config, Hanging { began, ended }), is_begun, is_ended)
}

/// Sends a request; returns the connection when the actor was called.
fn ask(served: &Served, is_begun: &mpsc::Receiver<()>, version: &str) -> TcpStream {
    let mut stream = TcpStream::connect(served.address()).unwrap();
    write!(stream, "GET / HTTP/{version}\r\nhost: t\r\n\r\n").unwrap();
    is_begun.recv_timeout(LONG).unwrap();
    stream
}

#[test]
fn the_links_timeout_ends_the_call() {
    let (served, is_begun, is_ended) = hanging("50");
    let reply = served.get("/");
    assert_eq!((reply.status, reply.code().as_str()), (504, "deadline_exceeded"));
    is_begun.recv_timeout(LONG).unwrap();
    // Whichever comes first: its own deadline, or that nobody waits.
    is_ended.recv_timeout(LONG).unwrap();
}

#[test]
fn a_client_that_leaves_cancels_its_call() {
    let (served, is_begun, is_ended) = hanging("60000");
    let (mut took, mut resets) = (Vec::new(), [false, true].into_iter().cycle());
    for _ in 0..10 {
        let stream = ask(&served, &is_begun, "1.1");
        if resets.next().unwrap() {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
        let began = Instant::now();
        drop(stream);
        assert_eq!(is_ended.recv_timeout(LONG).unwrap(), Interrupted::Cancelled);
        took.push(began.elapsed());
    }
    took.sort();
    println!("from leaving to the end of the call: {took:?}");
    assert!(took[0] < LONG / 2);
}

#[test]
fn a_client_that_closed_its_side_and_waits_keeps_its_call() {
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let served = Served::start(move |_| {
        calling.send(()).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::text("the answer"))
    });
    for version in ["1.1", "1.0"] {
        let stream = ask(&served, &called, version);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut reader = BufReader::new(stream);
        let mut text = String::new();
        if version == "1.1" {
            // It is found out whether the client is there, with something that it reads over.
            reader.read_line(&mut text).unwrap();
            assert_eq!(text, "HTTP/1.1 100 Continue\r\n");
        }
        go.send(()).unwrap();
        reader.read_to_string(&mut text).unwrap();
        assert!(text.contains("200 OK") && text.ends_with("the answer"), "{text:?}");
        assert_eq!(text.matches("100 Continue").count(), usize::from(version == "1.1"), "{text:?}");
    }
}

/// Keeps what calls carry.
struct Keeping(mpsc::Sender<CallContext>);

impl Dispatch for Keeping {
    fn call(&self, context: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        self.0.send(context).unwrap();
        Ok(encode(&Response::ok()).unwrap().into())
    }

    fn health(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

#[test]
fn client_deadline_and_trace_come_with_the_request() {
    let (kept, contexts) = mpsc::channel();
    let served = Served::before(LinkConfig::new().with("request_timeout_ms", "60000"), Keeping(kept));
    let traced = |headers: &str| {
        let request = format!("GET / HTTP/1.1\r\nhost: t\r\n{headers}\r\n");
        let mut client = served.client();
        assert_eq!(client.send(&request).status, 200);
        let context = contexts.recv_timeout(LONG).unwrap();
        let callers: Vec<_> =
            context.callers().map(|caller| (caller.kind(), caller.name().to_owned())).collect();
        assert_eq!(callers, [(CallerKind::Client, client.local().to_string())]);
        assert!(context.remaining() <= Some(Duration::from_secs(60)) && context.cancel().is_some());
        context.trace().map(|trace| (trace.to_string(), trace.state().map(str::to_owned)))
    };
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert_eq!(traced(""), None);
    assert_eq!(traced(&format!("traceparent: {parent}\r\n")), Some((parent.to_owned(), None)));
    let with_state = format!("tracestate: a=1\r\nTraceparent: {parent}\r\ntracestate: b=2\r\n");
    assert_eq!(traced(&with_state), Some((parent.to_owned(), Some("a=1,b=2".to_owned()))));
    // Twice, or wrong, it is as if there were none.
    assert_eq!(traced(&format!("traceparent: {parent}\r\ntraceparent: {parent}\r\n")), None);
    assert_eq!(traced("traceparent: 00-é\r\ntracestate: a=1\r\n"), None);
}
