//! Heads of requests that are not what RFC 9112 asks for, and those that only look odd.

mod support;

use capability_contracts::http_server::Request;
use capability_provider::LinkConfig;
use support::{Served, listening};

/// Sends a head, a request behind it that nobody must see, and returns the status that came.
#[track_caller]
fn refused(head: &str) -> u16 {
    let (served, requests) = listening();
    let mut client = served.client();
    let reply = client.send(&format!("{head}\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(client.rest(), "", "{head:?}");
    assert!(requests.try_recv().is_err(), "{head:?}");
    reply.status
}

/// The request that the actor gets for a head.
#[track_caller]
fn accepted(head: &str) -> Request {
    let (served, requests) = listening();
    let reply = served.client().send(&format!("{head}\r\n\r\n"));
    assert_eq!(reply.status, 200, "{head:?}");
    requests.recv().unwrap()
}

#[test]
fn a_host_is_there_once_and_is_one() {
    assert_eq!(refused("GET / HTTP/1.1"), 400);
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b"), 400);
    assert_eq!(refused("GET / HTTP/1.1\r\nHost: a\r\nhost: a"), 400);
    assert_eq!(refused("GET / HTTP/1.0\r\nHost: a\r\nHost: a"), 400);
    for host in
        ["a b", "a/b", "me@a", "a:b", "a:65536", "a, b", "[::1", "http://a", "a#b", "a\u{e9}", "%4", "a\tb"]
    {
        assert_eq!(refused(&format!("GET / HTTP/1.1\r\nHost: {host}")), 400, "{host:?}");
        // The host of a target in absolute form does not make up for it.
        assert_eq!(refused(&format!("GET http://a/ HTTP/1.1\r\nHost: {host}")), 400, "{host:?}");
    }
    for host in ["a", "a:80", "", "[::1]:80", "1.2.3.4", "A.b-c_d~:", "%41"] {
        assert_eq!(accepted(&format!("GET / HTTP/1.1\r\nHost: {host}")).header["host"], host);
    }
    assert!(!accepted("GET / HTTP/1.0").header.contains_key("host"));
}

#[test]
fn the_host_of_an_absolute_target_counts() {
    for (target, host, path, query) in [
        ("http://shop.example:81/tea?x=1", "shop.example:81", "/tea", "x=1"),
        ("http://shop.example", "shop.example", "/", ""),
        ("http://shop.example?x", "shop.example", "/", "x"),
        ("HTTPS://shop.example/", "shop.example", "/", ""),
        ("http://[::1]:1//a", "[::1]:1", "//a", ""),
    ] {
        for host_line in ["\r\nHost: other.example", "\r\nHost: shop.example", "\r\nHost:"] {
            let request = accepted(&format!("GET {target} HTTP/1.1{host_line}"));
            assert_eq!(
                (request.header["host"].as_str(), request.path.as_str(), request.query_string.as_str()),
                (host, path, query),
                "{target}"
            );
        }
        assert_eq!(accepted(&format!("GET {target} HTTP/1.0")).header["host"], host);
    }
    for target in [
        "http:///tea",
        "http://me@shop.example/",
        "http://me:pw@a/",
        "http://a:b/",
        "ftp://a/",
        "http://a:99999/",
    ] {
        assert_eq!(refused(&format!("GET {target} HTTP/1.1\r\nHost: a")), 400, "{target}");
    }
}

#[test]
fn each_form_of_a_target_has_its_methods() {
    assert_eq!(accepted("OPTIONS * HTTP/1.1\r\nHost: a").path, "*");
    for method in ["GET", "POST", "HEAD", "options"] {
        assert_eq!(refused(&format!("{method} * HTTP/1.1\r\nHost: a")), 400, "{method}");
    }
    for target in ["a", "a:80", "shop.example", "a/b", "?x", "http:/a", "**"] {
        assert_eq!(refused(&format!("GET {target} HTTP/1.1\r\nHost: a")), 400, "{target}");
    }
}

#[test]
fn a_tunnel_is_refused_and_what_is_no_tunnel_is_malformed() {
    for target in ["a:1", "[::1]:443"] {
        assert_eq!(refused(&format!("CONNECT {target} HTTP/1.1\r\nHost: a")), 501, "{target}");
    }
    for target in ["a", "a:", "a:0", "a:x", ":1", "/", "*", "http://a:1/", "me@a:1"] {
        assert_eq!(refused(&format!("CONNECT {target} HTTP/1.1\r\nHost: a")), 400, "{target}");
    }
    assert_eq!(refused("CONNECT a:1 HTTP/1.1"), 400);
}

#[test]
fn a_transfer_coding_that_is_not_undone_does_not_pass_for_a_body() {
    for (codings, status) in [
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: identity, chunked", 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked, gzip, chunked", 400),
        ("Transfer-Encoding: gzip;level=1, chunked", 400),
        ("Transfer-Encoding: chunked, gzip", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding: ", 400),
        ("Transfer-Encoding: ,", 400),
        ("Content-Length: 0\r\nTransfer-Encoding: gzip, chunked", 501),
    ] {
        assert_eq!(refused(&format!("POST / HTTP/1.1\r\nHost: a\r\n{codings}")), status, "{codings:?}");
    }
    assert_eq!(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked"), 400);
    for coding in ["chunked", "Chunked", ", chunked", "\tCHUNKED "] {
        let (served, requests) = listening();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n");
        assert_eq!(served.client().send(&format!("{head}2\r\nhi\r\n0\r\n\r\n")).status, 200, "{coding:?}");
        let request = requests.recv().unwrap();
        assert_eq!((&request.body[..], request.header.get("transfer-encoding")), (&b"hi"[..], None));
    }
}

#[test]
fn a_length_beside_a_coding_ends_the_connection() {
    for order in
        ["Content-Length: 6\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 6"]
    {
        let (served, requests) = listening();
        let mut client = served.client();
        let rest = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let reply = client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{order}\r\n\r\n{rest}"));
        assert_eq!((reply.status, reply.header["connection"].as_str()), (200, "close"));
        assert_eq!(client.rest(), "");
        let request = requests.recv().unwrap();
        assert_eq!((request.path.as_str(), request.header.get("content-length")), ("/", None));
        assert!(requests.try_recv().is_err());
    }
}

#[test]
fn the_health_path_is_checked_too() {
    let served = Served::with_health(LinkConfig::new(), || Ok(()));
    assert_eq!(served.client().send("GET /health HTTP/1.1\r\n\r\n").status, 400);
    assert_eq!(
        served.client().send("GET http://a/health HTTP/1.1\r\nHost: a\r\n\r\n").text(),
        r#"{"status":"ok"}"#
    );
}

#[test]
fn an_old_client_keeps_its_connection_if_it_asks_for_it() {
    let (served, _requests) = listening();
    let mut client = served.client();
    client.write(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.read(true).status, 200);
    assert_eq!(client.rest(), "");

    let mut client = served.client();
    for _ in 0..3 {
        let reply = client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!((reply.status, reply.header["connection"].as_str()), (200, "keep-alive"));
    }
}

/// Sends a head of any bytes, with a request behind it that nobody must see.
#[track_caller]
fn refused_bytes(head: &[u8]) {
    let (served, requests) = listening();
    let mut client = served.client();
    client.write(&[head, b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    let reply = client.read(true);
    let shown = head.escape_ascii();
    assert_eq!((reply.status, &*client.rest()), (400, ""), "{shown}");
    assert_eq!(served.get("/next").status, 200, "{shown}");
    let seen: Vec<_> = requests.try_iter().map(|request| request.path).collect();
    assert_eq!(seen, ["/next"], "{shown}");
}

#[test]
fn what_is_no_text_is_refused_wherever_only_ascii_may_stand() {
    // A byte that never stands in UTF-8, half a character, an overlong one, half a surrogate pair, and a character that is whole.
    for bytes in [&b"\xff"[..], b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xc3\xa9"] {
        for [before, behind] in [
            [&b"GET /a"[..], &b"b HTTP/1.1\r\nHost: a"[..]],
            [b"GET /?a=", b" HTTP/1.1\r\nHost: a"],
            [b"GET ", b"/ HTTP/1.1\r\nHost: a"],
            [b"GET http://a", b"/ HTTP/1.1\r\nHost: a"],
            [b"GET http://a/", b" HTTP/1.1\r\nHost: a"],
            [b"GET htt", b"p://a/ HTTP/1.1\r\nHost: a"],
            [b"OPTIONS *", b" HTTP/1.1\r\nHost: a"],
            [b"CONNECT a", b":80 HTTP/1.1\r\nHost: a"],
            [b"G", b"ET / HTTP/1.1\r\nHost: a"],
            [b"GET / HTTP/1.", b"1\r\nHost: a"],
            [b"GET / HTTP/1.1", b"\r\nHost: a"],
            [b"GET / HTTP/1.1\r\nHost: a", b""],
            [b"GET / HTTP/1.1\r\nHost: ", b":80"],
            [b"GET / HTTP/1.1\r\nHost: a:", b""],
            [b"GET / HTTP/1.1\r\nHo", b"st: a"],
            [b"GET / HTTP/1.1\r\nHost: a\r\nX-", b": 1"],
            [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", b""],
            [b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1", b""],
        ] {
            refused_bytes(&[before, bytes, behind].concat());
        }
    }
}

#[test]
fn a_value_may_have_bytes_that_are_no_text_and_the_next_request_is_read_all_the_same() {
    let (served, requests) = listening();
    let mut client = served.client();
    for (bytes, value) in [(&b"\xff"[..], "\u{fffd}"), (b"\xc3", "\u{fffd}"), (b"\xc3\xa9", "\u{e9}")] {
        client.write(&[b"GET / HTTP/1.1\r\nHost: a\r\nX-Value: a", bytes, b"b\r\n\r\n"].concat());
        assert_eq!(client.read(true).status, 200);
        assert_eq!(requests.recv().unwrap().header["x-value"], format!("a{value}b"));
    }
    // Nor are there control characters in one, but for tabs (RFC 9110, section 5.5).
    for byte in [0, 1, 0x0b, 0x1b, 0x7f] {
        refused_bytes(&[b"GET / HTTP/1.1\r\nHost: a\r\nX-Value: a", &[byte][..], b"b"].concat());
    }
}
