//! Handlers and calls whose messages are types, in the codec that the guest names.

use std::{collections::BTreeMap, convert::Infallible, fmt::Debug};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wapc_guest::{Codec, HostError, MessagePack, handlers, testing};

const NAMED_BY_A_CONSTANT: &str = "constant";

handlers! {
    codec = MessagePack;
    "add" => typed add,
    "raw" => |payload: Vec<u8>| Ok::<_, Infallible>(payload),
    "sum" => typed sum,
    "closure" => typed |text: String| Ok::<_, Infallible>(text.len()),
    NAMED_BY_A_CONSTANT => typed |()| Ok::<_, Infallible>(())
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AddRequest {
    left: i32,
    right: i32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AddResponse {
    sum: i32,
}

fn add(request: AddRequest) -> Result<AddResponse, &'static str> {
    let sum = request.left.checked_add(request.right).ok_or("the sum does not fit")?;
    Ok(AddResponse { sum })
}

fn sum(numbers: Vec<i32>) -> Result<i32, HostError> {
    numbers.into_iter().try_fold(0, |left, right| {
        let reply: AddResponse =
            MessagePack::call("default", "example:calculator", "Add", &AddRequest { left, right })?;
        Ok(reply.sum)
    })
}

#[track_caller]
fn call<T: Serialize, R: DeserializeOwned>(operation: &str, message: &T) -> Result<R, String> {
    let reply = guest_call(operation, rmp_serde::to_vec_named(message).unwrap())?;
    Ok(rmp_serde::from_slice(&reply).unwrap())
}

#[test]
fn typed_and_raw_handlers_stand_side_by_side() {
    assert_eq!(call("add", &AddRequest { left: 40, right: 2 }), Ok(AddResponse { sum: 42 }));
    assert_eq!(guest_call("raw", b"\xc1 is no message".to_vec()), Ok(b"\xc1 is no message".to_vec()));
    assert_eq!(call("closure", &"four"), Ok(4));
    assert_eq!(guest_call("constant", vec![0xc0]), Ok(vec![0xc0]));
    let text = guest_call("Add", vec![]).unwrap_err();
    assert_eq!(text, "this module has no operation `Add`; it has: `add` `raw` `sum` `closure` `constant`");
}

#[test]
fn a_handlers_error_is_its_text() {
    let outcome = call::<_, AddResponse>("add", &AddRequest { left: i32::MAX, right: 1 });
    assert_eq!(outcome, Err("the sum does not fit".to_owned()));
}

#[test]
fn a_message_that_cannot_be_read_is_an_error_that_names_the_operation() {
    let broken: [&[u8]; 5] =
        [b"", b"\xc1", b"\x81\xa4left\x01", b"\x82\xa4left\xa1x\xa5right\x01", b"\xdf\xff\xff\xff\xff"];
    for payload in broken {
        let text = guest_call("add", payload.to_vec()).unwrap_err();
        assert!(text.starts_with("the message of `add` cannot be read: "), "{payload:?}: {text}");
    }
}

/// A structure that comes as an array, and fields that nobody knows.
#[test]
fn others_ways_to_write_a_structure_are_read() {
    assert_eq!(guest_call("add", b"\x92\x01\x02".to_vec()), Ok(b"\x81\xa3sum\x03".to_vec()));
    let more = BTreeMap::from([("left", 1), ("other", 9), ("right", 2)]);
    assert_eq!(call("add", &more), Ok(AddResponse { sum: 3 }));
}

#[test]
fn calls_with_types_reach_the_host_as_its_bytes() {
    let host = testing::install(|call| {
        let AddRequest { left, right } = rmp_serde::from_slice(&call.payload).map_err(|e| e.to_string())?;
        rmp_serde::to_vec_named(&AddResponse { sum: left + right }).map_err(|e| e.to_string())
    });
    assert_eq!(call("sum", &[1, 2, 3]), Ok(6));
    let calls = host.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!((calls[0].namespace.as_str(), calls[0].operation.as_str()), ("example:calculator", "Add"));
    assert_eq!(calls[0].payload, b"\x82\xa4left\x00\xa5right\x01");
}

#[test]
fn a_host_that_fails_and_a_reply_that_cannot_be_read_are_two_errors() {
    let refusing = testing::install(|_| Err("not today".to_owned()));
    assert!(matches!(sum(vec![1]), Err(HostError::Failed { text, .. }) if text == "not today"));
    drop(refusing);

    let _babbling = testing::install(|_| Ok(b"\xa5hello".to_vec()));
    let error = sum(vec![1]).unwrap_err();
    assert!(matches!(&error, HostError::Codec { operation, .. } if operation == "Add"), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("`Add` cannot be read") && text.contains("`example:calculator`"), "{text}");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    With { text: String },
    Pair(u8, i64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    name: String,
    numbers: Vec<i64>,
    float: f64,
    small: f32,
    flag: bool,
    nothing: Option<u8>,
    something: Option<u8>,
    kinds: Vec<Kind>,
    table: BTreeMap<String, u64>,
}

/// The same bytes as the codec that most hosts use, and each reads the other's.
#[test]
fn messages_are_those_of_the_referee() {
    #[track_caller]
    fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(message: &T) {
        let bytes = MessagePack::encode("Any", message).unwrap();
        assert_eq!(bytes, rmp_serde::to_vec_named(message).unwrap(), "{message:?}");
        assert_eq!(&MessagePack::decode::<T>("Any", &bytes).unwrap(), message);
    }
    let everything = Everything {
        name: "ü".repeat(200),
        numbers: vec![
            0,
            -1,
            -33,
            127,
            128,
            255,
            256,
            65_535,
            65_536,
            i64::from(u32::MAX) + 1,
            i64::MIN,
            i64::MAX,
        ],
        float: 0.1,
        small: 0.5,
        flag: true,
        nothing: None,
        something: Some(7),
        kinds: vec![Kind::Plain, Kind::With { text: "words".into() }, Kind::Pair(1, -2)],
        table: (0..20).map(|number| (number.to_string(), number)).collect(),
    };
    same(&everything);
    same(&vec![everything; 17]);
    same(&());
    same(&u64::MAX);
    same(&String::new());
}
