//! `actor!` brings messages to the actor's functions, typed on both ends.

use actor_sdk::{
    messages::{
        decode, encode,
        http_server::{OP_HANDLE_REQUEST, Request, Response},
    },
    prelude::*,
};
use serde::{Deserialize, Serialize};

actor! {
    http => page,
    "Move" => step,
    "Fail" => fail,
    health => well,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    from_left: i32,
    from_top: i32,
}

fn page(request: http::Request) -> Result<http::Response, Error> {
    match request.path.as_str() {
        "/" => Ok(http::Response::text(format!("{} bytes", request.body.len()))),
        other => Err(Error::new(format!("no page {other}"))),
    }
}

fn step(position: Position) -> Result<Position, Error> {
    Ok(Position { from_left: position.from_left + 1, ..position })
}

fn fail(_: ()) -> Result<(), &'static str> {
    Err("as asked")
}

fn well(request: health::Request) -> Result<(), Error> {
    if request.placeholder { Err(Error::new("not well")) } else { Ok(()) }
}

#[test]
fn an_http_request_gets_a_response() {
    let request = Request { path: "/".into(), body: vec![0; 3], ..Default::default() };
    let reply = guest_call(OP_HANDLE_REQUEST, encode(&request).unwrap()).unwrap();
    assert_eq!(decode::<Response>(OP_HANDLE_REQUEST, &reply).unwrap(), Response::text("3 bytes"));
}

#[test]
fn an_actors_error_becomes_its_text() {
    let request = Request { path: "/away".into(), ..Default::default() };
    assert_eq!(guest_call(OP_HANDLE_REQUEST, encode(&request).unwrap()), Err("no page /away".to_owned()));
    assert_eq!(guest_call("Fail", vec![0xc0]), Err("as asked".to_owned()));
}

#[test]
fn an_operation_of_its_own_has_types_of_its_own() {
    let reply = guest_call("Move", encode(&Position { from_left: 1, from_top: 2 }).unwrap()).unwrap();
    assert_eq!(reply, b"\x82\xa8fromLeft\x02\xa7fromTop\x02");
}

#[test]
fn another_message_is_an_error_that_names_the_operation() {
    let text = guest_call("Move", b"\x81\xa8fromLeft\x01".to_vec()).unwrap_err();
    assert!(text.contains("`Move`") && text.contains("`fromTop`"), "{text}");
}

#[test]
fn a_health_check_may_come_without_bytes() {
    for payload in [&b""[..], b"\xc0", b"\x80", b"\x81\xabplaceholder\xc2", b"\x91\xc2"] {
        assert_eq!(guest_call("HealthRequest", payload.to_vec()), Ok(vec![0xc0]), "{payload:x?}");
    }
    assert_eq!(guest_call("HealthRequest", b"\x81\xabplaceholder\xc3".to_vec()), Err("not well".to_owned()));
}

#[test]
fn an_unknown_operation_is_told_with_those_that_there_are() {
    let text = guest_call("Handle", vec![]).unwrap_err();
    assert!(text.ends_with("it has: `HandleRequest` `Move` `Fail` `HealthRequest`"), "{text}");
}
