//! The runner finds what is wrong: hosts and guests that break one rule each.

use std::{rc::Rc, sync::Arc, time::Duration};

use wapc_conformance::{
    Error, GuestCase, HostCase, HostUnderTest, LoadedGuest, Outcome, Verdict, World, guest_cases,
    run_guest_case, run_host_case, run_host_case_within,
};

const CASE: &str = r#"
title = "an echo"
guest = "(module)"
calls = [{ operation = "Hello", payload = "x" }]
console = ["line"]
[[answer]]
operation = "Hello"
reply = "hello"
[[step]]
call = "echo"
payload = "x"
expect = { reply = "x" }
[[step]]
call = "fail"
expect = { error = "as asked" }
"#;

/// A host that needs no module: it does what its guest would.
#[derive(Clone, Copy, PartialEq)]
enum Pretender {
    Right,
    WrongReply,
    WrongError,
    NoError,
    NoHostCall,
    WrongHostCall,
    NoConsole,
    Refuses,
    Panics,
    Hangs,
}

struct Guest(Pretender, Arc<World>);

impl HostUnderTest for Pretender {
    fn name(&self) -> String {
        "pretender".to_owned()
    }

    fn load(&self, wasm: &[u8], world: &Arc<World>) -> Result<Rc<dyn LoadedGuest>, String> {
        assert!(wasm.starts_with(b"\0asm"), "cases come as binary modules");
        match self {
            Self::Refuses => Err("not today".to_owned()),
            _ => Ok(Rc::new(Guest(*self, world.clone()))),
        }
    }
}

impl LoadedGuest for Guest {
    fn call(&self, operation: &str, payload: &[u8]) -> Outcome {
        let Self(how, world) = self;
        if operation == "fail" {
            return match how {
                Pretender::NoError => Outcome::Reply(Vec::new()),
                Pretender::WrongError => Outcome::Error("otherwise".to_owned()),
                _ => Outcome::Error("it failed as asked".to_owned()),
            };
        }
        match how {
            Pretender::Panics => panic!("out of bounds"),
            Pretender::Hangs => loop {
                std::thread::park();
            },
            Pretender::NoHostCall => {}
            Pretender::WrongHostCall => drop(world.host_call("", "", "Hello", b"y")),
            _ => assert_eq!(world.host_call("", "", "Hello", payload), Ok(b"hello".to_vec())),
        }
        if *how != Pretender::NoConsole {
            world.console_log("line");
        }
        Outcome::Reply(if *how == Pretender::WrongReply { b"y".to_vec() } else { payload.to_vec() })
    }
}

#[track_caller]
fn verdict(host: Pretender) -> Verdict {
    let case = HostCase::from_toml("echo", CASE).unwrap();
    run_host_case(&host, &case)
}

#[test]
fn a_host_that_does_all_of_it_passes() {
    assert_eq!(verdict(Pretender::Right), Verdict::Passed);
}

#[test]
fn each_fault_of_a_host_is_found_and_told() {
    for (host, reason) in [
        (Pretender::WrongReply, "call 1: it replied \"y\", not Reply(\"x\")"),
        (Pretender::WrongError, "call 2: it failed with \"otherwise\", not Error(\"as asked\")"),
        (Pretender::NoError, "call 2: it replied \"\", not Error(\"as asked\")"),
        (Pretender::NoHostCall, "the guest's calls arrived as [], not as [Call"),
        (Pretender::WrongHostCall, "payload: \"y\" }], not as [Call"),
        (Pretender::NoConsole, "the console has [], not [\"line\"]"),
        (Pretender::Refuses, "the module was refused: not today"),
        (Pretender::Panics, "panicked: out of bounds"),
    ] {
        let verdict = verdict(host);
        assert!(!verdict.passes() && verdict.to_string().contains(reason), "{verdict}, not {reason}");
    }
}

#[test]
fn a_host_that_does_not_come_back_hangs() {
    let case = HostCase::from_toml("echo", CASE).unwrap();
    let verdict = run_host_case_within(Duration::from_millis(50), &Pretender::Hangs, &case);
    assert_eq!(verdict, Verdict::Hung);
}

/// A guest whose `__guest_call` does as `body` says; `$op` is the operation's length.
fn guest(body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
        (import "wapc" "__guest_request" (func $request (param i32 i32)))
        (import "wapc" "__guest_response" (func $response (param i32 i32)))
        (import "wapc" "__guest_error" (func $error (param i32 i32)))
        (import "wapc" "__host_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 40) (data (i32.const 0) "defaultexample:echoCallbackerror")
        (func $reply (param $len i32) (call $response (i32.const 131072) (local.get $len)))
        (func (export "__guest_call") (param $op i32) (param $len i32) (result i32)
            (call $request (i32.const 1024) (i32.const 131072))
            {body}))"#
    );
    wat::parse_str(text).unwrap()
}

#[track_caller]
fn case(name: &str) -> GuestCase {
    guest_cases().unwrap().into_iter().find(|case| case.name == name).unwrap()
}

#[test]
fn each_fault_of_a_guest_is_found_and_told() {
    let callback =
        "(call $call (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 12) (i32.const 19) (i32.const 8)
        (i32.const 131072) (local.get $len))";
    for (name, body, reason) in [
        (
            "echo",
            "(call $reply (local.get $len)) (call $reply (local.get $len)) (i32.const 1)",
            "after 2 replies",
        ),
        (
            "echo",
            "(call $reply (local.get $len)) (i32.const 2)",
            "it returned 2 after 1 replies and 0 errors",
        ),
        (
            "echo",
            "(call $reply (local.get $len)) (call $error (i32.const 27) (i32.const 5)) (i32.const 1)",
            "1 errors",
        ),
        ("empty_payload", "(i32.const 1)", "it returned 1 after 0 replies and 0 errors"),
        ("echo", "unreachable", "trapped"),
        ("unknown_operation", "(call $reply (i32.const 0)) (i32.const 1)", "it replied \"\""),
        ("fail", "(call $error (i32.const -1) (i32.const 9)) (i32.const 0)", "outside of the guest's memory"),
        (
            "odd_status",
            &format!("(if {callback} (then (call $reply (i32.const 0)) (return (i32.const 1)))) unreachable"),
            "it replied \"\", not Failure",
        ),
        ("callback", "(call $reply (local.get $len)) (i32.const 1)", "the guest's calls arrived as []"),
        (
            "memory_settles",
            "(drop (memory.grow (i32.const 1))) (call $reply (local.get $len)) (i32.const 1)",
            "its memory grew",
        ),
    ] {
        let verdict = run_guest_case(&guest(body), &case(name));
        assert!(!verdict.passes() && verdict.to_string().contains(reason), "{name}: {verdict}, not {reason}");
    }
    let other =
        wat::parse_str(r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))"#)
            .unwrap();
    let verdict = run_guest_case(&other, &case("imports"));
    assert!(verdict.to_string().contains("it imports `wasi_snapshot_preview1.proc_exit`"), "{verdict}");
    assert!(!run_guest_case(b"not a module", &case("echo")).passes());
}

#[test]
fn a_file_that_is_no_case_is_refused() {
    let error = HostCase::from_toml("typo", "title = \"x\"\nguest = \"(module)\"\nstpe = []").unwrap_err();
    assert!(matches!(&error, Error::Unreadable { name, .. } if name == "typo"), "{error}");
    assert!(error.to_string().contains("stpe"), "{error}");
    let error = HostCase::from_toml("broken", "title = \"x\"\nguest = \"(module\"").unwrap_err();
    assert!(matches!(&error, Error::Guest { name, .. } if name == "broken"), "{error}");
    let many = "title = \"x\"\n[[step]]\ncall = { byte = 1, count = 99999999 }\nexpect = \"failure\"";
    assert!(GuestCase::from_toml("many", many).unwrap_err().to_string().contains("99999999"));
}
