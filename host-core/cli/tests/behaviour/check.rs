//! `wascc run --check` finds out whether a host would start, and runs nothing of its modules unless it is asked to.

use crate::support::{ACCOUNT, Directory, MODULE, claims, signed};

/// A guest with more of its own.
fn guest(more: &str) -> String {
    format!(
        r#"(module
          (import "wapc" "__console_log" (func $console_log (param i32 i32)))
          (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "it has started wascc:keyvalue Get")
          (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1))
          {more})"#
    )
}

fn directory(module: &str) -> Directory {
    let directory = Directory::new();
    let module = wat::parse_str(module).unwrap();
    directory.write("actor.wasm", signed(&module, &claims().capability("wascc:keyvalue")));
    directory.write(
        "host.toml",
        format!("[trust]\naccounts = [\"{ACCOUNT}\"]\n[host]\nmemory_limit = \"1MiB\"\n[[actor]]\nfile = \"actor.wasm\"\n"),
    );
    directory
}

const CHECK: [&str; 4] = ["run", "host.toml", "--check", "--json"];
const STARTS: [&str; 5] = ["run", "host.toml", "--check", "--start", "--json"];

#[test]
fn nothing_of_a_module_runs_unless_it_is_asked_for() {
    let calls = "(call $host_call (i32.const 0) (i32.const 0) (i32.const 15) (i32.const 14) (i32.const 30) (i32.const 3) \
                 (i32.const 0) (i32.const 0))";
    for (more, code) in [
        ("(func $f unreachable) (start $f)".to_owned(), Some("trap")),
        ("(func (export \"wapc_init\") unreachable)".to_owned(), Some("trap")),
        ("(func (export \"_start\") unreachable)".to_owned(), Some("trap")),
        // A host call is refused while it starts.
        (
            format!("(func (export \"wapc_init\") (if (i32.eqz {calls}) (then unreachable)))"),
            Some("not_admitted"),
        ),
        (format!("(func (export \"wapc_init\") (drop {calls}))"), None),
        ("(memory 1)".replace("(memory 1)", "(func $f (drop (memory.grow (i32.const 1)))) (start $f)"), None),
    ] {
        let directory = directory(&guest(&more));
        let checked = directory.run(&CHECK);
        assert_eq!(checked.succeeded().json()["actors"][0]["id"], MODULE);
        let started = directory.run(&STARTS);
        match code {
            Some(code) => assert_eq!(started.error_code(), code, "{more}"),
            None => assert_eq!(started.succeeded().stdout, checked.stdout, "{more}"),
        }
    }
}

#[test]
fn what_a_module_prints_when_it_starts_is_not_there_when_it_does_not() {
    let directory =
        directory(&guest("(func $f (call $console_log (i32.const 0) (i32.const 14))) (start $f)"));
    for (arguments, prints) in [(&CHECK[..], false), (&STARTS, true)] {
        let mut command = directory.command(arguments);
        let ran = command.env("RUST_LOG", "info").output().unwrap();
        let log = String::from_utf8(ran.stderr).unwrap();
        assert!(ran.status.success(), "{log}");
        assert_eq!(log.contains("it has started"), prints, "{log}");
    }
}

/// Were it started, this test would not end before the deadline of a call, which is set to an hour here.
#[test]
fn a_module_that_never_comes_back_is_checked() {
    let directory = directory(&guest("(func $f (loop (br 0))) (start $f)"));
    let manifest = String::from_utf8(directory.read("host.toml")).unwrap();
    directory.write("host.toml", manifest.replace("[host]\n", "[host]\ncall_deadline = \"1h\"\n"));
    directory.run(&CHECK).succeeded();
}

#[test]
fn what_can_be_told_without_a_start_is_told() {
    let call = "(func (export \"__guest_call\") (param i32 i32) (result i32) (i32.const 1))";
    for (module, code) in [
        ("(module)".to_owned(), "missing_export"),
        (format!("(module (import \"env\" \"more\" (func)) {call})"), "missing_import"),
        (format!("(module (memory (export \"memory\") 17) {call})"), "memory_limit"),
        ("(module (func (export \"__guest_call\")))".to_owned(), "export_type"),
    ] {
        let directory = directory(&module);
        for arguments in [&CHECK[..], &STARTS] {
            assert_eq!(directory.run(arguments).error_code(), code, "{module}");
        }
    }
    let directory = directory(&guest(""));
    directory.run(&CHECK).succeeded();
    let manifest = String::from_utf8(directory.read("host.toml")).unwrap();
    directory.write("host.toml", format!("{manifest}[[actor]]\nfile = \"actor.wasm\"\n"));
    for arguments in [&CHECK[..], &STARTS] {
        let ran = directory.run(arguments);
        assert_eq!(ran.error_code(), "actor_exists");
        assert!(
            ran.error()["message"].as_str().unwrap().starts_with("host.toml:8:8: actor[1].file"),
            "{ran:?}"
        );
    }
    let alone = directory.run(&["run", "host.toml", "--start"]);
    assert_eq!(alone.status, Some(2), "it serves when it starts: {alone:?}");
}

/// A guest on Rust's standard library for WASI, which makes a `HashMap` when it starts.
#[test]
fn a_guest_with_a_whole_standard_library_starts_unless_random_numbers_are_denied() {
    let directory = directory("(module)");
    let module = include_bytes!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/guests/sdk/modules/rust-wasi.wasm"
    ));
    directory.write("actor.wasm", signed(module, &claims()));
    let manifest = String::from_utf8(directory.read("host.toml")).unwrap();
    let wider = manifest.replace("memory_limit = \"1MiB\"", "memory_limit = \"4MiB\"");
    for (settings, own, starts) in [
        ("", "", true),
        ("guest_random = true\nguest_clock = true", "", true),
        ("guest_clock = false", "", true),
        ("guest_random = false", "", false),
        // What is said for the actor wins.
        ("guest_random = false", "guest_random = true", true),
        ("guest_random = true", "guest_random = false", false),
        ("", "guest_random = false", false),
        ("", "guest_clock = false", true),
    ] {
        let settled = wider.replace("[host]\n", &format!("[host]\n{settings}\n"));
        directory.write("host.toml", format!("{settled}{own}\n"));
        directory.run(&CHECK).succeeded();
        let started = directory.command(&STARTS).output().unwrap();
        let told = String::from_utf8(started.stderr).unwrap();
        assert_eq!(started.status.success(), starts, "{settings}, {own}: {told}");
        assert_eq!(told.contains(r#""code":"trap""#), !starts, "{settings}, {own}: {told}");
    }
}
