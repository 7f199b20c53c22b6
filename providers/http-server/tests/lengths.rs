//! The length of a request's body: told twice, told oddly, and told beside a transfer coding (RFC 9112, section 6.3).

mod support;

use capability_contracts::http_server::Request;
use support::{Reply, listening};

/// A request that nobody must see where the length of the one before it is in doubt.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends a request with these header lines and this body, and another one behind it.
fn send(lines: &str, body: &str) -> (Reply, String, Vec<Request>) {
    let (served, requests) = listening();
    let mut client = served.client();
    let reply = client.send(&format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n{body}{SMUGGLED}"));
    client.half_close();
    let rest = client.rest();
    // Whatever became of that connection, the next one is served.
    assert_eq!(served.get("/next").status, 200);
    let mut seen: Vec<_> = requests.try_iter().collect();
    assert_eq!(seen.pop().map(|request| request.path).as_deref(), Some("/next"), "{lines:?}");
    (reply, rest, seen)
}

#[track_caller]
fn refused(lines: &str) {
    let (reply, rest, seen) = send(lines, "hello");
    assert_eq!((reply.status, &*rest, seen.len()), (400, "", 0), "{lines:?}");
}

#[test]
fn a_length_that_is_no_number_of_bytes_ends_the_connection() {
    for length in [
        "+5",
        "-5",
        "-0",
        "0x5",
        "5.0",
        "5e0",
        "5;q=1",
        "\"5\"",
        "5 5",
        "5,5",
        "5, 5",
        "5,",
        ",5",
        "5, 6",
        "",
        "five",
        "\u{665}",
        "\u{ff15}",
        "18446744073709551616",
        "18446744073709551621",
        "99999999999999999999999999999999999999999",
    ] {
        refused(&format!("Content-Length: {length}"));
    }
    // These are numbers, and the parser has its own word for bodies that long.
    for length in [u64::MAX - 1, u64::MAX] {
        let (reply, rest, seen) = send(&format!("Content-Length: {length}"), "hello");
        assert_eq!((reply.status, &*rest, seen.len()), (431, "", 0));
    }
    let (reply, rest, seen) = send(&format!("Content-Length: {}", u64::MAX - 2), "hello");
    assert_eq!((reply.status, &*rest, seen.len()), (413, "", 0));
    // A name has no white space behind it (section 5.1), and no line begins with some (section 5.2).
    refused("Content-Length : 5");
    refused("Content-Length: 5\r\n 5");
    refused(" Content-Length: 5");
}

#[test]
fn a_length_with_white_space_around_it_is_the_number_alone() {
    for length in [" 5", "5 ", "\t5\t", "   005"] {
        let (reply, rest, seen) = send(&format!("Content-Length:{length}"), "hello");
        assert_eq!(reply.status, 200, "{length:?}");
        // What follows the body is the next request.
        assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
        let [first, second] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!((&first.body[..], second.path.as_str()), (&b"hello"[..], "/smuggled"));
        assert_eq!(first.header["content-length"], length.trim());
    }
}

#[test]
fn two_lengths_are_one_when_they_are_the_same_and_end_the_connection_when_not() {
    let (reply, rest, seen) = send("Content-Length: 5\r\ncontent-length: 5\r\nCONTENT-LENGTH: 5", "hello");
    assert_eq!(reply.status, 200);
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{rest}");
    let [first, second] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!((&first.body[..], second.path.as_str()), (&b"hello"[..], "/smuggled"));
    assert_eq!(first.header["content-length"], "5");

    for other in ["0", "4", "6", "50", "+5", "0x5", "", "5, 5"] {
        refused(&format!("Content-Length: 5\r\nContent-Length: {other}"));
        refused(&format!("Content-Length: {other}\r\nContent-Length: 5"));
        refused(&format!("Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: {other}"));
    }
}

/// The coding counts, and the connection ends, for somebody before this server may have taken the length.
#[test]
fn lengths_beside_a_coding_count_for_nothing_and_end_the_connection() {
    const CHUNKED: &str = "Transfer-Encoding: chunked";
    for lines in [
        format!("Content-Length: 0\r\n{CHUNKED}"),
        format!("{CHUNKED}\r\nContent-Length: 0"),
        format!("Content-Length: 3\r\n{CHUNKED}\r\nContent-Length: 3"),
        format!("Content-Length: 3\r\n{CHUNKED}\r\nContent-Length: 4"),
        format!("Content-Length: 3\r\nContent-Length: 3\r\n{CHUNKED}"),
        format!("{CHUNKED}\r\nConnection: keep-alive\r\nContent-Length: 3"),
    ] {
        let (reply, rest, seen) = send(&lines, "2\r\nhi\r\n0\r\n\r\n");
        assert_eq!((reply.status, reply.header["connection"].as_str()), (200, "close"), "{lines:?}");
        let [request] = &seen[..] else { panic!("{lines:?}: {seen:?}") };
        assert_eq!((&*rest, &request.body[..], request.header.get("content-length")), ("", &b"hi"[..], None));
    }
    // What stands before the coding is looked at, and what stands behind it is passed over: both are as RFC 9112 has it.
    for length in ["+3", "", "3, 4", "18446744073709551616"] {
        let chunks = "2\r\nhi\r\n0\r\n\r\n";
        let (reply, rest, seen) = send(&format!("Content-Length: {length}\r\n{CHUNKED}"), chunks);
        assert_eq!((reply.status, &*rest, seen.len()), (400, "", 0), "{length:?}");
        let (reply, rest, seen) = send(&format!("{CHUNKED}\r\nContent-Length: {length}"), chunks);
        assert_eq!(
            (reply.status, reply.header["connection"].as_str(), &*rest),
            (200, "close", ""),
            "{length:?}"
        );
        assert_eq!((&seen[0].body[..], seen.len()), (&b"hi"[..], 1), "{length:?}");
    }
    refused(&format!("Content-Length: 3\r\nContent-Length: 4\r\n{CHUNKED}"));
}
