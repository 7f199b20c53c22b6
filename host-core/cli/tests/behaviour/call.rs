//! `wascc call`.

use crate::support::{Directory, Ran};

const ECHO: &str = include_str!("guests/echo.wat");

#[track_caller]
fn call(arguments: &[&str]) -> Ran {
    let directory = Directory::new();
    directory.write("echo.wat", ECHO);
    directory.write("payload", b"from a file\n");
    directory.run(&[&["call", "echo.wat"], arguments].concat())
}

#[test]
fn the_replys_bytes_come_out_as_they_are() {
    call(&["echo", "--text", "grüße"]).succeeded().printed("grüße");
    call(&["echo"]).succeeded().printed("");
    call(&["echo", "--file", "payload"]).succeeded().printed("from a file\n");
    assert_eq!(call(&["echo", "--hex", "00ff0a"]).succeeded().stdout, [0, 255, 10]);
    assert_eq!(call(&["echo", "--text", "--help"]).succeeded().stdout, b"--help");
}

#[test]
fn a_payload_may_come_from_standard_input() {
    let directory = Directory::new();
    directory.write("echo.wat", ECHO);
    let ran = directory.run_with_input(&["call", "echo.wat", "echo", "--file", "-"], b"\x00piped\xff");
    assert_eq!(ran.succeeded().stdout, b"\x00piped\xff");
}

#[test]
fn the_guests_calls_are_shown_and_get_its_own_bytes_back() {
    let ran = call(&["callback", "--text", "ping"]);
    ran.succeeded().printed("ping");
    assert_eq!(
        ran.stderr,
        "host call: `operation` to `namespace` (binding `binding`) with 4 bytes \"ping\"; answered with 4 bytes \"ping\"\n"
    );
}

#[test]
fn the_guests_calls_get_the_reply_that_was_given() {
    let ran = call(&["callback", "--text", "ping", "--reply-with", "pong!"]);
    assert!(
        ran.succeeded().printed("pong!").stderr.ends_with("answered with 5 bytes \"pong!\"\n"),
        "{}",
        ran.stderr
    );
    let ran = call(&["callback", "--reply-hex", "00ff"]);
    assert_eq!(ran.succeeded().stdout, [0, 255]);
    assert!(ran.stderr.ends_with("with 0 bytes; answered with 2 bytes 00ff\n"), "{}", ran.stderr);
    call(&["callback", "--text", "ping", "--reply-with", ""]).succeeded().printed("");
}

#[test]
fn the_console_is_shown_and_cannot_write_to_the_terminal() {
    let ran = call(&["log", "--text", "tea\u{1b}[2J\nready"]);
    ran.succeeded().printed("");
    assert_eq!(ran.stderr, "console: tea\\u{1b}[2J\\nready\n");
}

#[test]
fn json_has_the_reply_on_one_stream_and_the_events_on_the_other() {
    let ran = call(&["callback", "--text", "ping", "--reply-hex", "ff", "--json"]);
    ran.succeeded().printed("{\"reply\":{\"size\":1,\"hex\":\"ff\",\"text\":null}}\n");
    assert_eq!(
        ran.stderr,
        "{\"host_call\":{\"binding\":\"binding\",\"namespace\":\"namespace\",\"operation\":\"operation\",\
         \"payload\":{\"size\":4,\"hex\":\"70696e67\",\"text\":\"ping\"},\
         \"reply\":{\"size\":1,\"hex\":\"ff\",\"text\":null}}}\n"
    );
    assert_eq!(call(&["log", "--text", "tea\n", "--json"]).succeeded().stderr, "{\"console\":\"tea\\n\"}\n");
}

#[test]
fn an_error_of_the_guest_is_its_text() {
    call(&["fail", "--text", "out of tea\u{1b}[2J"])
        .failed(1, "error: `fail` failed in the guest: out of tea\\u{1b}[2J\n");
    assert_eq!(call(&["fail", "--text", "out of tea", "--json"]).error_code(), "guest");
}

#[test]
fn a_guest_that_never_answers_is_ended() {
    call(&["wait", "--timeout", "500ms"])
        .failed(1, "error: `wait` was ended after its 500ms; give it more time or less work\n");
}

#[test]
fn a_module_that_is_no_guest_is_refused() {
    let directory = Directory::new();
    directory.write("add.wat", r#"(module (func (export "add")))"#);
    directory.run(&["call", "add.wat", "echo"]).failed(
        1,
        "error: the guest cannot be started: the module has no export `__guest_call`; it has: add\n",
    );
    assert_eq!(directory.run(&["call", "add.wat", "echo", "--json"]).error_code(), "missing_export");
}
