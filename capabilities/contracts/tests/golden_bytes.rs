//! What is on the wire, byte for byte.

use capability_contracts::{encode, health, http_server, keyvalue, logging};
use serde::Serialize;

#[track_caller]
fn written<T: Serialize>(message: &T, expected: &[u8]) {
    let bytes = encode(message).unwrap();
    assert_eq!(bytes, expected, "{} is not {}", bytes.escape_ascii(), expected.escape_ascii());
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn an_http_request() {
    let request = http_server::Request {
        method: text("GET"),
        path: text("/a"),
        query_string: text("x=1"),
        header: [(text("b"), text("2")), (text("a"), text("1"))].into(),
        body: vec![0, 255],
    };
    written(
        &request,
        b"\x85\xa6method\xa3GET\xa4path\xa2/a\xabqueryString\xa3x=1\xa6header\x82\xa1a\xa11\xa1b\xa12\xa4body\xc4\x02\x00\xff",
    );
}

#[test]
fn an_http_response() {
    let response = http_server::Response::text("hi").with_status(404);
    written(
        &response,
        b"\x84\xaastatusCode\xcd\x01\x94\xa6status\xa9Not Found\xa6header\x81\xaccontent-type\xb9text/plain; charset=utf-8\xa4body\xc4\x02hi",
    );
}

#[test]
fn a_second_cookie_is_a_field_of_its_own() {
    let response = http_server::Response { status_code: 200, ..Default::default() }
        .with_header("set-cookie", "a=1")
        .with_header("Set-Cookie", "b=2");
    written(
        &response,
        b"\x85\xaastatusCode\xcc\xc8\xa6status\xa0\xa6header\x81\xaaset-cookie\xa3a=1\xa4body\xc4\x00\xa9setCookie\x91\xa3b=2",
    );
}

#[test]
fn empty_fields_are_written_too() {
    written(
        &http_server::Request::default(),
        b"\x85\xa6method\xa0\xa4path\xa0\xabqueryString\xa0\xa6header\x80\xa4body\xc4\x00",
    );
}

#[test]
fn keyvalue_requests() {
    let (key, value) = (text("k"), text("v"));
    let both = b"\x82\xa3key\xa1k\xa5value\xa1v";
    let only = b"\x81\xa3key\xa1k";
    let keys = b"\x81\xa4keys\x92\xa1a\xa1b";
    written(&keyvalue::AddRequest { key: key.clone(), value: -1 }, b"\x82\xa3key\xa1k\xa5value\xff");
    written(&keyvalue::GetRequest { key: key.clone() }, only);
    written(
        &keyvalue::SetRequest { key: key.clone(), value: value.clone(), expires: 60 },
        b"\x83\xa3key\xa1k\xa5value\xa1v\xa7expires\x3c",
    );
    written(&keyvalue::DelRequest { key: key.clone() }, only);
    written(&keyvalue::ClearRequest { key: key.clone() }, only);
    written(&keyvalue::PushRequest { key: key.clone(), value: value.clone() }, both);
    written(&keyvalue::ListItemDeleteRequest { key: key.clone(), value: value.clone() }, both);
    written(
        &keyvalue::RangeRequest { key: key.clone(), start: 0, stop: -1 },
        b"\x83\xa3key\xa1k\xa5start\x00\xa4stop\xff",
    );
    written(&keyvalue::SetAddRequest { key: key.clone(), value: value.clone() }, both);
    written(&keyvalue::SetRemoveRequest { key: key.clone(), value }, both);
    written(&keyvalue::SetUnionRequest { keys: vec![text("a"), text("b")] }, keys);
    written(&keyvalue::SetIntersectionRequest { keys: vec![text("a"), text("b")] }, keys);
    written(&keyvalue::SetQueryRequest { key: key.clone() }, only);
    written(&keyvalue::KeyExistsRequest { key }, only);
}

#[test]
fn keyvalue_responses() {
    let found = b"\x82\xa5value\xa1v\xa6exists\xc3";
    let count = b"\x81\xa8newCount\x02";
    let values = b"\x81\xa6values\x91\xa1v";
    written(&keyvalue::AddResponse { value: 200 }, b"\x81\xa5value\xcc\xc8");
    written(&keyvalue::GetResponse { value: text("v"), exists: true }, found);
    written(&keyvalue::SetResponse { value: text("v") }, b"\x81\xa5value\xa1v");
    written(&keyvalue::DelResponse { key: text("k") }, b"\x81\xa3key\xa1k");
    written(&keyvalue::ClearResponse { key: text("k") }, b"\x81\xa3key\xa1k");
    written(&keyvalue::PushResponse { new_count: 2 }, count);
    written(&keyvalue::ListItemDeleteResponse { new_count: 2 }, count);
    written(&keyvalue::RangeResponse { values: vec![text("v")] }, values);
    written(&keyvalue::SetAddResponse { new_count: 2 }, count);
    written(&keyvalue::SetRemoveResponse { new_count: 2 }, count);
    written(&keyvalue::SetUnionResponse { values: vec![text("v")] }, values);
    written(&keyvalue::SetIntersectionResponse { values: vec![text("v")] }, values);
    written(&keyvalue::SetQueryResponse { values: vec![text("v")] }, values);
    written(&keyvalue::KeyExistsResponse { value: text("v"), exists: true }, found);
}

#[test]
fn logging_and_health() {
    written(
        &logging::WriteLogRequest { level: logging::LEVEL_INFO, body: text("x") },
        b"\x82\xa5level\x03\xa4body\xa1x",
    );
    written(&health::HealthRequest::default(), b"\x81\xabplaceholder\xc2");
    written(&(), b"\xc0");
}

#[test]
fn every_length_has_its_shortest_form() {
    for (len, head) in [
        (31, &b"\xbf"[..]),
        (32, b"\xd9\x20"),
        (255, b"\xd9\xff"),
        (256, b"\xda\x01\x00"),
        (65_535, b"\xda\xff\xff"),
        (65_536, b"\xdb\x00\x01\x00\x00"),
    ] {
        assert!(encode(&"x".repeat(len)).unwrap().starts_with(head), "text of {len}");
    }
    for (len, head) in [
        (15, &b"\x9f"[..]),
        (16, b"\xdc\x00\x10"),
        (65_535, b"\xdc\xff\xff"),
        (65_536, b"\xdd\x00\x01\x00\x00"),
    ] {
        assert!(encode(&vec![(); len]).unwrap().starts_with(head), "array of {len}");
    }
    for (len, head) in [(255, &b"\xc4\xff"[..]), (256, b"\xc5\x01\x00"), (65_536, b"\xc6\x00\x01\x00\x00")] {
        let response = http_server::Response { body: vec![0; len], ..Default::default() };
        let bytes = encode(&response).unwrap();
        assert!(bytes[..bytes.len() - len].ends_with(head), "body of {len}");
    }
}
