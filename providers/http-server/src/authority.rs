//! Reads a host and its port by the grammar of RFC 3986, section 3.2, and nothing beside it.

use std::net::Ipv6Addr;

/// The host and the port of an authority as `Host` may hold it (RFC 9110, section 7.2): a name, an IPv4 address or an IP
/// literal in brackets, then perhaps a colon and a port. User information is none of it. The host may be empty, and so may
/// be the port behind its colon.
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
