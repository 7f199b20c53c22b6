//! Guests of every version of the protocol: the host call is told apart by its type, whatever the module is called.

mod support;

use support::{ECHO, Recorder, module};
use wapc_host::{EngineError, Error, WapcHost};

const MODULES: [&str; 3] = ["wapc", "wasmbus", "wascap"];

/// A guest that calls the host with `arguments`, each an address and a length, and replies with the answer.
fn guest(module: &str, arguments: &[(u32, u32)]) -> String {
    let parameters = "i32 i32 ".repeat(arguments.len());
    let arguments: String = arguments
        .iter()
        .map(|(pointer, length)| format!("(i32.const {pointer}) (i32.const {length}) "))
        .collect();
    format!(
        r#"(module
        (import "{module}" "__guest_response" (func $response (param i32 i32)))
        (import "{module}" "__host_call" (func $host_call (param {parameters}) (result i32)))
        (import "{module}" "__host_response_len" (func $host_response_len (result i32)))
        (import "{module}" "__host_response" (func $host_response (param i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "a:space!Operation!2payload")
        (func (export "__guest_call") (param i32 i32) (result i32)
            (if (i32.ne (i32.const 1) (call $host_call {arguments})) (then unreachable))
            (call $host_response (i32.const 100))
            (call $response (i32.const 100) (call $host_response_len))
            (i32.const 1)))"#
    )
}

#[track_caller]
fn assert_call(arguments: &[(u32, u32)], expected: &str) {
    for name in MODULES {
        let recorder = Recorder::default();
        let host = WapcHost::new(&module(&guest(name, arguments)), recorder.clone()).unwrap();
        assert_eq!(host.call("any", b"").unwrap(), b"daolyap", "{name}");
        assert_eq!(*recorder.calls.lock().unwrap(), [expected], "{name}");
    }
}

#[test]
fn eight_arguments_are_binding_namespace_operation_and_payload() {
    assert_call(&[(0, 1), (2, 5), (8, 9), (19, 7)], "a|space|Operation|7 bytes");
}

#[test]
fn six_arguments_have_no_binding() {
    assert_call(&[(0, 7), (8, 9), (19, 7)], "|a:space|Operation|7 bytes");
}

#[test]
fn four_arguments_name_namespace_and_operation_in_one() {
    assert_call(&[(0, 17), (19, 7)], "|a:space|Operation|7 bytes");
    assert_call(&[(0, 19), (19, 7)], "|a:space|Operation!2|7 bytes");
    assert_call(&[(8, 9), (19, 7)], "||Operation|7 bytes");
    assert_call(&[(7, 10), (19, 7)], "||Operation|7 bytes");
    assert_call(&[(0, 0), (19, 7)], "|||7 bytes");
}

#[test]
fn every_module_name_has_every_function() {
    for name in MODULES {
        let text = ECHO.replace("\"wapc\"", &format!("\"{name}\""));
        let recorder = Recorder::default();
        let host = WapcHost::new(&module(&text), recorder.clone()).unwrap();
        assert_eq!(host.call("echo", b"all the same").unwrap(), b"all the same");
        assert_eq!(host.call("callback", b"abc").unwrap(), b"cba");
        host.call("log", b"a line").unwrap();
        assert!(
            matches!(host.call("fail", b"text").unwrap_err(), Error::Guest { text, .. } if text == "text")
        );
        assert_eq!(*recorder.lines.lock().unwrap(), ["a line"]);
    }
}

#[test]
fn a_host_call_of_no_version_is_refused_with_what_there_is() {
    let error = WapcHost::new(&module(&guest("wapc", &[(0, 0)])), Recorder::default()).unwrap_err();
    let Error::Engine(source) = &error else { panic!("{error}") };
    let EngineError::ImportType { module, name, offered, found } = &**source else { panic!("{error}") };
    assert_eq!((module.as_str(), name.as_str()), ("wapc", "__host_call"));
    assert_eq!(found, "function (i32, i32) -> (i32)");
    let lengths: Vec<_> = offered.iter().map(|signature| signature.params.len()).collect();
    assert_eq!(lengths, [8, 6, 4]);
}
