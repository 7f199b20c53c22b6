//! What guests of this crate are once they are modules: small, frugal with memory, and understood by a host.
//!
//! Runs the modules of `examples/guests`: those that are committed, or those in the folder that `GUEST_MODULES` names.

use std::{env, fs, path::PathBuf};

use wapc_host::{Engine, Error, HostCall, HostCallError, WapcHost, WapcHostBuilder};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// `{"left": 20, "right": 22}` and `{"left": 1, "right": 0}` in MessagePack.
const OPERANDS: &[u8] = b"\x82\xa4left\x14\xa5right\x16";
const BY_ZERO: &[u8] = b"\x82\xa4left\x01\xa5right\x00";

fn module(guest: &str) -> Vec<u8> {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/guests/modules");
    let folder = env::var_os("GUEST_MODULES").map_or_else(|| committed.into(), PathBuf::from);
    fs::read(folder.join(format!("{guest}.wasm"))).unwrap()
}

fn builder(guest: &str) -> WapcHostBuilder {
    WapcHost::builder(&Engine::new().compile(&module(guest)).unwrap())
}

/// A host that answers with the payload in capitals, and refuses an empty one.
fn host(guest: &str) -> WapcHost {
    let answer = |call: &HostCall<'_>| match call.payload {
        [] => Err(HostCallError::from("nothing to shout")),
        payload => Ok(payload.to_ascii_uppercase()),
    };
    builder(guest).handler(answer).build().unwrap()
}

/// The text of the guest's error, and whether the guest trapped after it.
#[track_caller]
fn failure(host: &WapcHost, operation: &str, payload: &[u8]) -> (String, bool) {
    match host.call(operation, payload) {
        Err(Error::Guest { text, trap, .. }) => (text, trap.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_echo_guest_is_under_12_kib() {
    let len = module("echo").len();
    assert!(len < 12 * KIB, "{len} bytes");
}

#[test]
fn the_echo_guest_does_what_it_says() {
    let host = host("echo");
    for payload in [&b""[..], b"\x00\xff", &vec![7; MIB]] {
        assert_eq!(host.call("echo", payload).unwrap(), payload);
    }
    assert_eq!(host.call("callback", b"abc").unwrap(), b"ABC");
    assert_eq!(failure(&host, "callback", b""), ("nothing to shout".into(), false));
    assert_eq!(host.call("log", b"a line, and \xff").unwrap(), b"");
    assert_eq!(failure(&host, "fail", b"because"), ("because".into(), false));
    assert_eq!(failure(&host, "fail", b"be\xffcause"), ("be\u{fffd}cause".into(), false));
    assert_eq!(failure(&host, "fail", b""), ("asked to fail, without a reason".into(), false));
}

/// Names of any length, around the length up to which they need no memory of their own.
#[test]
fn an_operation_that_there_is_not_is_named() {
    let host = host("echo");
    for len in [0, 1, 63, 64, 65, 5000] {
        let operation = "ü".repeat(len / 2) + &"x".repeat(len % 2);
        let expected =
            format!("this module has no operation `{operation}`; it has: `echo` `callback` `log` `fail`");
        assert_eq!(failure(&host, &operation, b"payload"), (expected, false));
    }
}

/// What a call needed is there for the next ones: more than a hundred megabytes go through a memory of four.
#[test]
fn memory_is_used_again() {
    let host = builder("echo").memory_limit(4 * MIB as u64).handler(mirror).max_instances(1).build().unwrap();
    for round in 0..200 {
        let payload = vec![round as u8; (round * 7919 * 31) % MIB + round % 3];
        assert_eq!(host.call("echo", &payload).unwrap(), payload);
        assert_eq!(
            host.call("callback", &payload[..payload.len() / 2]).unwrap(),
            payload[..payload.len() / 2]
        );
    }
}

fn mirror(call: &HostCall<'_>) -> Result<Vec<u8>, HostCallError> {
    Ok(call.payload.to_vec())
}

/// The guest says so itself, and lives.
#[test]
fn a_payload_that_does_not_fit_is_an_error_of_its_call() {
    let host = builder("echo").memory_limit(2 * MIB as u64).handler(mirror).build().unwrap();
    let error = host.call("echo", &vec![1; 3 * MIB]).unwrap_err();
    assert!(matches!(error, Error::Guest { .. }), "{error:?}");
    assert_eq!(host.call("echo", b"still there").unwrap(), b"still there");
}

#[test]
fn typed_handlers_read_and_write_messages() {
    let adding = |call: &HostCall<'_>| match call.payload {
        b"\x82\xa4left\x00\xa5right\x05" => Ok(vec![5]),
        b"\x82\xa4left\x05\xa5right\x06" => Ok(vec![11]),
        other => Err(HostCallError::from(format!("unexpected: {other:?}"))),
    };
    let host = builder("calculator").handler(adding).build().unwrap();
    assert_eq!(host.call("add", OPERANDS).unwrap(), [42]);
    assert_eq!(host.call("sum", b"\x92\x05\x06").unwrap(), [11]);
    let unreadable = "the message of `add` cannot be read: missing field `right`";
    assert_eq!(failure(&host, "add", b"\x81\xa4left\x14"), (unreadable.into(), false));
    let full = b"\x82\xa4left\xce\x7f\xff\xff\xff\xa5right\x01";
    assert_eq!(failure(&host, "add", full), ("the sum does not fit".into(), false));
}

/// The host has the message of a panic, and where it was, beside the trap.
#[test]
fn a_panics_message_reaches_the_host() {
    let host = host("calculator");
    let (text, trapped) = failure(&host, "divide", BY_ZERO);
    assert!(text.contains("attempt to divide by zero"), "{text}");
    assert!(text.contains("calculator/src/lib.rs:"), "{text}");
    assert!(trapped);
    assert_eq!(host.call("add", OPERANDS).unwrap(), [42]);
}
