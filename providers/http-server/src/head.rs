//! Checks a request's head by RFC 9112 before anything else sees it.

use std::net::Ipv6Addr;

use hyper::{
    Method, Version,
    header::{HOST, HeaderValue, TRANSFER_ENCODING},
    http::request::Parts,
};

use crate::refusal::Refusal;

/// Refuses a head that is not what RFC 9112 asks for, and leaves one behind that has only one reading:
///
/// - the target is a path that begins with a slash, or `*` with OPTIONS;
/// - `host` is there at most once, and names the target's host when the target came with one (section 3.2.2);
/// - `transfer-encoding`, which the server has undone by then, is there no longer.
///
/// The request line, the fields' syntax, and `content-length` were checked by the parser.
pub(crate) fn check(head: &mut Parts) -> Result<(), Refusal> {
    host(head)?;
    target(head)?;
    codings(head)
}

/// `Host`: once, and what it should be (RFC 9112, section 3.2). HTTP/1.0 may go without.
fn host(head: &Parts) -> Result<(), Refusal> {
    let mut lines = head.headers.get_all(HOST).iter();
    let Some(line) = lines.next() else {
        return match head.version {
            Version::HTTP_10 => Ok(()),
            _ => Err(Refusal::bad_head("the request has no `Host`, which HTTP/1.1 asks for")),
        };
    };
    if lines.next().is_some() {
        return Err(Refusal::bad_head("the request has more than one `Host`"));
    }
    match line.to_str().ok().and_then(host_and_port) {
        Some(_) => Ok(()),
        None => Err(Refusal::bad_head("`Host` is not a host with or without a port")),
    }
}

/// The four forms of a target, each where it may stand (RFC 9112, section 3.2).
fn target(head: &mut Parts) -> Result<(), Refusal> {
    if head.method == Method::CONNECT {
        return Err(tunnel(head));
    }
    // The parser lets letters of all languages through, and a URI has none but ASCII (RFC 3986, section 2).
    if !head.uri.path().is_ascii() || !head.uri.query().unwrap_or_default().is_ascii() {
        return Err(Refusal::bad_head("the target has characters that are not ASCII"));
    }
    match (head.uri.scheme_str(), head.uri.authority()) {
        (None, None) if head.uri.path() == "*" => match head.method {
            Method::OPTIONS => Ok(()),
            _ => Err(Refusal::bad_head("the target `*` is for OPTIONS alone")),
        },
        (None, None) if head.uri.path().starts_with('/') => Ok(()),
        (Some("http" | "https"), Some(authority)) => {
            let authority = authority.as_str().to_owned();
            absolute(head, &authority)
        }
        (Some(_), _) => Err(Refusal::bad_head("the target's scheme is neither `http` nor `https`")),
        (None, _) => Err(Refusal::bad_head("the target is not a path that begins with `/`")),
    }
}

/// The absolute form, whose host counts in place of `Host` (RFC 9112, section 3.2.2).
fn absolute(head: &mut Parts, authority: &str) -> Result<(), Refusal> {
    // An `http` URI with an empty host is invalid, and user information is an error (RFC 9110, sections 4.2.1 and 4.2.4).
    let host = host_and_port(authority).filter(|(host, _)| !host.is_empty());
    let value = host.and_then(|_| HeaderValue::from_str(authority).ok());
    let value = value.ok_or_else(|| Refusal::bad_head("the target's host is not valid"))?;
    head.headers.insert(HOST, value);
    Ok(())
}

/// CONNECT: there is no tunnel here, and a target that is not a host with a port is not even a request for one (RFC 9110,
/// section 9.3.6).
fn tunnel(head: &Parts) -> Refusal {
    let authority = head.uri.authority().filter(|_| head.uri.scheme().is_none());
    match authority.and_then(|authority| host_and_port(authority.as_str())) {
        Some((host, Some(port))) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
            Refusal::tunnel()
        }
        _ => Refusal::bad_head("the target of CONNECT is a host with a port"),
    }
}

/// `Transfer-Encoding`: chunked, once, and nothing else (RFC 9112, sections 6.1 and 7). No other coding is undone here, so
/// the actor would take what is still coded for the body.
fn codings(head: &mut Parts) -> Result<(), Refusal> {
    let lines = head.headers.get_all(TRANSFER_ENCODING).iter();
    let mut chunked = 0_usize;
    for line in lines {
        let line = line.to_str().map_err(|_| odd_coding())?;
        for coding in
            line.split(',').map(|coding| coding.trim_matches([' ', '\t'])).filter(|coding| !coding.is_empty())
        {
            if chunked > 0 {
                return Err(Refusal::bad_head(
                    "a transfer coding stands behind `chunked`, which is always the last",
                ));
            }
            if coding.eq_ignore_ascii_case("chunked") {
                chunked += 1;
            } else if is_token(coding) {
                return Err(Refusal::unknown_coding());
            } else {
                return Err(odd_coding());
            }
        }
    }
    if chunked == 0 && head.headers.contains_key(TRANSFER_ENCODING) {
        return Err(odd_coding());
    }
    head.headers.remove(TRANSFER_ENCODING);
    Ok(())
}

fn odd_coding() -> Refusal {
    Refusal::bad_head("`Transfer-Encoding` is not a list of transfer codings without parameters")
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The host and the port of an authority as `Host` may hold it (RFC 9110, section 7.2; RFC 3986, section 3.2): a name, an IPv4 address
/// or an IP literal in brackets, then perhaps a colon and a port. User information is none of it. The host may be empty, and so
/// may be the port behind its colon.
pub(crate) fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (host, rest) = text.split_at(end);
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(port).filter(|port| is_port(port))?.into(),
        None if rest.is_empty() => None,
        None => return None,
    };
    is_host(host).then_some((host, port))
}

fn is_port(text: &str) -> bool {
    text.is_empty() || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok())
}

fn is_host(text: &str) -> bool {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(literal) => literal.parse::<Ipv6Addr>().is_ok() || is_future_address(literal),
        None => is_name(text),
    }
}

/// `IPvFuture`: an address of a version to come.
fn is_future_address(text: &str) -> bool {
    let Some((version, address)) = text.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_version && !address.is_empty() && address.bytes().all(|byte| is_plain(byte) || byte == b':')
}

/// `reg-name`, of which an IPv4 address is one.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = byte == b'%'
            && [bytes.next(), bytes.next()]
                .into_iter()
                .all(|digit| digit.is_some_and(|d| d.is_ascii_hexdigit()));
        if !escaped && !is_plain(byte) {
            return false;
        }
    }
    true
}

/// `unreserved` and `sub-delims`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, host, port) in [
            ("shop.example", "shop.example", None),
            ("shop.example:81", "shop.example", Some("81")),
            ("shop.example:", "shop.example", Some("")),
            ("", "", None),
            ("127.0.0.1:8080", "127.0.0.1", Some("8080")),
            ("[::1]", "[::1]", None),
            ("[::ffff:1.2.3.4]:65535", "[::ffff:1.2.3.4]", Some("65535")),
            ("[v1.a:b]:1", "[v1.a:b]", Some("1")),
            ("caf%C3%A9", "caf%C3%A9", None),
        ] {
            assert_eq!(host_and_port(text), Some((host, port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for text in [
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "me@a",
            "a:b",
            "a:1:2",
            "a:65536",
            "a:+1",
            "::1",
            "[::1",
            "[::1]a",
            "[a]",
            "[]",
            "[v.a]",
            "[v1.]",
            "[::1%25eth0]",
            "%",
            "%4",
            "%zz",
            "a\u{e9}",
            "http://a",
            "a\\b",
            "a\"",
            "<a>",
        ] {
            assert_eq!(host_and_port(text), None, "{text}");
        }
    }
}
