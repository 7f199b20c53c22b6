//! The encoder of the original actors, `rmp-serde` with named fields, reads what this crate writes and the other way round.

use std::{collections::BTreeMap, fmt::Debug};

use capability_contracts::{decode, encode, http_server, keyvalue};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[track_caller]
fn agree<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    let ours = encode(&value).unwrap();
    let theirs = rmp_serde::to_vec_named(&value).unwrap();
    assert_eq!(ours, theirs, "{value:?}");
    assert_eq!(decode::<T>("Test", &theirs).unwrap(), value);
    assert_eq!(rmp_serde::from_slice::<T>(&ours).unwrap(), value);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, i8),
    Box { width: u16, height: u16 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    letter: char,
    maybe: Option<String>,
    nothing: Option<u8>,
    pair: (u8, String),
    wrapped: Wrapped,
    shapes: Vec<Shape>,
    nested: BTreeMap<String, Vec<Option<i64>>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(u32);

#[test]
fn integers_at_every_border() {
    for shift in 0..64 {
        let power = 1_u64 << shift;
        for number in [power - 1, power, power + 1, power.wrapping_neg()] {
            agree(number);
            agree(number as i64);
            agree(number as u32);
            agree(number as i32);
            agree(number as u16);
            agree(number as i16);
            agree(number as u8);
            agree(number as i8);
        }
    }
}

#[test]
fn floats() {
    for number in [0.0, -0.0, 0.1, 1e300, f64::INFINITY] {
        agree(number);
        agree(number as f32);
    }
}

#[test]
fn contracts() {
    agree(http_server::Request {
        method: "POST".into(),
        path: "/x".into(),
        query_string: String::new(),
        header: (0..20).map(|n| (format!("h{n}"), "ü".repeat(n * 10))).collect(),
        body: vec![7; 70_000],
    });
    agree(keyvalue::RangeResponse { values: (0..70_000).map(|n| n.to_string()).collect() });
}

#[test]
fn messages_of_an_actors_own() {
    agree(Everything {
        flag: true,
        letter: 'ü',
        maybe: Some("yes".into()),
        nothing: None,
        pair: (1, "two".into()),
        wrapped: Wrapped(3),
        shapes: vec![
            Shape::Point,
            Shape::Circle(0.5),
            Shape::Line(-1, 1),
            Shape::Box { width: 1, height: 300 },
        ],
        nested: [("a".into(), vec![None, Some(-5)]), (String::new(), vec![])].into(),
    });
}

/// `flatten` tells no length up front and reads through `deserialize_any`.
#[test]
fn a_map_of_unknown_length() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, i32>,
    }
    let outer = Outer { id: 1, rest: [("a".into(), 2), ("b".into(), -3)].into() };
    let bytes = encode(&outer).unwrap();
    assert_eq!(decode::<Outer>("Test", &bytes).unwrap(), outer);
    assert_eq!(rmp_serde::from_slice::<Outer>(&bytes).unwrap(), outer);
}

/// Any JSON document survives, so that every kind of value is read without knowing its type.
#[test]
fn values_of_unknown_type() {
    let document = serde_json::json!({"a": [1, -1, 2.5, null, true, "x"], "b": {"c": {}}, "d": []});
    let bytes = encode(&document).unwrap();
    assert_eq!(decode::<serde_json::Value>("Test", &bytes).unwrap(), document);
}
