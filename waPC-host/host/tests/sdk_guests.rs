//! Guests of the other SDKs (`examples/guests/sdk`), all with the same operations: every behaviour on every guest. Prints what
//! runs as a table, with `cargo test -p wapc-host --test sdk_guests -- --nocapture`.
//!
//! The modules are those in the tree, or those in the directory `SDK_GUEST_MODULES`.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use wapc_host::{
    Abort, Clock, Engine, EngineError, Error, Exit, HostCall, HostCallError, HostHandler, Module, Reply,
    TrapKind, WapcHost, WapcHostBuilder,
};

const SDKS: [Sdk; 6] = [
    Sdk {
        name: "assemblyscript",
        host_error: "",
        unknown: "Could not find function \"dance\"",
        crash: Crash::SetsItsErrorAndTraps("crashed: too hard; assembly/index.ts (21,3)"),
        extra: Extra::None,
    },
    Sdk {
        name: "assemblyscript-env",
        host_error: "",
        unknown: "Could not find function \"dance\"",
        crash: Crash::Aborts { file: "assembly/index.ts", line: 21, column: 3 },
        extra: Extra::Env,
    },
    Sdk {
        name: "c",
        host_error: "",
        unknown: "this guest has no such operation",
        crash: Crash::Traps,
        extra: Extra::None,
    },
    Sdk {
        name: "c-wasi",
        host_error: "",
        unknown: "this guest has no such operation",
        crash: Crash::Traps,
        extra: Extra::Wasi,
    },
    Sdk {
        name: "zig",
        host_error: "",
        unknown: "this guest has no such operation",
        crash: Crash::SetsItsErrorAndTraps("crashed: too hard"),
        extra: Extra::None,
    },
    Sdk {
        name: "rust-public",
        host_error: "Host error: ",
        unknown: "No handler registered for function dance",
        crash: Crash::Traps,
        extra: Extra::None,
    },
];

/// The behaviours of all guests, and then those of guests that have more of the host than the protocol.
const BEHAVIOURS: [Behaviour; 15] = [
    Behaviour::of(Extra::None, "echo 0 B", |guest| echoes(guest, 0)),
    Behaviour::of(Extra::None, "echo 64 B", |guest| echoes(guest, 64)),
    Behaviour::of(Extra::None, "echo 64 KiB", |guest| echoes(guest, 64 * 1024)),
    Behaviour::of(Extra::None, "callback", calls_back),
    Behaviour::of(Extra::None, "host error", passes_the_hosts_error_on),
    Behaviour::of(Extra::None, "log", logs),
    Behaviour::of(Extra::None, "fail", fails),
    Behaviour::of(Extra::None, "unknown", refuses_what_it_does_not_know),
    Behaviour::of(Extra::None, "crash", crashes),
    Behaviour::of(Extra::Env, "trace", traces),
    Behaviour::of(Extra::Env, "seed", has_chance_where_it_is_given),
    Behaviour::of(Extra::Wasi, "printf", prints),
    Behaviour::of(Extra::Wasi, "fopen", finds_no_files),
    Behaviour::of(Extra::Wasi, "clock", has_the_time_where_it_is_given),
    Behaviour::of(Extra::Wasi, "exit", exits),
];

#[test]
fn guests_of_all_sdks_behave_as_they_should() {
    let guests = SDKS.each_ref().map(Guest::load);
    let mut failed = Vec::new();
    print_row("", guests.each_ref().map(|guest| guest.sdk.name.to_owned()));
    print_row("bytes", guests.each_ref().map(|guest| guest.size.to_string()));
    for behaviour in BEHAVIOURS {
        let cells = guests.each_ref().map(|guest| match guest.shows(behaviour) {
            None => "-",
            Some(true) => "ok",
            Some(false) => {
                failed.push(format!("{} on {}", behaviour.name, guest.sdk.name));
                "FAILED"
            }
        });
        print_row(behaviour.name, cells.map(str::to_owned));
    }
    assert!(failed.is_empty(), "{failed:#?}; what each of them found is above");
}

fn print_row<const N: usize>(name: &str, cells: [String; N]) {
    let cells: String = cells.iter().map(|cell| format!("{cell:<20}")).collect();
    println!("{}", format!("{name:<12}{cells}").trim_end());
}

// What is to be seen of each guest.

struct Sdk {
    /// The name of its module.
    name: &'static str,
    /// What it says before the text of a host's error.
    host_error: &'static str,
    /// What it says to the operation `dance`.
    unknown: &'static str,
    crash: Crash,
    extra: Extra,
}

/// What a guest has of the host beside the protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    /// The module `env`, for AssemblyScript.
    Env,
    /// WASI, below a C library.
    Wasi,
}

/// What becomes of the operation `crash` with the payload `too hard`.
enum Crash {
    Traps,
    SetsItsErrorAndTraps(&'static str),
    Aborts { file: &'static str, line: u32, column: u32 },
}

#[derive(Clone, Copy)]
struct Behaviour {
    /// What a guest must have for it.
    extra: Extra,
    name: &'static str,
    test: fn(&Guest),
}

impl Behaviour {
    const fn of(extra: Extra, name: &'static str, test: fn(&Guest)) -> Self {
        Self { extra, name, test }
    }
}

// Behaviours.

fn echoes(guest: &Guest, size: usize) {
    let host = guest.start(&Recorder::default());
    let payload: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
    // Twice, so that the guest's memory is used again.
    for _ in 0..2 {
        assert_eq!(host.call("echo", &payload).unwrap(), payload);
    }
    assert_eq!(host.pool_stats().created, 1);
}

fn calls_back(guest: &Guest) {
    let recorder = Recorder::default();
    let host = guest.start(&recorder);
    assert_eq!(host.call("callback", "hällo".as_bytes()).unwrap(), "olläh".as_bytes());
    assert_eq!(host.call("callback", b"").unwrap(), b"");
    let names = ["default", "example:echo", "Callback"].map(str::to_owned);
    assert_eq!(recorder.calls(), [names.clone(), names]);
}

/// The host's error reaches the guest as text, and comes back as the guest's own, with the first one still at hand.
fn passes_the_hosts_error_on(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    for what in ["hello", "grüße 🦀"] {
        match host.call("callback", format!("refuse {what}").as_bytes()).unwrap_err() {
            Error::Guest { operation, text, host_error: Some(host_error), trap: None } => {
                let refused = Refused { what: what.to_owned() };
                assert_eq!(operation, "callback");
                assert_eq!(text, format!("{}{refused}", guest.sdk.host_error));
                assert_eq!(host_error.downcast_ref(), Some(&refused));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(host.call("callback", b"abc").unwrap(), b"cba");
}

fn logs(guest: &Guest) {
    let recorder = Recorder::default();
    let host = guest.start(&recorder);
    assert_eq!(host.call("log", "grüße 🦀".as_bytes()).unwrap(), b"");
    assert_eq!(recorder.lines(), ["grüße 🦀"]);
}

fn fails(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    for (payload, text) in [("out of ünits", "out of ünits"), ("", "asked to fail, without a reason")] {
        assert_eq!(error_text(&host, "fail", payload), text);
    }
    assert_eq!(host.call("echo", b"still here").unwrap(), b"still here");
}

fn refuses_what_it_does_not_know(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    assert_eq!(error_text(&host, "dance", ""), guest.sdk.unknown);
}

fn crashes(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    match (&guest.sdk.crash, host.call("crash", b"too hard").unwrap_err()) {
        (Crash::Traps, Error::Trap { host_error: None, source, .. }) => assert_unreachable(&source),
        (
            Crash::SetsItsErrorAndTraps(expected),
            Error::Guest { text, host_error: None, trap: Some(trap), .. },
        ) => {
            assert_eq!(text, *expected);
            assert_unreachable(&trap);
        }
        (Crash::Aborts { file, line, column }, Error::Aborted { host_error: None, source, .. }) => {
            let message = Some("crashed: too hard".to_owned());
            let file = Some((*file).to_owned());
            assert_eq!(source, Abort { message, file, line: *line, column: *column });
        }
        (_, other) => panic!("{other:?}"),
    }
    assert_eq!(host.call("echo", b"another").unwrap(), b"another");
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.discarded), (2, 1));
}

fn traces(guest: &Guest) {
    let recorder = Recorder::default();
    guest.start(&recorder).call("trace", "grüße".as_bytes()).unwrap();
    assert_eq!(recorder.lines(), ["grüße 1.5, -2"]);
}

fn has_chance_where_it_is_given(guest: &Guest) {
    let closed = guest.builder(&Recorder::default()).no_random().build().unwrap();
    let error = closed.call("random", b"").unwrap_err();
    let denied = matches!(error, Error::Denied { import: "env.seed", setting: "random", .. });
    assert!(denied, "{error:?}");
    let given = |byte: u8| {
        let fill = move |bytes: &mut [u8]| -> Result<(), HostCallError> {
            bytes.fill(byte);
            Ok(())
        };
        let host = guest.builder(&Recorder::default()).random(fill).build().unwrap();
        let number = String::from_utf8(host.call("random", b"").unwrap()).unwrap();
        number.parse::<f64>().unwrap()
    };
    assert!((0.0..1.0).contains(&given(7)));
    assert_eq!(given(7), given(7));
    assert_ne!(given(7), given(8));
}

/// What a C library buffers comes out as lines, of both streams.
fn prints(guest: &Guest) {
    let recorder = Recorder::default();
    guest.start(&recorder).call("print", "two\nlüne".as_bytes()).unwrap();
    assert_eq!(recorder.lines(), ["9 bytes: two", "lüne", "error: two", "lüne", "and no more"]);
}

fn finds_no_files(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    for name in ["/etc/passwd", "here.txt", ""] {
        assert_eq!(error_text(&host, "open", name), "there is no such file");
    }
}

fn has_the_time_where_it_is_given(guest: &Guest) {
    let denied = guest.builder(&Recorder::default()).no_clock().build().unwrap();
    assert_eq!(error_text(&denied, "time", ""), "there is no clock");
    let given = guest.builder(&Recorder::default()).clock(Stopped).build().unwrap();
    assert_eq!(given.call("time", b"").unwrap(), b"1234567890");
}

/// The library writes what it still holds before it leaves.
fn exits(guest: &Guest) {
    let recorder = Recorder::default();
    let host = guest.start(&recorder);
    for code in [0, 7] {
        let error = host.call("exit", &[code]).unwrap_err();
        let expected = Exit { code: code.into() };
        assert!(matches!(&error, Error::Exited { source, .. } if *source == expected), "{error:?}");
    }
    assert_eq!(recorder.lines(), ["leaving", "leaving"]);
    assert_eq!(host.pool_stats().discarded, 2);
}

/// The text of an error that the guest sets in its own words and without trapping.
#[track_caller]
fn error_text(host: &WapcHost, operation: &str, payload: &str) -> String {
    match host.call(operation, payload.as_bytes()).unwrap_err() {
        Error::Guest { text, host_error: None, trap: None, .. } => text,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_unreachable(trap: &EngineError) {
    let unreachable = matches!(trap, EngineError::Trap { kind: TrapKind::Unreachable, .. });
    assert!(unreachable, "{trap:?}");
}

// Guests and their host.

struct Guest {
    sdk: &'static Sdk,
    module: Module,
    size: usize,
}

impl Guest {
    #[track_caller]
    fn load(sdk: &'static Sdk) -> Self {
        let bytes = std::fs::read(modules().join(sdk.name).with_extension("wasm")).unwrap();
        Self { sdk, module: Engine::new().compile(&bytes).unwrap(), size: bytes.len() }
    }

    /// Whether it behaves as it should; nothing where that is not asked of it.
    fn shows(&self, behaviour: Behaviour) -> Option<bool> {
        let asked = behaviour.extra == Extra::None || behaviour.extra == self.sdk.extra;
        // What it does instead is printed with the panic.
        asked.then(|| catch_unwind(AssertUnwindSafe(|| (behaviour.test)(self))).is_ok())
    }

    fn builder(&self, recorder: &Recorder) -> WapcHostBuilder {
        WapcHost::builder(&self.module).handler(recorder.clone())
    }

    #[track_caller]
    fn start(&self, recorder: &Recorder) -> WapcHost {
        self.builder(recorder).build().unwrap()
    }
}

fn modules() -> PathBuf {
    env::var_os("SDK_GUEST_MODULES").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guests/sdk/modules").into(),
        PathBuf::from,
    )
}

/// Answers with the payload's characters turned round, refuses where it is told to, and remembers names and lines.
#[derive(Clone, Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<[String; 3]>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn calls(&self) -> Vec<[String; 3]> {
        self.calls.lock().unwrap().clone()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

impl HostHandler for Recorder {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        self.calls.lock().unwrap().push([call.binding, call.namespace, call.operation].map(str::to_owned));
        let payload = str::from_utf8(call.payload)?;
        if let Some(what) = payload.strip_prefix("refuse ") {
            return Err(Refused { what: what.to_owned() }.into());
        }
        reply.set(payload.chars().rev().collect::<String>());
        Ok(())
    }

    fn console_log(&self, text: &str) {
        self.lines.lock().unwrap().push(text.to_owned());
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody says {what} here")]
struct Refused {
    what: String,
}

/// Half past eleven at night on the 13th of February 2009, and a little.
struct Stopped;

impl Clock for Stopped {
    fn realtime(&self) -> u64 {
        1_234_567_890_123_456_789
    }

    fn monotonic(&self) -> u64 {
        0
    }
}
