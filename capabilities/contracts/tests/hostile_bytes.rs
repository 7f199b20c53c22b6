//! Bytes made to do harm end in an error that names the operation: no panic, no flood of memory, no endless work.

use std::collections::BTreeMap;

use capability_contracts::{
    CodecError, decode,
    http_server::{OP_HANDLE_REQUEST, Request, Response},
    keyvalue::{AddRequest, OP_ADD, OP_RANGE, RangeResponse},
};
use serde::Deserialize;

#[track_caller]
fn refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(operation: &str, payload: &[u8]) -> CodecError {
    let error = decode::<T>(operation, payload).unwrap_err();
    assert!(error.to_string().contains(&format!("`{operation}`")), "{error}");
    error
}

#[test]
fn every_truncation_is_told_from_other_faults() {
    let whole =
        b"\x85\xa6method\xa3GET\xa4path\xa1/\xabqueryString\xa1q\xa6header\x81\xa1a\xa1b\xa4body\xc4\x02hi";
    assert!(decode::<Request>(OP_HANDLE_REQUEST, whole).is_ok());
    for size in 0..whole.len() {
        let error = refused::<Request>(OP_HANDLE_REQUEST, &whole[..size]);
        assert_eq!(error, CodecError::Truncated { operation: OP_HANDLE_REQUEST.into(), size });
    }
}

#[test]
fn a_number_that_does_not_fit() {
    for (value, text) in [
        (&b"\xce\x80\x00\x00\x00"[..], "2147483648"),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", "-2147483649"),
    ] {
        let payload = [b"\x82\xa3key\xa1k\xa5value".as_slice(), value].concat();
        let expected =
            CodecError::OutOfRange { operation: OP_ADD.into(), value: text.into(), expected: "i32" };
        assert_eq!(refused::<AddRequest>(OP_ADD, &payload), expected);
    }
    let error = refused::<Response>(OP_HANDLE_REQUEST, b"\x81\xaastatusCode\xff");
    assert!(matches!(error, CodecError::OutOfRange { expected: "u32", .. }), "{error:?}");
}

#[test]
fn a_byte_that_does_not_fit() {
    let payload = b"\x83\xa6method\xa3GET\xa4path\xa1/\xa4body\x91\xcd\x01\x00";
    let error = refused::<Request>(OP_HANDLE_REQUEST, payload);
    assert!(matches!(error, CodecError::OutOfRange { expected: "u8", .. }), "{error:?}");
}

/// Each claims up to four times 4 GiB with a few bytes.
#[test]
fn lengths_that_are_not_there() {
    for field in [
        &b"\xa4body\xc6\xff\xff\xff\xff"[..],
        b"\xa4body\xdd\xff\xff\xff\xff",
        b"\xa6header\xdf\xff\xff\xff\xff",
        b"\xa4path\xdb\xff\xff\xff\xff",
        b"\xa5extra\xc9\xff\xff\xff\xff\x00",
        b"\xa5extra\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff\xdf\xff\xff\xff\xff",
    ] {
        let payload = [b"\x81".as_slice(), field].concat();
        let error = refused::<Request>(OP_HANDLE_REQUEST, &payload);
        assert!(matches!(error, CodecError::Truncated { .. }), "{error:?}");
    }
    let error = refused::<RangeResponse>(OP_RANGE, b"\x81\xa6values\xdd\xff\xff\xff\xff\xa1x");
    assert!(matches!(error, CodecError::Truncated { .. }), "{error:?}");
}

/// An unknown field may nest as deep as it has bytes: it is read over without recursion.
#[test]
fn an_unknown_field_as_deep_as_its_bytes() {
    let deep = vec![0x91; 4 << 20];
    let payload = [b"\x83\xa5extra".as_slice(), &deep, b"\xc0\xa3key\xa1k\xa5value\x01"].concat();
    assert_eq!(decode::<AddRequest>(OP_ADD, &payload).unwrap().value, 1);
}

#[derive(Debug, Deserialize)]
struct Tree(#[allow(dead_code)] Vec<Tree>);

#[test]
fn a_type_that_nests_is_followed_to_a_limit() {
    let at = |depth: usize| [vec![0x91; depth - 1], vec![0x90]].concat();
    assert!(decode::<Tree>("Grow", &at(64)).is_ok());
    let error = refused::<Tree>("Grow", &at(65));
    assert_eq!(error, CodecError::TooDeep { operation: "Grow".into(), limit: 64 });
    let error = refused::<Tree>("Grow", &vec![0x91; 4 << 20]);
    assert!(matches!(error, CodecError::TooDeep { .. }), "{error:?}");
    let error = refused::<serde_json::Value>("Grow", &vec![0x91; 4 << 20]);
    assert!(matches!(error, CodecError::TooDeep { .. }), "{error:?}");
}

#[test]
fn another_shape_is_told_with_its_place() {
    for (payload, offset, reason) in [
        (&b"\x01"[..], 1, "expected a map or an array of fields, found an integer"),
        (b"\x82\xa3key\xa1k\xa5value\xa11", 14, "expected i32, found text"),
        (b"\x82\xa3key\xa1k\xa5value\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 22, "expected i32, found a float"),
        (b"\x81\xa3key\xa1k", 7, "missing field `value`"),
        (b"\x82\xa3key\xa1\xff\xa5value\x01", 7, "the text is not UTF-8"),
        (b"\x82\xa3key\xc1\xa5value\x01", 6, "the byte c1 starts no value"),
        (b"\x83\xa3key\xa1k\xa3key\xa1k\xa5value\x01", 11, "duplicate field `key`"),
    ] {
        let expected = CodecError::Malformed {
            operation: OP_ADD.into(),
            size: payload.len(),
            offset,
            reason: reason.into(),
        };
        assert_eq!(refused::<AddRequest>(OP_ADD, payload), expected);
    }
}

/// Every text of up to two bytes, and some noise, for every kind of type: none may panic.
#[test]
fn any_bytes_are_survived() {
    fn all(payload: &[u8]) {
        let _ = decode::<Request>(OP_HANDLE_REQUEST, payload);
        let _ = decode::<AddRequest>(OP_ADD, payload);
        let _ = decode::<serde_json::Value>("Any", payload);
        let _ = decode::<BTreeMap<String, Vec<Option<u16>>>>("Map", payload);
    }
    for first in 0..=255 {
        all(&[first]);
        for second in 0..=255 {
            all(&[first, second]);
        }
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let noise: Vec<u8> = (0..16)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state as u8
            })
            .collect();
        all(&noise);
        all(&[b"\x82\xa3key\xa1k\xa5value".as_slice(), &noise].concat());
    }
}
