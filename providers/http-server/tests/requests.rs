//! What reaches the actor, and what of its answer reaches the client.

mod support;

use capability_contracts::http_server::Response;
use support::{Served, listening};

/// A listener whose actor hands its requests to the test and answers 200.
#[test]
fn a_request_arrives_as_it_was_sent() {
    let (served, requests) = listening();
    let reply = served.client().send(
        "PUT /a%20b//c?x=1&y=%C3%BC%00 HTTP/1.1\r\nHost: Test\r\nX-Twice: 1\r\nx-twice: 2\r\n\
         Cookie: a=1\r\nCookie: b=2\r\nContent-Length: 5\r\n\r\nbody!",
    );
    assert_eq!(reply.status, 200);
    let request = requests.recv().unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str(), request.query_string.as_str(), &request.body[..]),
        ("PUT", "/a%20b//c", "x=1&y=%C3%BC%00", &b"body!"[..])
    );
    let header = |name: &str| request.header[name].as_str();
    assert_eq!((header("host"), header("x-twice"), header("cookie")), ("Test", "1, 2", "a=1; b=2"));
}

#[test]
fn a_body_in_chunks_arrives_whole() {
    let (served, requests) = listening();
    let reply = served.client().send(
        "POST / HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    );
    assert_eq!(reply.status, 200);
    assert_eq!(requests.recv().unwrap().body, b"abcde");
}

#[test]
fn header_bytes_that_are_not_utf_8_are_replaced() {
    let (served, requests) = listening();
    let mut client = served.client();
    client.write(b"GET / HTTP/1.1\r\nhost: t\r\nx-latin: caf\xe9\r\n\r\n");
    assert_eq!(client.read(true).status, 200);
    assert_eq!(requests.recv().unwrap().header["x-latin"], "caf\u{fffd}");
}

#[test]
fn an_answer_goes_out_as_the_actor_gave_it() {
    let served = Served::start(|request| {
        let mut response = Response::text(format!("{} {}", request.method, request.path));
        response.status_code = 418;
        response.status = "I'm a teapot, short and stout".to_owned();
        Ok(response.with_header("X-Kettle", "on").with_header("content-length", "999"))
    });
    let reply = served.get("/pot");
    assert_eq!(reply.line, "HTTP/1.1 418 I'm a teapot, short and stout");
    assert_eq!((reply.text(), reply.header["x-kettle"].as_str()), ("GET /pot", "on"));
    assert_eq!(reply.header["content-type"], "text/plain; charset=utf-8");
}

#[test]
fn a_head_request_gets_the_length_without_the_body() {
    let served = Served::start(|request| {
        assert_eq!(request.method, "HEAD");
        Ok(Response::text("seven b"))
    });
    let mut client = served.client();
    let reply = client.send("HEAD / HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!((reply.status, reply.header["content-length"].as_str()), (200, "7"));
    // The next answer begins where the body would have been.
    assert_eq!(client.send("HEAD / HTTP/1.1\r\nhost: t\r\n\r\n").status, 200);
}

#[test]
fn a_status_that_has_no_body_is_sent_without_one() {
    let served = Served::start(|_| Ok(Response { body: b"lost".to_vec(), ..Response::status(204) }));
    let mut client = served.client();
    for _ in 0..2 {
        let reply = client.get("/");
        assert_eq!((reply.status, reply.header.get("content-length")), (204, None));
    }
}

#[test]
fn one_connection_carries_many_requests() {
    let served = Served::start(|request| Ok(Response::text(request.path)));
    let mut client = served.client();
    for number in 0..100 {
        let reply = client.get(&format!("/{number}"));
        assert_eq!(reply.text(), format!("/{number}"));
    }
    // Two at once are answered in their order.
    client.write(b"GET /a HTTP/1.1\r\nhost: t\r\n\r\nGET /b HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!([client.read(true).text(), client.read(true).text()], ["/a", "/b"]);
}

#[test]
fn what_is_no_http_is_refused_and_the_listener_goes_on() {
    let served = Served::start(|_| Ok(Response::ok()));
    for garbage in
        [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n"]
    {
        let mut client = served.client();
        client.write(garbage);
        let reply = client.read(true);
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(client.is_closed());
    }
    assert_eq!(served.get("/").status, 200);
}
