//! Converts HTTP to the contract's messages and back.

use std::collections::BTreeMap;

use capability_contracts::http_server;
use capability_provider::{CallContext, Trace};
use http_body_util::Full;
use hyper::{
    StatusCode,
    ext::ReasonPhrase,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    http::request::Parts,
};

use crate::{answer::Answer, peer::Peer, refusal::Refusal};

/// The headers that are about one connection or the message's framing (RFC 9110, section 7.6.1). They are up to
/// this provider: an actor that sets one would say something untrue about the bytes that follow.
const FRAMING: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The contract's request. Path and query stay as they were sent, percent-encoding and all.
pub(crate) fn request(head: &Parts, body: Vec<u8>) -> http_server::Request {
    http_server::Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query_string: head.uri.query().unwrap_or_default().to_owned(),
        header: joined(&head.headers),
        body,
    }
}

/// What a request's call carries: who sent it, and the trace that it came with.
pub(crate) fn context(head: &Parts, peer: &Peer) -> CallContext {
    trace(&head.headers)
        .map_or_else(CallContext::new, |trace| CallContext::new().with_trace(trace))
        .called_by(peer.caller().clone())
}

/// The trace that a request came with, if its headers say so as W3C Trace Context 3 asks: a `traceparent`, once, and the `tracestate` of
/// all lines together.
fn trace(headers: &HeaderMap) -> Option<Trace> {
    let mut parents = headers.get_all("traceparent").iter();
    let parent = parents.next().filter(|_| parents.next().is_none())?.to_str().ok()?;
    let trace: Trace = parent.parse().ok()?;
    let states = headers.get_all("tracestate").iter().filter_map(|state| state.to_str().ok());
    Some(trace.with_state(&states.collect::<Vec<_>>().join(",")))
}

/// Header names in lower case; values of one name are joined as RFC 9110, section 5.3 allows, those of `cookie` as
/// RFC 6265, section 5.4 asks. Bytes that are not UTF-8 become U+FFFD.
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match all.get_mut(name.as_str()) {
            None => {
                all.insert(name.as_str().to_owned(), value.into_owned());
            }
            Some(text) => {
                text.push_str(if name == header::COOKIE { "; " } else { ", " });
                text.push_str(&value);
            }
        }
    }
    all
}

/// The HTTP response that the actor's reply stands for.
pub(crate) fn response(reply: http_server::Response) -> Result<Answer, Refusal> {
    let status = status(reply.status_code)?;
    let body = if has_content(status) { reply.body } else { Vec::new() };
    let mut answer = Answer::new(Full::new(body.into()));
    *answer.status_mut() = status;
    for (name, value) in &reply.header {
        add(answer.headers_mut(), name, value)?;
    }
    for value in &reply.set_cookie {
        add(answer.headers_mut(), header::SET_COOKIE.as_str(), value)?;
    }
    if let Some(phrase) = phrase(status, reply.status)? {
        answer.extensions_mut().insert(phrase);
    }
    Ok(answer)
}

/// Whether an answer with this status may carry a content (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5). That of HEAD has
/// none either, but the length of one.
fn has_content(status: StatusCode) -> bool {
    !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The words of the status line, where they are not the usual ones. A code that has no usual words and got none has an
/// empty phrase (RFC 9112, section 4).
fn phrase(status: StatusCode, text: String) -> Result<Option<ReasonPhrase>, Refusal> {
    match status.canonical_reason() {
        Some(_) if text.is_empty() => Ok(None),
        Some(usual) if usual == text => Ok(None),
        _ => ReasonPhrase::try_from(text)
            .map(Some)
            .map_err(|_| Refusal::bad_reply("its status text holds control characters")),
    }
}

/// Informational codes are left out: they announce another response, and an actor has only one.
fn status(code: u32) -> Result<StatusCode, Refusal> {
    u16::try_from(code)
        .ok()
        .filter(|code| (200..=599).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or_else(|| Refusal::bad_reply(format_args!("its status code {code} is not from 200 to 599")))
}

/// Adds a header. One that is there already, in another spelling, is replaced: two lines of one name are a list, which most
/// headers are not (RFC 9110, section 5.3). Cookies have a line each (RFC 6265, section 3).
fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Refusal> {
    let refusal = |what| Refusal::bad_reply(format_args!("the {what} of its header {name:?} is not valid"));
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refusal("name"))?;
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refusal("value"))?;
    if FRAMING.contains(&key) {
        return Ok(());
    }
    let full = |_| Refusal::bad_reply("it has too many headers");
    if key == header::SET_COOKIE {
        headers.try_append(key, value).map(drop).map_err(full)
    } else {
        headers.try_insert(key, value).map(drop).map_err(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status_code: u32, name: &str, value: &str) -> http_server::Response {
        http_server::Response {
            status_code,
            header: [(name.to_owned(), value.to_owned())].into(),
            ..http_server::Response::default()
        }
    }

    #[test]
    fn values_of_one_name_are_joined() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("accept", "a"), ("accept", "b"), ("cookie", "x=1"), ("cookie", "y=2")] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let all = joined(&headers);
        assert_eq!((all["accept"].as_str(), all["cookie"].as_str()), ("a, b", "x=1; y=2"));
    }

    #[test]
    fn framing_headers_of_an_actor_are_left_out() {
        for name in ["Content-Length", "transfer-encoding", "Connection", "upgrade", "Keep-Alive"] {
            assert!(response(reply(200, name, "7")).unwrap().headers().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_reply_that_is_no_response_is_refused() {
        for (code, name, value) in
            [(0, "a", "b"), (101, "a", "b"), (70_000, "a", "b"), (200, "a b", "c"), (200, "a", "b\r\nc: d")]
        {
            assert!(response(reply(code, name, value)).is_err(), "{code} {name:?} {value:?}");
        }
        let status = "OK\r\nx: y".to_owned();
        let split = http_server::Response { status_code: 200, status, ..http_server::Response::default() };
        assert!(response(split).is_err());
    }
}
