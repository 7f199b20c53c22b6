//! An operation and bytes in, bytes or an error out, in both directions.

mod support;

use support::{ECHO, Recorder, echo, guest, module};
use wapc_host::{EngineError, Error, HostCall, HostCallError, Violation, WapcHost};

#[test]
fn bytes_go_in_and_come_out() {
    let host = echo();
    for size in [0, 1, 64, 1024, 65_536, 131_072] {
        let payload: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        assert_eq!(host.call("echo", &payload).unwrap(), payload);
    }
}

#[test]
fn the_guest_calls_back_with_names_and_bytes() {
    let recorder = Recorder::default();
    let host = WapcHost::new(&module(ECHO), recorder.clone()).unwrap();
    assert_eq!(host.call("callback", b"abc").unwrap(), b"cba");
    assert_eq!(*recorder.calls.lock().unwrap(), ["binding|namespace|operation|3 bytes"]);
}

#[test]
fn a_closure_is_a_handler() {
    let handler = |call: &HostCall<'_>| Ok::<_, HostCallError>(call.payload.to_ascii_uppercase());
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    assert_eq!(host.call("callback", b"loud").unwrap(), b"LOUD");
}

#[test]
fn the_console_reaches_the_handler() {
    let recorder = Recorder::default();
    let host = WapcHost::new(&module(ECHO), recorder.clone()).unwrap();
    assert_eq!(host.call("log", "grüße".as_bytes()).unwrap(), b"");
    assert_eq!(host.call("log", b"\xff").unwrap(), b"");
    assert_eq!(*recorder.lines.lock().unwrap(), ["grüße", "\u{fffd}"]);
}

#[test]
fn a_reply_goes_into_the_callers_buffer() {
    let host = echo();
    let mut reply = Vec::with_capacity(4096);
    let place = reply.as_ptr();
    for _ in 0..3 {
        host.call_into("echo", b"in place", &mut reply).unwrap();
        assert_eq!(reply, b"in place");
        assert_eq!(reply.as_ptr(), place, "the buffer was not used");
    }
    host.call_into("fail", b"no", &mut reply).unwrap_err();
    assert!(reply.is_empty());
    assert_eq!(reply.as_ptr(), place);
}

#[test]
fn an_error_of_the_guest_is_its_text() {
    let error = echo().call("fail", b"out of tea").unwrap_err();
    let Error::Guest { operation, text, host_error, trap } = &error else { panic!("{error}") };
    assert_eq!((operation.as_str(), text.as_str()), ("fail", "out of tea"));
    assert!(host_error.is_none() && trap.is_none());
}

#[test]
fn an_error_of_the_host_reaches_the_guest_and_is_kept() {
    #[derive(Debug, thiserror::Error, PartialEq)]
    #[error("cupboard {0} is bare")]
    struct Bare(u32);
    let handler = |_: &HostCall<'_>| Err::<Vec<u8>, HostCallError>(Bare(3).into());
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    let error = host.call("callback", b"").unwrap_err();
    assert!(matches!(&error, Error::Guest { text, .. } if text == "cupboard 3 is bare"), "{error}");
    assert_eq!(error.host_error().unwrap().downcast_ref::<Bare>(), Some(&Bare(3)));
    assert!(host.call("fail", b"x").unwrap_err().host_error().is_none(), "it belongs to one call alone");
}

#[test]
fn success_without_a_reply_is_an_empty_reply() {
    assert_eq!(echo().call("neither", b"").unwrap(), b"");
}

#[test]
fn the_last_reply_wins() {
    assert_eq!(echo().call("set twice", b"second").unwrap(), b"second");
}

#[test]
fn an_error_beside_a_reply_is_an_error() {
    let error = echo().call("both", b"after all").unwrap_err();
    assert!(matches!(&error, Error::Guest { text, .. } if text == "after all"), "{error}");
}

#[test]
fn a_failure_without_a_text_breaks_the_protocol() {
    let host = echo();
    let error = host.call("zero", b"").unwrap_err();
    assert!(
        matches!(error, Error::Protocol { violation: Violation::NoError { returned: 0 }, .. }),
        "{error}"
    );
    assert_eq!(host.call("echo", b"still there").unwrap(), b"still there");
}

#[test]
fn an_error_before_a_trap_keeps_both() {
    let error = echo().call("trap after error", b"last words").unwrap_err();
    let Error::Guest { text, trap: Some(trap), .. } = &error else { panic!("{error}") };
    assert_eq!(text, "last words");
    assert!(matches!(**trap, EngineError::Trap { .. }), "{trap}");
}

#[test]
fn a_trap_costs_its_instance_and_nothing_else() {
    let host = echo();
    let error = host.call("i trap", b"").unwrap_err();
    assert!(matches!(error, Error::Trap { .. }), "{error}");
    assert_eq!(host.call("echo", b"a new instance").unwrap(), b"a new instance");
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.discarded, stats.idle, stats.in_use), (2, 1, 1, 0));
}

#[test]
fn start_functions_run_once_and_in_order() {
    let text = r#"(module (import "wapc" "__guest_response" (func $response (param i32 i32)))
        (memory (export "memory") 1) (global $order (mut i32) (i32.const 0))
        (func $then (param $digit i32)
            (global.set $order (i32.add (i32.mul (global.get $order) (i32.const 10)) (local.get $digit))))
        (func (export "wapc_init") (call $then (i32.const 3)))
        (func (export "_initialize") (call $then (i32.const 2)))
        (func (export "_start") (call $then (i32.const 1)))
        (func (export "__guest_call") (param i32 i32) (result i32)
            (i32.store (i32.const 0) (global.get $order)) (call $response (i32.const 0) (i32.const 4)) (i32.const 1)))"#;
    let host = WapcHost::new(&module(text), Recorder::default()).unwrap();
    for _ in 0..2 {
        assert_eq!(host.call("", b"").unwrap(), 123_u32.to_le_bytes());
    }
}

#[test]
fn a_module_that_is_no_guest_is_refused() {
    let refused = |text: &str| WapcHost::new(&module(text), Recorder::default()).unwrap_err();
    let error = refused("(module)");
    assert!(
        matches!(&error, Error::Engine(e) if matches!(&**e, EngineError::MissingExport { export, .. } if export == "__guest_call")),
        "{error}"
    );
    let error = refused(r#"(module (func (export "__guest_call") (param i64)))"#);
    assert!(matches!(&error, Error::Engine(e) if matches!(**e, EngineError::ExportType { .. })), "{error}");
    let error = refused(r#"(module (import "env" "exec" (func)))"#);
    assert!(
        matches!(&error, Error::Engine(e) if matches!(**e, EngineError::MissingImport { .. })),
        "{error}"
    );
    let error = WapcHost::builder(&module(ECHO)).build().unwrap_err();
    assert!(matches!(error, Error::NoHandler), "{error}");
}

#[track_caller]
fn assert_bad_address(body: &str, expected: &str) {
    let host = WapcHost::new(&module(&guest(body)), Recorder::default()).unwrap();
    let error = host.call("wild", b"payload").unwrap_err();
    assert!(
        matches!(&error, Error::Protocol { violation: Violation::Memory { import, .. }, .. } if *import == expected),
        "{error}"
    );
    assert_eq!(host.pool_stats().discarded, 1);
}

#[test]
fn a_bad_address_ends_the_call_whatever_the_import() {
    let wild = "(i32.const 65533) (i32.const 7)";
    assert_bad_address(&format!("(call $request {wild}) (i32.const 1)"), "__guest_request");
    assert_bad_address(&format!("(call $response {wild}) (i32.const 1)"), "__guest_response");
    assert_bad_address(&format!("(call $error {wild}) (i32.const 1)"), "__guest_error");
    assert_bad_address(&format!("(call $console_log {wild}) (i32.const 1)"), "__console_log");
    assert_bad_address("(call $response (i32.const -1) (i32.const -1)) (i32.const 1)", "__guest_response");
    let good = "(i32.const 0) (i32.const 1)";
    for position in 0..4 {
        let arguments: Vec<_> = (0..4).map(|n| if n == position { wild } else { good }).collect();
        assert_bad_address(&format!("(call $host_call {})", arguments.join(" ")), "__host_call");
    }
    let call = "(drop (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9)))";
    assert_bad_address(
        &format!("{call} (call $host_response (i32.const 65530)) (i32.const 1)"),
        "__host_response",
    );
}

#[test]
fn nothing_can_be_passed_at_any_address() {
    let body = r#"(call $response (i32.const -1) (i32.const 0)) (call $console_log (i32.const -1) (i32.const 0))
        (drop (call $host_call (i32.const -1) (i32.const 0) (i32.const -2) (i32.const 0) (i32.const 1) (i32.const 0)
            (i32.const -1) (i32.const 0)))
        (call $host_response (i32.const -1)) (call $host_error (i32.const -1)) (i32.const 1)"#;
    let host = WapcHost::new(&module(&guest(body)), Recorder::default()).unwrap();
    assert_eq!(host.call("", b"").unwrap(), b"");
}

#[test]
fn names_that_are_not_utf8_break_the_protocol() {
    let body = r#"(i32.store8 (i32.const 0) (i32.const 255))
        (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0))"#;
    let host = WapcHost::new(&module(&guest(body)), Recorder::default()).unwrap();
    let error = host.call("", b"").unwrap_err();
    assert!(
        matches!(error, Error::Protocol { violation: Violation::NotUtf8 { what: "namespace" }, .. }),
        "{error}"
    );
}
