//! WASI preview 1: a console, the time and random numbers unless they are denied; an error number for all else.

mod support;

use support::{Recorder, module};
use wapc_host::{
    Error, Exit, GuestClock, HostCall, HostCallError, HostHandler, Reply, SystemGuestClock, Violation,
    WapcHost, WapcHostBuilder,
};

const BADF: u8 = 8;
const INVAL: u8 = 28;
const IO: u8 = 29;
const NOSYS: u8 = 52;
const SPIPE: u8 = 70;

const IMPORTS: &str = r#"
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wapc" "__guest_error" (func $error (param i32 i32)))
    (import "WASI" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "WASI" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "WASI" "fd_close" (func $fd_close (param i32) (result i32)))
    (import "WASI" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
    (import "WASI" "fd_fdstat_get" (func $fd_fdstat_get (param i32 i32) (result i32)))
    (import "WASI" "fd_prestat_get" (func $fd_prestat_get (param i32 i32) (result i32)))
    (import "WASI" "fd_prestat_dir_name" (func $fd_prestat_dir_name (param i32 i32 i32) (result i32)))
    (import "WASI" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "WASI" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
    (import "WASI" "args_get" (func $args_get (param i32 i32) (result i32)))
    (import "WASI" "environ_sizes_get" (func $environ_sizes_get (param i32 i32) (result i32)))
    (import "WASI" "environ_get" (func $environ_get (param i32 i32) (result i32)))
    (import "WASI" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
    (import "WASI" "clock_res_get" (func $clock_res_get (param i32 i32) (result i32)))
    (import "WASI" "random_get" (func $random_get (param i32 i32) (result i32)))
    (import "WASI" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (import "WASI" "sched_yield" (func $sched_yield (result i32)))
    (import "WASI" "proc_exit" (func $proc_exit (param i32)))"#;

/// A guest with the functions at hand, and more `items`; its call is `body` and leaves its success.
fn guest(items: &str, body: &str) -> String {
    let imports = IMPORTS.replace("WASI", "wasi_snapshot_preview1");
    format!(
        r#"(module {imports} (memory (export "memory") 3) (data (i32.const 0) "one\ntwo, a\nlast words") {items}
        (func (export "__guest_call") (param i32 i32) (result i32) {body}))"#
    )
}

fn builder(body: &str, recorder: &Recorder) -> WapcHostBuilder {
    WapcHost::builder(&module(&guest("", body))).handler(recorder.clone())
}

/// What `body` leaves at the addresses 100 to 132; it is filled with 255 before.
#[track_caller]
fn leaves(body: &str, settings: impl FnOnce(WapcHostBuilder) -> WapcHostBuilder) -> [u8; 32] {
    let body = format!(
        "(memory.fill (i32.const 100) (i32.const 255) (i32.const 32)) {body}
        (call $response (i32.const 100) (i32.const 32)) (i32.const 1)"
    );
    let host = settings(builder(&body, &Recorder::default())).build().unwrap();
    host.call("", b"").unwrap().try_into().unwrap()
}

/// The error number that `call` answers with.
#[track_caller]
fn errno(call: &str) -> u8 {
    errno_with(call, |builder| builder)
}

#[track_caller]
fn errno_with(call: &str, settings: impl FnOnce(WapcHostBuilder) -> WapcHostBuilder) -> u8 {
    let bytes = leaves(&format!("(i32.store (i32.const 100) {call})"), settings);
    assert_eq!(bytes[1..4], [0; 3]);
    bytes[0]
}

/// Writes `length` bytes from address `pointer` to the descriptor.
fn write(fd: u32, pointer: u32, length: u32) -> String {
    format!(
        "(i32.store (i32.const 1000) (i32.const {pointer})) (i32.store (i32.const 1004) (i32.const {length}))
        (if (call $fd_write (i32.const {fd}) (i32.const 1000) (i32.const 1) (i32.const 132)) (then unreachable))"
    )
}

#[test]
fn what_is_written_is_logged_line_by_line() {
    let recorder = Recorder::default();
    let body = format!("{}{}{}(i32.const 1)", write(1, 0, 2), write(2, 4, 7), write(1, 2, 7));
    let host = builder(&body, &recorder).build().unwrap();
    host.call("", b"").unwrap();
    let lines = recorder.lines.lock().unwrap();
    assert_eq!(*lines, ["two, a", "one", "two, "], "a line that was begun is logged when the call is over");
}

#[test]
fn several_buffers_are_written_at_once() {
    let body = "(i64.store (i32.const 1000) (i64.const 0x3_0000_0000)) (i64.store (i32.const 1008) (i64.const 0x1_0000_0003))
        (i64.store (i32.const 1016) (i64.const 0x0_ffff_ffff))
        (drop (call $fd_write (i32.const 1) (i32.const 1000) (i32.const 3) (i32.const 100)))";
    assert_eq!(leaves(body, |builder| builder)[..4], [4, 0, 0, 0]);
}

#[test]
fn nothing_is_printed_before_every_address_was_checked() {
    // The second buffer lies outside of the memory; then the place for the count does.
    let second = "(i64.store (i32.const 1000) (i64.const 0x4_0000_0000)) (i64.store (i32.const 1008) (i64.const 0x4_ffff_0000))
        (drop (call $fd_write (i32.const 1) (i32.const 1000) (i32.const 2) (i32.const 100))) (i32.const 1)";
    let count = "(i64.store (i32.const 1000) (i64.const 0x4_0000_0000))
        (drop (call $fd_write (i32.const 1) (i32.const 1000) (i32.const 1) (i32.const 196606))) (i32.const 1)";
    for body in [second, count] {
        let recorder = Recorder::default();
        let error = builder(body, &recorder).build().unwrap().call("", b"").unwrap_err();
        assert!(matches!(error, Error::Protocol { violation: Violation::Memory { .. }, .. }), "{error}");
        assert!(recorder.lines.lock().unwrap().is_empty());
    }
}

#[test]
fn a_huge_write_is_taken_in_parts() {
    let body = "(i32.store (i32.const 1000) (i32.const 0)) (i32.store (i32.const 1004) (i32.const 131072))
        (drop (call $fd_write (i32.const 1) (i32.const 1000) (i32.const 1) (i32.const 100)))";
    assert_eq!(leaves(body, |builder| builder)[..4], 65_536_u32.to_le_bytes());
    assert_eq!(errno("(call $fd_write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 104))"), INVAL);
}

#[test]
fn there_are_no_other_descriptors() {
    assert_eq!(errno("(call $fd_write (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 104))"), BADF);
    assert_eq!(errno("(call $fd_write (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 104))"), BADF);
    assert_eq!(errno("(call $fd_read (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 104))"), BADF);
    assert_eq!(errno("(call $fd_close (i32.const 3))"), BADF);
    assert_eq!(errno("(call $fd_close (i32.const 2))"), 0);
    assert_eq!(errno("(call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 104))"), SPIPE);
    assert_eq!(errno("(call $fd_seek (i32.const 3) (i64.const 0) (i32.const 0) (i32.const 104))"), BADF);
    assert_eq!(errno("(call $fd_fdstat_get (i32.const 3) (i32.const 104))"), BADF);
    assert_eq!(errno("(call $fd_prestat_get (i32.const 3) (i32.const 104))"), BADF);
    assert_eq!(errno("(call $fd_prestat_dir_name (i32.const 3) (i32.const 104) (i32.const 1))"), BADF);
    let path =
        "(i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i64.const -1) (i64.const -1)";
    assert_eq!(errno(&format!("(call $path_open {path} (i32.const 0) (i32.const 104))")), BADF);
    assert_eq!(errno("(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 104))"), NOSYS);
    assert_eq!(errno("(call $sched_yield)"), 0);
}

#[test]
fn standard_input_is_empty() {
    let body = "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100)))";
    assert_eq!(leaves(body, |builder| builder)[..5], [0, 0, 0, 0, 255]);
}

#[test]
fn the_console_is_a_character_device() {
    let body = "(drop (call $fd_fdstat_get (i32.const 1) (i32.const 100)))";
    let mut expected = [0; 25];
    (expected[0], expected[8], expected[24]) = (2, 64, 255);
    assert_eq!(leaves(body, |builder| builder)[..25], expected);
}

#[test]
fn there_are_no_arguments_and_no_environment() {
    for what in ["args", "environ"] {
        let body = format!(
            "(if (i32.add (call ${what}_sizes_get (i32.const 100) (i32.const 108))
                (call ${what}_get (i32.const 116) (i32.const 116))) (then unreachable))"
        );
        let bytes = leaves(&body, |builder| builder);
        assert_eq!((&bytes[..4], &bytes[8..12], &bytes[16..]), (&[0; 4][..], &[0; 4][..], &[255; 16][..]));
    }
}

/// A clock that stands still.
struct Stopped;

impl GuestClock for Stopped {
    fn realtime(&self) -> u64 {
        0x0102_0304_0506_0708
    }

    fn monotonic(&self) -> u64 {
        9
    }
}

fn time(clock: u32) -> String {
    format!("(call $clock_time_get (i32.const {clock}) (i64.const 1) (i32.const 104))")
}

#[test]
fn the_time_is_told_unless_it_is_denied() {
    let denied = |call: &str| errno_with(call, WapcHostBuilder::no_clock);
    assert_eq!(denied(&time(0)), NOSYS);
    assert_eq!(denied("(call $clock_res_get (i32.const 0) (i32.const 104))"), NOSYS);
    assert_eq!((errno(&time(0)), errno(&time(1))), (0, 0), "the system's, without a setting");
    let told = |clock| leaves(&format!("(drop {})", time(clock)), |builder| builder.clock(Stopped));
    assert_eq!(told(0)[4..12], [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(told(1)[4..12], [9, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(errno_with(&time(2), |builder| builder.clock(Stopped)), INVAL);
    let resolution = "(drop (call $clock_res_get (i32.const 1) (i32.const 104)))";
    assert_eq!(leaves(resolution, |builder| builder.clock(Stopped))[4..12], 1_u64.to_le_bytes());
}

#[test]
fn the_systems_clock_goes_on() {
    let clock = SystemGuestClock::new();
    assert!(clock.realtime() > 1_700_000_000_000_000_000, "it is later than 2023");
    let first = clock.monotonic();
    assert!(clock.monotonic() >= first);
}

const RANDOM: &str = "(call $random_get (i32.const 104) (i32.const 4))";

#[test]
fn random_bytes_are_given_unless_they_are_denied() {
    assert_eq!(errno_with(RANDOM, WapcHostBuilder::no_random), NOSYS);
    assert_eq!(errno(RANDOM), 0, "the system's, without a setting");
    let sevens = |builder: WapcHostBuilder| {
        builder.random(|bytes| {
            bytes.fill(7);
            Ok(())
        })
    };
    assert_eq!(leaves(&format!("(drop {RANDOM})"), sevens)[4..9], [7, 7, 7, 7, 255]);
    assert_eq!(errno_with("(call $random_get (i32.const 104) (i32.const 0x100001))", sevens), INVAL);
    assert_eq!(errno_with(RANDOM, |builder| builder.random(|_| Err("the well is dry".into()))), IO);
}

#[test]
fn bad_addresses_break_the_protocol() {
    let all = |builder: WapcHostBuilder| builder.clock(Stopped).random(|_| Ok(()));
    for (import, call) in [
        ("fd_write", "(call $fd_write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0))"),
        ("fd_write", "(call $fd_write (i32.const 1) (i32.const 4) (i32.const 1) (i32.const 0))"),
        ("fd_write", "(call $fd_write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const -1))"),
        ("fd_read", "(call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 196606))"),
        ("fd_fdstat_get", "(call $fd_fdstat_get (i32.const 1) (i32.const 196600))"),
        ("args_sizes_get", "(call $args_sizes_get (i32.const 0) (i32.const -1))"),
        ("environ_sizes_get", "(call $environ_sizes_get (i32.const -1) (i32.const 0))"),
        ("clock_time_get", "(call $clock_time_get (i32.const 0) (i64.const 0) (i32.const -1))"),
        ("clock_res_get", "(call $clock_res_get (i32.const 0) (i32.const -1))"),
        ("random_get", "(call $random_get (i32.const -1) (i32.const 2))"),
    ] {
        let host =
            all(builder(&format!("(drop {call}) (i32.const 1)"), &Recorder::default())).build().unwrap();
        let error = host.call("", b"").unwrap_err();
        assert!(
            matches!(error, Error::Protocol { violation: Violation::Memory { import: i, .. }, .. } if i == import),
            "{call}: {error}"
        );
        assert_eq!(host.pool_stats().discarded, 1);
    }
}

fn starts(start: &str) -> Result<WapcHost, Error> {
    let items = format!(r#"(global $started (mut i32) (i32.const 0)) (func (export "_start") {start})"#);
    WapcHost::new(&module(&guest(&items, "(global.get $started)")), Recorder::default())
}

#[test]
fn a_start_function_may_exit_in_peace() {
    let host =
        starts("(global.set $started (i32.const 1)) (call $proc_exit (i32.const 0)) unreachable").unwrap();
    assert_eq!(host.call("", b"").unwrap(), b"");
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.discarded), (1, 0), "the instance goes on");
}

#[test]
fn a_start_function_that_exits_with_another_code_has_failed() {
    let error = starts("(call $proc_exit (i32.const 3))").unwrap_err();
    assert!(
        matches!(&error, Error::Exited { operation, source: Exit { code: 3 }, .. } if operation == "_start"),
        "{error}"
    );
}

#[test]
fn an_exit_is_no_answer_to_a_call() {
    for code in [0, 1] {
        let body = format!("(call $proc_exit (i32.const {code})) (i32.const 1)");
        let host = builder(&body, &Recorder::default()).build().unwrap();
        let error = host.call("leave", b"").unwrap_err();
        assert!(
            matches!(&error, Error::Exited { operation, source, .. } if operation == "leave" && source.code == code),
            "{error}"
        );
        assert_eq!(host.pool_stats().discarded, 1);
    }
    let body = "(call $error (i32.const 11) (i32.const 10)) (call $proc_exit (i32.const 1)) (i32.const 0)";
    let error = builder(body, &Recorder::default()).build().unwrap().call("leave", b"").unwrap_err();
    assert!(matches!(&error, Error::Guest { text, trap: Some(_), .. } if text == "last words"), "{error}");
    assert!(error.to_string().contains("exited with code 1"), "{error}");
}

#[test]
fn a_panic_while_the_last_line_is_logged_ends_that_call_alone() {
    struct Printer;
    impl HostHandler for Printer {
        fn host_call(&self, _: &HostCall<'_>, _: &mut Reply) -> Result<(), HostCallError> {
            Ok(())
        }

        fn console_log(&self, text: &str) {
            panic!("out of paper at {text}");
        }
    }
    let body = format!("(if (local.get 1) (then {})) (i32.const 1)", write(1, 0, 2));
    let host = WapcHost::new(&module(&guest("", &body)), Printer).unwrap();
    let error = host.call("print", b"something").unwrap_err();
    assert!(
        matches!(&error, Error::HandlerPanicked { message, .. } if message == "out of paper at on"),
        "{error}"
    );
    assert_eq!(host.call("rest", b"").unwrap(), b"");
}

#[test]
fn the_older_name_is_known_as_well() {
    let imports = IMPORTS.replace("WASI", "wasi_unstable");
    let text = format!(
        r#"(module {imports} (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#
    );
    WapcHost::new(&module(&text), Recorder::default()).unwrap().call("", b"").unwrap();
}
