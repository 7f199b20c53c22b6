//! A guest that is made with our library runs under the public waPC host, `wapc` with `wasmtime-provider`.

use std::sync::{Arc, Mutex};

use peers::wapc_rs;
use wapc::{WapcHost, errors::Error};

/// A guest made with our `wascc-guest`, as it was built from `examples/guests/echo`.
const ECHO: &[u8] = include_bytes!("../../../examples/guests/modules/echo.wasm");

/// What the host was asked: binding, namespace, operation, payload.
type Calls = Arc<Mutex<Vec<(String, String, String, Vec<u8>)>>>;

/// The guest on a host that keeps its calls, answers them in capitals, and refuses `refuse`.
fn host() -> (WapcHost, Calls) {
    let calls = Calls::default();
    let kept = calls.clone();
    let callback = move |_, binding: &str, namespace: &str, operation: &str, payload: &[u8]| {
        let call = (binding.to_owned(), namespace.to_owned(), operation.to_owned(), payload.to_vec());
        kept.lock().unwrap().push(call);
        match payload {
            b"refuse" => Err("not today, à bientôt".into()),
            payload => Ok(payload.to_ascii_uppercase()),
        }
    };
    (wapc_rs(ECHO, Box::new(callback)).unwrap(), calls)
}

#[track_caller]
fn guest_error(host: &WapcHost, operation: &str, payload: &[u8]) -> String {
    match host.call(operation, payload) {
        Err(Error::GuestCallFailure(text)) => text,
        other => panic!("{operation} should have been answered with an error: {other:?}"),
    }
}

#[test]
fn echo_answers_with_the_payload() {
    let (host, _) = host();
    for size in [1, 64, 1 << 10, 64 << 10, 1 << 20] {
        let payload: Vec<u8> = (0..size).map(|byte| byte as u8).collect();
        assert!(host.call("echo", &payload).unwrap() == payload, "{size} bytes");
    }
}

#[test]
fn an_empty_payload_has_an_empty_reply() {
    let (host, calls) = host();
    assert_eq!(host.call("echo", b"").unwrap(), b"");
    assert_eq!(host.call("callback", b"").unwrap(), b"");
    assert_eq!(calls.lock().unwrap()[0].3, b"");
}

#[test]
fn callback_answers_with_what_the_host_says() {
    let (host, calls) = host();
    assert_eq!(host.call("callback", b"loud").unwrap(), b"LOUD");
    let call = ("default".to_owned(), "example:echo".to_owned(), "Callback".to_owned(), b"loud".to_vec());
    assert_eq!(*calls.lock().unwrap(), [call]);
}

#[test]
fn the_error_of_a_host_call_comes_back() {
    let (host, _) = host();
    let text = guest_error(&host, "callback", b"refuse");
    assert!(text.contains("not today, à bientôt"), "{text}");
    assert_eq!(host.call("callback", b"again").unwrap(), b"AGAIN");
}

#[test]
fn fail_fails_with_the_text_that_it_is_sent() {
    let (host, _) = host();
    assert_eq!(guest_error(&host, "fail", "warum? désolé".as_bytes()), "warum? désolé");
    assert_eq!(guest_error(&host, "fail", b""), "asked to fail, without a reason");
    assert_eq!(host.call("echo", b"still here").unwrap(), b"still here");
}

#[test]
fn log_writes_to_the_console_and_answers_with_nothing() {
    let lines = console::lines();
    let (host, _) = host();
    assert_eq!(host.call("log", b"a line of the guest's").unwrap(), b"");
    let lines = lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("a line of the guest's")), "{lines:?}");
}

#[test]
fn an_unknown_operation_is_named() {
    let (host, _) = host();
    let text = guest_error(&host, "unheard-of", b"");
    assert!(text.contains("unheard-of"), "{text}");
}

/// The log, which is where the public host writes what its guests write.
mod console {
    use std::sync::{Mutex, Once};

    use log::{LevelFilter, Log, Metadata, Record};

    struct Console(Mutex<Vec<String>>);

    static CONSOLE: Console = Console(Mutex::new(Vec::new()));
    static START: Once = Once::new();

    impl Log for Console {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            self.0.lock().unwrap().push(record.args().to_string());
        }

        fn flush(&self) {}
    }

    pub(super) fn lines() -> &'static Mutex<Vec<String>> {
        START.call_once(|| {
            log::set_logger(&CONSOLE).unwrap();
            log::set_max_level(LevelFilter::Info);
        });
        &CONSOLE.0
    }
}
