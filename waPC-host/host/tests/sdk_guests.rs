//! Guests of the other SDKs (`examples/guests/sdk`), all with the same operations: every behaviour on every guest. Prints what
//! runs as a table, with `cargo test -p wapc-host --test sdk_guests -- --nocapture`.
//!
//! The modules are those in the tree, or those in the directory `SDK_GUEST_MODULES`.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use wapc_host::{
    Abort, Engine, EngineError, Error, Exit, GuestClock, HostCall, HostCallError, HostHandler, Module, Reply,
    TrapKind, WapcHost, WapcHostBuilder,
};

const SDKS: [Sdk; 7] = [
    Sdk {
        name: "assemblyscript",
        host_error: "",
        unknown: "Could not find function \"dance\"",
        crash: Crash::SetsItsErrorAndTraps("crashed: too hard; assembly/index.ts (21,3)"),
        extras: &[],
    },
    Sdk {
        name: "assemblyscript-env",
        host_error: "",
        unknown: "Could not find function \"dance\"",
        crash: Crash::Aborts { file: "assembly/index.ts", line: 21, column: 3 },
        extras: &[Extra::Env],
    },
    Sdk {
        name: "c",
        host_error: "",
        unknown: "this guest has no such operation",
        crash: Crash::Traps,
        extras: &[],
    },
    Sdk {
        name: "c-wasi",
        host_error: "",
        unknown: "this guest has no such operation",
        crash: Crash::Traps,
        extras: &[Extra::Wasi, Extra::C],
    },
    Sdk {
        name: "zig",
        host_error: "",
        unknown: "this guest has no such operation",
        crash: Crash::SetsItsErrorAndTraps("crashed: too hard"),
        extras: &[],
    },
    Sdk {
        name: "rust-public",
        host_error: "Host error: ",
        unknown: "No handler registered for function dance",
        crash: Crash::Traps,
        extras: &[],
    },
    Sdk {
        name: "rust-wasi",
        host_error: "Host error: ",
        unknown: "No handler registered for function dance",
        crash: Crash::Traps,
        extras: &[Extra::Wasi, Extra::Std],
    },
];

/// The behaviours of all guests, and then those of guests that have more of the host than the protocol.
const BEHAVIOURS: [Behaviour; 21] = [
    Behaviour::of(None, "echo 0 B", |guest| echoes(guest, 0)),
    Behaviour::of(None, "echo 64 B", |guest| echoes(guest, 64)),
    Behaviour::of(None, "echo 64 KiB", |guest| echoes(guest, 64 * 1024)),
    Behaviour::of(None, "callback", calls_back),
    Behaviour::of(None, "host error", passes_the_hosts_error_on),
    Behaviour::of(None, "log", logs),
    Behaviour::of(None, "fail", fails),
    Behaviour::of(None, "unknown", refuses_what_it_does_not_know),
    Behaviour::of(None, "crash", crashes),
    Behaviour::of(Some(Extra::Env), "trace", traces),
    Behaviour::of(Some(Extra::Env), "seed", has_chance_where_it_is_given),
    Behaviour::of(Some(Extra::Wasi), "print", prints),
    Behaviour::of(Some(Extra::Wasi), "open", finds_no_files),
    Behaviour::of(Some(Extra::Wasi), "clock", has_the_time),
    Behaviour::of(Some(Extra::Wasi), "exit", exits),
    Behaviour::of(Some(Extra::C), "no clock", says_that_there_is_no_clock),
    Behaviour::of(Some(Extra::Std), "no clock", ends_without_a_clock),
    Behaviour::of(Some(Extra::Std), "elapsed", has_a_clock_that_goes_on),
    Behaviour::of(Some(Extra::Std), "HashMap", has_maps),
    Behaviour::of(Some(Extra::Std), "no random", does_not_start_without_random_numbers),
    Behaviour::of(Some(Extra::Std), "environment", has_no_surroundings),
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
    /// What it has of the host beside the protocol.
    extras: &'static [Extra],
}

/// What a guest may have of the host beside the protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    /// The module `env`, for AssemblyScript.
    Env,
    /// WASI.
    Wasi,
    /// WASI, below a C library.
    C,
    /// WASI, below Rust's standard library.
    Std,
}

/// What becomes of the operation `crash` with the payload `too hard`.
enum Crash {
    Traps,
    SetsItsErrorAndTraps(&'static str),
    Aborts { file: &'static str, line: u32, column: u32 },
}

#[derive(Clone, Copy)]
struct Behaviour {
    /// What a guest must have for it; nothing for what all show.
    extra: Option<Extra>,
    name: &'static str,
    test: fn(&Guest),
}

impl Behaviour {
    const fn of(extra: Option<Extra>, name: &'static str, test: fn(&Guest)) -> Self {
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

/// The system's without any setting, or the owner's.
fn has_the_time(guest: &Guest) {
    let seconds = |host: WapcHost| -> u64 {
        String::from_utf8(host.call("time", b"").unwrap()).unwrap().parse().unwrap()
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let told = seconds(guest.start(&Recorder::default()));
    assert!((now..now + 60).contains(&told), "{told} at {now}");
    assert_eq!(seconds(guest.builder(&Recorder::default()).clock(Stopped).build().unwrap()), 1_234_567_890);
}

fn says_that_there_is_no_clock(guest: &Guest) {
    let denied = guest.builder(&Recorder::default()).no_clock().build().unwrap();
    assert_eq!(error_text(&denied, "time", ""), "there is no clock");
}

/// Its library cannot say that there is no time: it says why on the console, and traps.
fn ends_without_a_clock(guest: &Guest) {
    let recorder = Recorder::default();
    let denied = guest.builder(&recorder).no_clock().build().unwrap();
    assert!(matches!(denied.call("time", b""), Err(Error::Trap { .. })));
    assert!(recorder.lines().iter().any(|line| line.contains("Function not implemented")), "{recorder:?}");
    assert_eq!(denied.call("echo", b"still here").unwrap(), b"still here");
}

fn has_a_clock_that_goes_on(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    let elapsed = String::from_utf8(host.call("elapsed", b"").unwrap()).unwrap();
    assert!(elapsed.parse::<u128>().is_ok(), "{elapsed}");
    let stopped = guest.builder(&Recorder::default()).clock(Stopped).build().unwrap();
    assert_eq!(stopped.call("elapsed", b"").unwrap(), b"0");
}

/// Their order is another in each instance, unless the owner's own random numbers are the same.
fn has_maps(guest: &Guest) {
    let words: Vec<_> = (0..64).map(|number| format!("word{number}")).collect();
    let order = |host: WapcHost| {
        let counted = String::from_utf8(host.call("count", words.join(" ").as_bytes()).unwrap()).unwrap();
        let mut sorted: Vec<_> = counted.split(' ').map(str::to_owned).collect();
        sorted.sort();
        let mut expected: Vec<_> = words.iter().map(|word| format!("{word}=1")).collect();
        expected.sort();
        assert_eq!(sorted, expected);
        counted
    };
    let ours = || order(guest.start(&Recorder::default()));
    assert_ne!(ours(), ours());
    let given = |byte: u8| {
        let fill = move |bytes: &mut [u8]| -> Result<(), HostCallError> {
            bytes.fill(byte);
            Ok(())
        };
        order(guest.builder(&Recorder::default()).random(fill).build().unwrap())
    };
    assert_eq!(given(7), given(7));
    assert_ne!(given(7), given(8));
}

/// Its SDK keeps the handlers in a map.
fn does_not_start_without_random_numbers(guest: &Guest) {
    let recorder = Recorder::default();
    let denied = guest.builder(&recorder).no_random().build();
    assert!(denied.is_err(), "it started");
    assert!(recorder.lines().iter().any(|line| line.contains("random")), "{recorder:?}");
}

fn has_no_surroundings(guest: &Guest) {
    let host = guest.start(&Recorder::default());
    assert_eq!(host.call("surroundings", b"").unwrap(), b"0 0");
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
        let asked = behaviour.extra.is_none_or(|extra| self.sdk.extras.contains(&extra));
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
#[derive(Clone, Debug, Default)]
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

impl GuestClock for Stopped {
    fn realtime(&self) -> u64 {
        1_234_567_890_123_456_789
    }

    fn monotonic(&self) -> u64 {
        0
    }
}
