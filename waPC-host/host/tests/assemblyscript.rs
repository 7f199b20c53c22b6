//! What AssemblyScript's runtime imports: `abort` with its text and place, `trace`, and `seed`.

mod support;

use support::{Recorder, module};
use wapc_host::{Abort, Error, HostCallError, Violation, WapcHost, WapcHostBuilder};

/// A guest whose whole call is `body`. `grüße 🦀` lies at 16, `src/main.ts` at 48, and half a pair of surrogates at 80, each
/// behind its length in bytes.
fn guest(body: &str) -> String {
    let utf16 = |text: &str| -> String {
        let units: Vec<u16> = text.encode_utf16().collect();
        let bytes = units.iter().flat_map(|unit| unit.to_le_bytes()).map(|byte| format!("\\{byte:02x}"));
        format!("\\{:02x}\\00\\00\\00{}", units.len() * 2, bytes.collect::<String>())
    };
    let (message, file) = (utf16("grüße 🦀"), utf16("src/main.ts"));
    format!(
        r#"(module
        (import "wapc" "__guest_error" (func $error (param i32 i32)))
        (import "wapc" "__guest_response" (func $response (param i32 i32)))
        (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
        (import "env" "trace" (func $trace (param i32 i32 f64 f64 f64 f64 f64)))
        (import "env" "seed" (func $seed (result f64)))
        (memory (export "memory") 1)
        (data (i32.const 12) "{message}") (data (i32.const 44) "{file}") (data (i32.const 76) "\04\00\00\00a\00\00\d8")
        (data (i32.const 100) "last words") (data (i32.const 200) "\ff\ff\ff\7f")
        (func (export "__guest_call") (param i32 i32) (result i32) {body} (i32.const 1)))"#
    )
}

fn builder(body: &str, recorder: &Recorder) -> WapcHostBuilder {
    WapcHost::builder(&module(&guest(body))).handler(recorder.clone())
}

#[track_caller]
fn fails(body: &str) -> Error {
    let host = builder(body, &Recorder::default()).build().unwrap();
    let error = host.call("operate", b"").unwrap_err();
    assert_eq!(host.pool_stats().discarded, 1);
    error
}

fn expected() -> Abort {
    Abort {
        message: Some("grüße 🦀".to_owned()), file: Some("src/main.ts".to_owned()), line: 12, column: 7
    }
}

const ABORT: &str = "(call $abort (i32.const 16) (i32.const 48) (i32.const 12) (i32.const 7))";

#[test]
fn an_abort_tells_what_and_where() {
    let error = fails(ABORT);
    assert!(matches!(&error, Error::Aborted { source, .. } if *source == expected()), "{error:?}");
    assert_eq!(error.abort(), Some(&expected()));
    assert_eq!(error.to_string(), "`operate` failed: the guest aborted: grüße 🦀 (src/main.ts:12:7)");
}

#[test]
fn an_abort_after_an_error_keeps_both() {
    let error = fails(&format!("(call $error (i32.const 100) (i32.const 10)) {ABORT}"));
    assert!(matches!(&error, Error::Guest { text, trap: Some(_), .. } if text == "last words"), "{error:?}");
    assert_eq!(error.abort(), Some(&expected()));
}

#[test]
fn an_abort_need_not_say_anything() {
    let error = fails("(call $abort (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))");
    assert_eq!(error.abort(), Some(&Abort { message: None, file: None, line: 0, column: 0 }));
}

#[test]
fn a_text_that_is_not_utf16_is_made_readable() {
    let error = fails("(call $abort (i32.const 80) (i32.const 0) (i32.const 0) (i32.const 0))");
    assert_eq!(error.abort().unwrap().message.as_deref(), Some("a\u{fffd}"));
}

#[test]
fn bad_addresses_of_an_abort_break_the_protocol() {
    for pointer in ["1", "3", "-1", "204", "65537", "0x80000000"] {
        for arguments in
            [format!("(i32.const {pointer}) (i32.const 0)"), format!("(i32.const 0) (i32.const {pointer})")]
        {
            let error = fails(&format!("(call $abort {arguments} (i32.const 0) (i32.const 0))"));
            assert!(
                matches!(error, Error::Protocol { violation: Violation::Memory { import: "abort", .. }, .. }),
                "{pointer}: {error}"
            );
        }
    }
}

#[test]
fn a_trace_is_printed_with_its_numbers() {
    let numbers = "(f64.const 1) (f64.const 2.5) (f64.const -3) (f64.const 4) (f64.const 5)";
    let body: String = ["0", "2", "-1"]
        .map(|count| format!("(call $trace (i32.const 16) (i32.const {count}) {numbers})"))
        .concat();
    let recorder = Recorder::default();
    builder(&body, &recorder).build().unwrap().call("", b"").unwrap();
    let lines = recorder.lines.lock().unwrap();
    assert_eq!(*lines, ["grüße 🦀", "grüße 🦀 1, 2.5", "grüße 🦀 1, 2.5, -3, 4, 5"]);
}

const SEED: &str = "(f64.store (i32.const 300) (call $seed)) (call $response (i32.const 300) (i32.const 8))";

#[test]
fn there_is_no_seed_where_it_is_denied() {
    let host = builder(SEED, &Recorder::default()).no_random().build().unwrap();
    let error = host.call("operate", b"").unwrap_err();
    assert!(matches!(error, Error::Denied { import: "env.seed", setting: "random", .. }), "{error}");
}

#[test]
fn a_seed_comes_from_the_hosts_randomness() {
    let seed = |byte: u8| {
        let fill = move |bytes: &mut [u8]| {
            bytes.fill(byte);
            Ok(())
        };
        let host = builder(SEED, &Recorder::default()).random(fill).build().unwrap();
        f64::from_le_bytes(host.call("", b"").unwrap().try_into().unwrap())
    };
    assert_eq!(seed(0), 0.0);
    assert!(seed(0x80) > 0.5 && seed(0x80) < 0.51);
    assert!(seed(0xff) > 0.99 && seed(0xff) < 1.0);
}

#[test]
fn randomness_that_fails_ends_the_call() {
    let fill = |_: &mut [u8]| Err::<(), HostCallError>("the well is dry".into());
    let host = builder(SEED, &Recorder::default()).random(fill).build().unwrap();
    let error = host.call("", b"").unwrap_err();
    assert!(matches!(&error, Error::Trap { .. }) && error.to_string().contains("the well is dry"), "{error}");
}
