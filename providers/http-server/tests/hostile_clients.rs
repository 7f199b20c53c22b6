//! Clients that want to keep their place for ever, and clients that only look as if they had left.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use capability_contracts::http_server::Response;
use capability_provider::{LinkConfig, Provider};
use support::Served;

/// Between two bytes of a client that does little.
const PAUSE: Duration = Duration::from_millis(5);

/// More than a connection's buffers hold.
const LONG: usize = 24 * 1024 * 1024;

fn serving(config: LinkConfig) -> Served {
    Served::with(config, |request| match request.path.as_str() {
        "/long" => Ok(Response { body: vec![b'x'; LONG], ..Response::ok() }),
        _ => Ok(Response::ok()),
    })
}

#[test]
fn clients_that_do_not_read_their_answers_lose_their_places() {
    let served = serving(LinkConfig::new().with("connections", "4").with("write_timeout_ms", "200"));
    let mut clients: Vec<_> = (0..4).map(|_| served.client()).collect();
    for client in &mut clients {
        client.ask("/long");
    }
    assert_eq!(served.get("/").status, 200);
    drop(clients);
}

#[test]
fn clients_that_send_many_requests_and_read_nothing_lose_their_places() {
    let served = serving(LinkConfig::new().with("connections", "1").with("write_timeout_ms", "200"));
    let mut greedy = served.client();
    greedy.write("GET /long HTTP/1.1\r\nhost: t\r\n\r\n".repeat(20).as_bytes());
    assert_eq!(served.get("/").status, 200);
}

#[test]
fn a_client_that_reads_gets_all_of_a_long_answer() {
    let served = serving(LinkConfig::new().with("write_timeout_ms", "2000"));
    assert_eq!(served.get("/long").body.len(), LONG);
}

#[test]
fn silent_clients_lose_their_places() {
    let served = serving(LinkConfig::new().with("connections", "3").with("header_timeout_ms", "100"));
    let mut clients: Vec<_> = (0..3).map(|_| served.client()).collect();
    clients[1].write(b"GET / HTTP/1.1\r\nHo");
    clients[2].ask("/");
    assert_eq!(served.get("/").status, 200);
    drop(clients);
}

#[test]
fn clients_whose_bodies_do_not_come_lose_their_places() {
    let config = LinkConfig::new().with("connections", "2").with("request_timeout_ms", "100");
    let served = serving(config);
    let mut clients: Vec<_> = (0..2).map(|_| served.client()).collect();
    clients[0].write(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\nabc");
    clients[1].write(b"POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n1;x=");
    assert_eq!(served.get("/").status, 200);
    drop(clients);
}

/// Does a little of something again and again, with pauses, until somebody else is served by a server that has one place, or the
/// connection is gone.
fn until_another_is_served(served: &Served, mut a_little: impl FnMut() -> bool) {
    let (serving, another) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || serving.send(served.get("/").status).unwrap());
        let served = loop {
            let goes_on = a_little();
            match another.recv_timeout(PAUSE) {
                Err(RecvTimeoutError::Timeout) if goes_on => {}
                Err(RecvTimeoutError::Timeout) => break another.recv(),
                served => break served.map_err(|_| mpsc::RecvError),
            }
        };
        assert_eq!(served, Ok(200));
    })
}

#[test]
fn a_client_that_reads_its_answer_byte_by_byte_now_and_then_loses_its_place() {
    let served = serving(LinkConfig::new().with("connections", "1").with("write_timeout_ms", "300"));
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.write_all(b"GET /long HTTP/1.1\r\nhost: t\r\n\r\n").unwrap();
    let mut read = 0;
    until_another_is_served(&served, || {
        let one = stream.read(&mut [0]).is_ok_and(|length| length == 1);
        read += usize::from(one);
        one
    });
    // It is broken off, not ended: most of the answer never left.
    let mut rest = Vec::new();
    let outcome = stream.read_to_end(&mut rest);
    assert!(read + rest.len() < LONG, "{read} bytes one by one, and {} more: {outcome:?}", rest.len());
}

#[test]
fn a_client_that_sends_its_head_or_body_byte_by_byte_now_and_then_loses_its_place() {
    let times = LinkConfig::new().with("header_timeout_ms", "200").with("request_timeout_ms", "200");
    let served = serving(times.with("connections", "1"));
    for begin in
        ["GET / HTTP/1.1\r\nhost: t\r\nx-", "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(served.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(begin.as_bytes()).unwrap();
        until_another_is_served(&served, || stream.write_all(b"x").is_ok());
    }
}

#[test]
fn a_client_that_closed_its_side_gets_its_answers() {
    let (calling, called) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = Mutex::new(may_go);
    let served = Served::start(move |request| {
        calling.send(()).unwrap();
        // An error means that the test is over.
        let _ = may_go.lock().unwrap().recv();
        Ok(Response::text(request.path))
    });
    for _ in 0..20 {
        let mut client = served.client();
        client.ask("/one");
        client.ask("/two");
        client.half_close();
        called.recv().unwrap();
        go.send(()).unwrap();
        assert_eq!(client.read(true).text(), "/one");
        called.recv().unwrap();
        go.send(()).unwrap();
        assert_eq!(client.read(true).text(), "/two");
        assert_eq!(client.rest(), "");
    }
}

#[test]
fn a_client_that_still_sends_reads_why_it_was_refused() {
    let served = serving(LinkConfig::new().with("body_limit", "1000"));
    for _ in 0..10 {
        let mut stream = TcpStream::connect(served.address()).unwrap();
        let mut client = support::Client::of(stream.try_clone().unwrap());
        let sending = thread::spawn(move || {
            stream.write_all(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 1000000000\r\n\r\n").unwrap();
            for _ in 0..64 {
                // An error would mean that the connection was broken before the client had its answer.
                stream.write_all(&[b'x'; 64 * 1024]).unwrap();
            }
        });
        sending.join().unwrap();
        let reply = client.read(true);
        assert_eq!((reply.status, reply.code().as_str()), (413, "body_too_large"));
    }
}

#[test]
fn the_longest_times_are_no_defect() {
    let forever = u64::MAX.to_string();
    let mut config = LinkConfig::new();
    for key in ["header_timeout_ms", "request_timeout_ms", "write_timeout_ms", "drain_timeout_ms"] {
        config = config.with(key, &forever);
    }
    let served = serving(config);
    let mut client = served.client();
    assert_eq!((client.get("/").status, client.get("/").status), (200, 200));
    assert_eq!(served.client().send("POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\nhi").status, 200);
    served
        .relink(&LinkConfig::new().with("port", "0").with("drain_timeout_ms", &forever), |_| {
            Ok(Response::ok())
        })
        .unwrap();
    assert_eq!(client.get("/").status, 200);
    served.server.unlink(&served.key);
    assert!(client.is_closed());
}
