//! Answers on the wire: their status line, their headers, their content.

mod support;

use capability_contracts::http_server::Response;
use support::{Reply, Served};

/// The lines of a header, in any spelling.
fn lines<'a>(reply: &'a Reply, name: &str) -> Vec<&'a str> {
    let all = reply.lines.iter().filter_map(|line| line.split_once(": "));
    all.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn a_status_that_forbids_content_has_none() {
    for (status, length) in [(204, None), (304, None), (205, Some("0"))] {
        let served = Served::start(move |_| {
            Ok(Response { body: b"leftover".to_vec(), ..Response::status(status) }
                .with_header("content-length", "8"))
        });
        for method in ["GET", "HEAD", "POST"] {
            let mut client = served.client();
            for _ in 0..2 {
                let reply = client.send(&format!("{method} / HTTP/1.1\r\nhost: t\r\n\r\n"));
                assert_eq!(u32::from(reply.status), status, "{method}");
                if method != "HEAD" {
                    assert_eq!(
                        reply.header.get("content-length").map(String::as_str),
                        length,
                        "{status} {method}"
                    );
                }
            }
            client.half_close();
            assert_eq!(client.rest(), "", "{status} {method}");
        }
    }
}

#[test]
fn the_content_of_head_is_its_length_alone() {
    let served = Served::start(|_| Ok(Response::text("hello")));
    let mut client = served.client();
    client.write(b"HEAD / HTTP/1.1\r\nhost: t\r\n\r\nGET / HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(client.read(false).header["content-length"], "5");
    assert_eq!(client.read(true).text(), "hello");
}

#[test]
fn a_header_in_two_spellings_is_one_line() {
    let served = Served::start(|_| {
        Ok(Response::ok()
            .with_header("Content-Type", "text/html")
            .with_header("content-type", "application/json")
            .with_header("ETag", "\"a\"")
            .with_header("etag", "\"b\""))
    });
    let reply = served.get("/");
    assert_eq!(
        (lines(&reply, "content-type"), lines(&reply, "etag")),
        (vec!["application/json"], vec!["\"b\""])
    );
}

#[test]
fn each_cookie_has_its_line() {
    let served = Served::start(|_| {
        Ok(Response::ok()
            .with_header("Set-Cookie", "a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT")
            .with_header("set-cookie", "b=2; Path=/")
            .with_header("set-cookie", "c=3"))
    });
    let reply = served.get("/");
    assert_eq!(
        lines(&reply, "set-cookie"),
        ["a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "b=2; Path=/", "c=3"]
    );

    let served =
        Served::start(|_| Ok(Response { set_cookie: vec!["a=1\r\nx: y".to_owned()], ..Response::ok() }));
    assert_eq!(served.get("/").code(), "bad_reply");
}

#[test]
fn a_status_without_usual_words_has_those_that_were_given() {
    for (status, words, line) in [
        (299, "", "HTTP/1.1 299 "),
        (420, "Enhance Your Calm", "HTTP/1.1 420 Enhance Your Calm"),
        (599, "", "HTTP/1.1 599 "),
        (200, "", "HTTP/1.1 200 OK"),
        (404, "Gone Fishing", "HTTP/1.1 404 Gone Fishing"),
    ] {
        let served = Served::start(move |_| {
            Ok(Response { status_code: status, status: words.to_owned(), ..Response::default() })
        });
        assert_eq!(served.get("/").line, line);
    }
}
