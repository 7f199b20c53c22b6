//! A guest on Rust's standard library for WASI in a host that serves: a request over HTTP comes to an actor that asks it.
#![cfg(unix)]

use capability_claims::{ClaimsBuilder, KeyPair};
use serde_json::Value;

use crate::{
    running::{Running, get},
    support::{ACCOUNT, Directory, MODULE, claims, signed},
};

/// The actor that takes requests, and answers with what the other says.
const FRONT_SEED: &str = "SMAAGBAFAYDQQCIKBMGA2DQPCAIREEYUCULBOGAZDINRYHI6D4QCCIR3OQ";

const WHOLE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guests/sdk/modules/rust-wasi.wasm"));

/// Asks the other actor for `operation`; what it says is the body, which is shorter than 128 bytes.
fn front(operation: &str, payload: &str) -> Vec<u8> {
    let lengths = [operation, payload].map(str::len);
    let module = format!(
        r#"(module
            (import "wapc" "__guest_response" (func $response (param i32 i32)))
            (import "wapc" "__guest_error" (func $error (param i32 i32)))
            (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "wapc" "__host_response_len" (func $host_response_len (result i32)))
            (import "wapc" "__host_response" (func $host_response (param i32)))
            (import "wapc" "__host_error_len" (func $host_error_len (result i32)))
            (import "wapc" "__host_error" (func $host_error (param i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) {MODULE:?})
            (data (i32.const 64) {operation:?})
            (data (i32.const 96) {payload:?})
            ;; {{"statusCode": 200, "body": <as many bytes as stand before them>}}
            (data (i32.const 1024) "\82\aastatusCode\cc\c8\a4body\c4")
            (func (export "__guest_call") (param i32 i32) (result i32)
              (if (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 56)
                    (i32.const 64) (i32.const {}) (i32.const 96) (i32.const {}))
                (then
                  (i32.store8 (i32.const 1044) (call $host_response_len))
                  (call $host_response (i32.const 1045))
                  (call $response (i32.const 1024) (i32.add (i32.const 21) (call $host_response_len)))
                  (return (i32.const 1))))
              (call $host_error (i32.const 2048))
              (call $error (i32.const 2048) (call $host_error_len))
              (i32.const 0)))"#,
        lengths[0], lengths[1]
    );
    let key = KeyPair::from_seed(FRONT_SEED).unwrap().public_key();
    let claims = ClaimsBuilder::new(key).capability("wascc:http_server").capability(MODULE);
    signed(&wat::parse_str(module).unwrap(), &claims)
}

/// Status line and body of a request to a host in which the guest has these settings, and the log.
fn asked(operation: &str, payload: &str, settings: [&str; 2]) -> (String, String, String) {
    let directory = Directory::new();
    directory.write("whole.wasm", signed(WHOLE, &claims()));
    directory.write("front.wasm", front(operation, payload));
    let [host, actor] = settings;
    directory.write(
        "host.toml",
        format!(
            r#"
            [trust]
            accounts = ["{ACCOUNT}"]
            [host]
            {host}
            [[actor]]
            file = "whole.wasm"
            {actor}
            [[actor]]
            file = "front.wasm"
            name = "front"
            [[provider]]
            kind = "http-server"
            [[link]]
            actor = "front"
            capability = "wascc:http_server"
            config = {{ port = 0 }}
            "#
        ),
    );
    let mut host = Running::start(&directory, &["--json"]);
    let ready: Value = serde_json::from_str(&host.line()).unwrap();
    let (status, body) = get(ready["listening"][0]["url"].as_str().unwrap(), "/");
    let (code, log) = host.end("-TERM");
    assert_eq!(code, Some(0), "{log}");
    (status, String::from_utf8(body).unwrap(), log)
}

#[test]
fn a_request_is_answered_by_a_guest_with_a_whole_standard_library() {
    let (status, body, log) = asked("count", "tea tea tea", ["", ""]);
    assert!(status.starts_with("HTTP/1.1 200"), "{status}: {body}{log}");
    assert_eq!(body, "tea=3");
    let (status, body, log) = asked("time", "", ["", ""]);
    assert!(status.starts_with("HTTP/1.1 200"), "{status}: {body}{log}");
    assert!(body.parse::<u64>().unwrap() > 1_700_000_000, "{body}");
}

/// Why it fails stands on the guest's console, which is the log.
#[test]
fn a_guest_that_is_not_told_the_time_says_why() {
    for settings in [
        ["guest_clock = false", ""],
        ["", "guest_clock = false"],
        ["guest_clock = true", "guest_clock = false"],
    ] {
        let (status, body, log) = asked("time", "", settings);
        assert!(status.starts_with("HTTP/1.1 500"), "{settings:?}: {status}: {body}");
        assert!(log.contains("Function not implemented"), "{settings:?}: {log}");
    }
    let (status, ..) = asked("time", "", ["guest_clock = false", "guest_clock = true"]);
    assert!(status.starts_with("HTTP/1.1 200"), "{status}");
}
