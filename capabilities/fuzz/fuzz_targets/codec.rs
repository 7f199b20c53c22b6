//! Reads bytes of any kind as every message of MessagePack, and writes messages of any kind as bytes.
//!
//! `rmp-serde`, which the original actors used, is the referee: it writes the same bytes, reads what is written here, and where
//! both read the same strange bytes they read the same message.
#![no_main]

use std::{collections::BTreeMap, fmt::Debug};

use arbitrary::{Arbitrary, Unstructured};
use capability_contracts::{
    CodecError, decode, encode,
    health::HealthRequest,
    http_server::{Request, Response},
    keyvalue::{AddRequest, GetResponse, RangeRequest, RangeResponse, SetRequest},
    logging::WriteLogRequest,
};
use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    if mode & 0x80 == 0 {
        read(mode & 0x0f, rest);
    } else {
        let _ = write(mode & 0x0f, &mut Unstructured::new(rest));
    }
});

fn read(message: u8, payload: &[u8]) {
    match message {
        0 => any_bytes::<Request>(payload),
        1 => any_bytes::<Response>(payload),
        2 => any_bytes::<AddRequest>(payload),
        3 => any_bytes::<GetResponse>(payload),
        4 => any_bytes::<SetRequest>(payload),
        5 => any_bytes::<RangeResponse>(payload),
        6 => any_bytes::<WriteLogRequest>(payload),
        7 => any_bytes::<HealthRequest>(payload),
        8 => any_bytes::<Everything>(payload),
        9 => any_bytes::<Tree>(payload),
        10 => any_bytes::<serde_json::Value>(payload),
        _ => any_bytes::<RangeRequest>(payload),
    }
}

fn write(message: u8, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    match message {
        0 => any_value(&Request {
            method: input.arbitrary()?,
            path: input.arbitrary()?,
            query_string: input.arbitrary()?,
            header: input.arbitrary()?,
            body: body(input)?,
        }),
        1 => {
            let (status_code, status, header, set_cookie) = input.arbitrary()?;
            any_value(&Response { status_code, status, header, body: body(input)?, set_cookie });
        }
        2 => any_value(&AddRequest { key: input.arbitrary()?, value: input.arbitrary()? }),
        3 => any_value(&GetResponse { value: input.arbitrary()?, exists: input.arbitrary()? }),
        4 => any_value(&SetRequest {
            key: input.arbitrary()?,
            value: input.arbitrary()?,
            expires: input.arbitrary()?,
        }),
        5 => any_value(&RangeResponse { values: input.arbitrary()? }),
        6 => any_value(&WriteLogRequest { level: input.arbitrary()?, body: input.arbitrary()? }),
        7 => any_value(&HealthRequest { placeholder: input.arbitrary()? }),
        _ => any_value(&Everything::arbitrary(input)?),
    }
    Ok(())
}

/// Bodies of all sizes, for their length is written in three ways.
fn body(input: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let (byte, length): (u8, Option<u16>) = input.arbitrary()?;
    match length {
        Some(length) => Ok(vec![byte; 2 * usize::from(length)]),
        None => input.arbitrary(),
    }
}

/// What an actor of one's own may send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Arbitrary)]
struct Everything {
    flag: bool,
    letter: char,
    small: (i8, u8, i16, u16),
    large: (i32, u32, i64, u64),
    maybe: Option<String>,
    floats: (f32, f64),
    wrapped: Wrapped,
    shapes: Vec<Shape>,
    nested: BTreeMap<String, Vec<Option<i64>>>,
    unit: (),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Arbitrary)]
struct Wrapped(u32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Arbitrary)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, i8),
    Box { width: u16, height: u16 },
}

/// Nests as deep as its bytes say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tree {
    #[serde(default)]
    children: Vec<Tree>,
}

const OPERATION: &str = "The operation";

/// Bytes of any kind: a message or an error that names the operation.
fn any_bytes<T: Serialize + DeserializeOwned + Debug>(payload: &[u8]) {
    let value = match decode::<T>(OPERATION, payload) {
        Ok(value) => value,
        Err(error) => return refused(&error, payload),
    };
    let written = encode(&value).expect("what was read can be written");
    let again = decode::<T>(OPERATION, &written).expect("and read again");
    same(&value, &again);
    assert_eq!(encode(&again).as_ref(), Ok(&written), "one message, one form");
    if let Ok(theirs) = rmp_serde::from_slice::<T>(payload) {
        same(&value, &theirs);
    }
}

fn refused(error: &CodecError, payload: &[u8]) {
    assert!(error.to_string().contains(OPERATION), "{error}");
    match error {
        CodecError::Truncated { size, .. } => assert_eq!(*size, payload.len()),
        CodecError::Malformed { size, offset, .. } => assert!(*size == payload.len() && offset <= size),
        CodecError::OutOfRange { .. } | CodecError::TooDeep { .. } => {}
        error => panic!("{error:?}"),
    }
}

/// A message of any kind comes through, in the very bytes that others write.
fn any_value<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let written = encode(value).expect("messages can be written");
    assert_eq!(rmp_serde::to_vec_named(value).ok().as_ref(), Some(&written), "{value:?}");
    same(&decode::<T>(OPERATION, &written).expect("what was written can be read"), value);
    same(&rmp_serde::from_slice::<T>(&written).expect("by others too"), value);
    let end = written.len() - 1;
    assert!(matches!(decode::<T>(OPERATION, &written[..end]), Err(CodecError::Truncated { .. })));
}

/// By what they show, for a NaN is not equal to itself.
#[track_caller]
fn same(one: &impl Debug, two: &impl Debug) {
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}
