//! What others write differently is read all the same.

use capability_contracts::{
    decode,
    health::{HealthRequest, OP_HEALTH_REQUEST},
    http_server::{OP_HANDLE_REQUEST, Request, Response},
    keyvalue::{AddRequest, GetResponse, OP_ADD, OP_GET, OP_PUSH, OP_RANGE, PushResponse, RangeResponse},
};

#[track_caller]
fn request(payload: &[u8]) -> Request {
    decode(OP_HANDLE_REQUEST, payload).unwrap()
}

fn expected() -> Request {
    Request {
        method: "GET".into(),
        path: "/".into(),
        query_string: "q".into(),
        header: [("a".into(), "b".into())].into(),
        body: b"hi".to_vec(),
    }
}

#[test]
fn a_structure_as_a_map_in_any_order() {
    let payload =
        b"\x85\xa4body\xc4\x02hi\xa6header\x81\xa1a\xa1b\xabqueryString\xa1q\xa4path\xa1/\xa6method\xa3GET";
    assert_eq!(request(payload), expected());
}

#[test]
fn a_structure_as_an_array() {
    assert_eq!(request(b"\x95\xa3GET\xa1/\xa1q\x81\xa1a\xa1b\xc4\x02hi"), expected());
    // Fields to come, and fields that an older sender does not know.
    assert_eq!(request(b"\x97\xa3GET\xa1/\xa1q\x81\xa1a\xa1b\xc4\x02hi\x92\x01\x02\xc0"), expected());
    assert_eq!(
        request(b"\x92\xa3GET\xa1/"),
        Request { method: "GET".into(), path: "/".into(), ..Default::default() }
    );
}

#[test]
fn snake_case_names() {
    let payload =
        b"\x85\xa6method\xa3GET\xa4path\xa1/\xacquery_string\xa1q\xa6header\x81\xa1a\xa1b\xa4body\xc4\x02hi";
    assert_eq!(request(payload), expected());
    assert_eq!(
        decode::<Response>(OP_HANDLE_REQUEST, b"\x81\xabstatus_code\xcc\xc8").unwrap().status_code,
        200
    );
    assert_eq!(decode::<PushResponse>(OP_PUSH, b"\x81\xa9new_count\x05").unwrap().new_count, 5);
}

#[test]
fn cookies_of_an_answer_may_be_there() {
    let cookies = |payload: &[u8]| decode::<Response>(OP_HANDLE_REQUEST, payload).unwrap().set_cookie;
    assert_eq!(cookies(b"\x81\xaastatusCode\xcc\xc8"), Vec::<String>::new());
    assert_eq!(cookies(b"\x82\xaastatusCode\xcc\xc8\xa9setCookie\xc0"), Vec::<String>::new());
    assert_eq!(cookies(b"\x82\xaastatusCode\xcc\xc8\xa9setCookie\x92\xa1a\xa1b"), ["a", "b"]);
    assert_eq!(cookies(b"\x82\xaastatusCode\xcc\xc8\xaaset_cookie\x91\xa1a"), ["a"]);
    // In order, with and without it.
    assert_eq!(cookies(b"\x94\xcc\xc8\xa0\x80\xc4\x00"), Vec::<String>::new());
    assert_eq!(cookies(b"\x95\xcc\xc8\xa0\x80\xc4\x00\x91\xa1a"), ["a"]);
}

#[test]
fn a_body_in_any_form() {
    for body in
        [&b"\xc4\x02hi"[..], b"\xc5\x00\x02hi", b"\x92\x68\x69", b"\xdc\x00\x02\xcc\x68\xd0\x69", b"\xa2hi"]
    {
        let payload = [b"\x83\xa6method\xa3GET\xa4path\xa1/\xa4body".as_slice(), body].concat();
        assert_eq!(request(&payload).body, b"hi", "{}", body.escape_ascii());
    }
}

#[test]
fn nil_for_what_is_empty() {
    let payload = b"\x85\xa6method\xa3GET\xa4path\xa1/\xabqueryString\xc0\xa6header\xc0\xa4body\xc0";
    assert_eq!(request(payload), Request { method: "GET".into(), path: "/".into(), ..Default::default() });
    assert_eq!(decode::<RangeResponse>(OP_RANGE, b"\x81\xa6values\xc0").unwrap(), RangeResponse::default());
    assert_eq!(
        decode::<GetResponse>(OP_GET, b"\x82\xa5value\xc0\xa6exists\xc2").unwrap(),
        GetResponse::default()
    );
}

#[test]
fn unknown_fields_and_bytes_after_the_message() {
    let payload = b"\x84\xa5extra\x82\xa1x\x93\x01\xc4\x01y\xd4\x01z\xc0\xca\x00\x00\x00\x00\xa3key\xa1k\xa5value\x01\xa4more\xc7\x01\x05tAND MORE";
    assert_eq!(decode::<AddRequest>(OP_ADD, payload).unwrap(), AddRequest { key: "k".into(), value: 1 });
}

#[test]
fn integers_in_any_form() {
    for value in [
        &b"\x07"[..],
        b"\xcc\x07",
        b"\xcd\x00\x07",
        b"\xce\x00\x00\x00\x07",
        b"\xcf\x00\x00\x00\x00\x00\x00\x00\x07",
        b"\xd0\x07",
        b"\xd1\x00\x07",
        b"\xd2\x00\x00\x00\x07",
        b"\xd3\x00\x00\x00\x00\x00\x00\x00\x07",
    ] {
        let payload = [b"\x82\xa3key\xa1k\xa5value".as_slice(), value].concat();
        assert_eq!(decode::<AddRequest>(OP_ADD, &payload).unwrap().value, 7, "{}", value.escape_ascii());
    }
}

#[test]
fn a_health_request_without_its_placeholder() {
    assert_eq!(decode::<HealthRequest>(OP_HEALTH_REQUEST, b"\x80").unwrap(), HealthRequest::default());
}
