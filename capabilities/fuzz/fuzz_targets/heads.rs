//! Checks heads of HTTP requests: the bytes of a connection go through the parser and the function that checks each head, as in the server.
//!
//! A second reading of the same bytes says what an accepted head may be, and where the next one begins: a request that another
//! reader would find elsewhere, or not at all, is a finding.
#![no_main]

// The function is no part of what its crate offers, so its sources are read here; not all of them is used.
#[path = "../../../providers/http-server/src/head.rs"]
mod head;
#[allow(dead_code, reason = "refusals of other kinds than heads")]
#[path = "../../../providers/http-server/src/refusal.rs"]
mod refusal;

use std::{
    convert::Infallible,
    pin::pin,
    sync::Mutex,
    task::{Context, Waker},
};

use capability_fuzz::{RequestHead, Wire, may_be_a_host};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Method, Request, Response, StatusCode, Version,
    body::{Bytes, Incoming},
    header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use libfuzzer_sys::fuzz_target;

/// A request that was accepted, with its body when all of it came.
type Accepted = (Parts, Option<Bytes>);

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let accepted = accepted(bytes, usize::from(piece));
    let mut from = Some(0);
    for (index, (head, body)) in accepted.iter().enumerate() {
        has_one_reading(head);
        let Some(raw) =
            from.map(|from| RequestHead::read(bytes, from).expect("a head is where one was found"))
        else {
            continue;
        };
        is_what_was_sent(head, &raw);
        let is_last = index + 1 == accepted.len();
        let lengths = raw.values("content-length");
        from = if raw.values("transfer-encoding").is_empty() {
            let length = length(&lengths);
            assert!(body.as_ref().is_none_or(|body| body.len() as u64 == length), "{raw:?}");
            Some(raw.end + usize::try_from(length).unwrap_or(usize::MAX - raw.end))
        } else {
            assert!(lengths.is_empty() || is_last, "a request behind one with two lengths: {raw:?}");
            // Where it ends is for the decoder of chunks to say.
            None
        };
    }
});

/// The requests of a connection that are accepted, before it is closed or broken.
fn accepted(bytes: &[u8], piece: usize) -> Vec<Accepted> {
    let accepted = Mutex::new(Vec::new());
    let accept = |request| answer(request, &accepted);
    connect(bytes, piece, accept);
    accepted.into_inner().expect("nobody panicked")
}

/// Serves a connection to its end.
fn connect<F>(bytes: &[u8], piece: usize, answer: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Result<Response<Empty<Bytes>>, Infallible>>,
{
    let mut http = http1::Builder::new();
    let mut connection =
        pin!(http.half_close(true).serve_connection(Wire::new(bytes, piece), service_fn(answer)));
    let mut context = Context::from_waker(Waker::noop());
    // All bytes are there, so there is nothing to wait for but the server's own turns.
    let turns = 1000 + 100 * bytes.len();
    let ends = (0..turns).any(|_| connection.as_mut().poll(&mut context).is_ready());
    assert!(ends, "the connection does not end in {turns} turns");
}

async fn answer(
    request: Request<Incoming>,
    accepted: &Mutex<Vec<Accepted>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (mut head, body) = request.into_parts();
    let mut answer = Response::new(Empty::new());
    if let Err(refusal) = head::check(&mut head) {
        assert!(refusal.close, "nothing behind a bad head can be trusted");
        assert!(matches!(refusal.status, StatusCode::BAD_REQUEST | StatusCode::NOT_IMPLEMENTED));
        *answer.status_mut() = refusal.status;
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return Ok(answer);
    }
    let body = body.collect().await.ok().map(|body| body.to_bytes());
    accepted.lock().expect("nobody panicked").push((head, body));
    Ok(answer)
}

/// What is left for whoever comes behind the check.
fn has_one_reading(head: &Parts) {
    let hosts: Vec<_> = head.headers.get_all(HOST).iter().collect();
    match (head.version, &hosts[..]) {
        (_, [host]) => assert!(may_be_a_host(host.as_bytes()), "{host:?}"),
        (Version::HTTP_10, []) => {}
        _ => panic!("{:?} with {hosts:?}", head.version),
    }
    assert_ne!(head.method, Method::CONNECT);
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    assert!(path.starts_with('/') || (path == "*" && head.method == Method::OPTIONS), "{path:?}");
    assert!(path.is_ascii() && query.is_ascii());
    assert!(!path.contains(|c: char| c.is_ascii_control() || " ?#".contains(c)), "{path:?}");
    assert!(!query.contains(|c: char| c.is_ascii_control() || " #".contains(c)), "{query:?}");
    assert!(!head.headers.contains_key(TRANSFER_ENCODING));
    assert!(head.headers.get_all(CONTENT_LENGTH).iter().count() <= 1);

    let mut again = head.clone();
    assert!(head::check(&mut again).is_ok(), "what was accepted is accepted again");
    assert_eq!((&again.uri, &again.headers), (&head.uri, &head.headers));
}

/// That another reader of the same bytes finds the same request.
fn is_what_was_sent(head: &Parts, raw: &RequestHead<'_>) {
    assert_eq!(head.method.as_str().as_bytes(), raw.method);
    let hosts = raw.values("host");
    assert!(hosts.len() == 1 || (hosts.is_empty() && raw.version == b"HTTP/1.0"), "{raw:?}");
    let counts = raw.authority().or(hosts.first().copied());
    assert_eq!(head.headers.get(HOST).map(HeaderValue::as_bytes), counts, "{raw:?}");

    let (lengths, codings) = (raw.values("content-length"), raw.values("transfer-encoding"));
    let told = head.headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    if codings.is_empty() {
        assert_eq!(told, lengths.first().copied(), "{raw:?}");
        return;
    }
    assert_eq!(told, None, "a length beside a coding: {raw:?}");
    let codings = codings.join(&b',');
    let mut codings =
        codings.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|coding| !coding.is_empty());
    assert!(codings.next().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")), "{raw:?}");
    assert_eq!(codings.next(), None, "{raw:?}");
}

/// The one length of a body that these lines tell, which all of them do.
fn length(lines: &[&[u8]]) -> u64 {
    let number = |line: &[u8]| {
        assert!(!line.is_empty() && line.iter().all(u8::is_ascii_digit), "{}", line.escape_ascii());
        str::from_utf8(line).ok().and_then(|text| text.parse().ok()).expect("a number of bytes has 64 bits")
    };
    let mut numbers = lines.iter().map(|line| number(line));
    let first = numbers.next().unwrap_or(0);
    assert!(numbers.all(|other| other == first), "lengths that differ");
    first
}
