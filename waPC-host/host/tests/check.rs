//! A guest is checked without being started.

mod support;

use support::{ECHO, module};
use wapc_host::WapcHost;

/// Whether a guest is found good, and whether it can be started; a refusal is the same both times.
#[track_caller]
fn checked(text: &str) -> (bool, bool) {
    let module = module(text);
    let check = WapcHost::builder(&module).memory_limit(1 << 20).check();
    let built =
        WapcHost::builder(&module).memory_limit(1 << 20).handler(support::Recorder::default()).build();
    if let Err(error) = &check {
        assert_eq!(error.to_string(), built.as_ref().map(|_| ()).unwrap_err().to_string(), "{text}");
    }
    (check.is_ok(), built.is_ok())
}

#[test]
fn what_could_never_be_started_is_refused() {
    assert_eq!(checked(ECHO), (true, true));
    for text in [
        "(module)",
        "(module (func (export \"__guest_call\") (param i32)))",
        "(module (memory (export \"__guest_call\") 1))",
        "(module (import \"wapc\" \"more\" (func)) (func (export \"__guest_call\") (param i32 i32) (result i32) i32.const 1))",
        "(module (import \"wapc\" \"__console_log\" (func (param i64))) (func (export \"__guest_call\") (param i32 i32) (result i32) i32.const 1))",
        "(module (memory (export \"memory\") 17) (func (export \"__guest_call\") (param i32 i32) (result i32) i32.const 1))",
    ] {
        assert_eq!(checked(text), (false, false), "{text}");
    }
}

#[test]
fn nothing_of_a_guest_runs() {
    let call = "(func (export \"__guest_call\") (param i32 i32) (result i32) i32.const 1)";
    for start in [
        "(start $f)",
        "(export \"_start\" (func $f))",
        "(export \"_initialize\" (func $f))",
        "(export \"wapc_init\" (func $f))",
    ] {
        assert_eq!(
            checked(&format!("(module {call} (func $f unreachable) {start})")),
            (true, false),
            "{start}"
        );
    }
    // Segments are only written when an instance is made.
    assert_eq!(checked(&format!("(module {call} (memory 1) (data (i32.const 65536) \"x\"))")), (true, false));
    // Were it started, this would take until the deadline.
    let endless = module(&format!("(module {call} (func $f (loop (br 0))) (start $f))"));
    WapcHost::builder(&endless).check().unwrap();
}
