//! `wascc invoke`.

use crate::support::{Directory, Ran};

const MODULE: &str = r#"(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "several") (param f32) (result f32 f64 i64) (local.get 0) (f64.const -inf) (i64.const -9))
  (func (export "nothing"))
  (func (export "forever") (loop (br 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "trap") unreachable)
  (memory (export "memory") 1))"#;

#[track_caller]
fn invoke(arguments: &[&str]) -> Ran {
    let directory = Directory::new();
    directory.write("add.wat", MODULE);
    directory.run(&[&["invoke", "add.wat"], arguments].concat())
}

#[test]
fn two_and_two_is_four() {
    invoke(&["add", "2", "2"]).succeeded().printed("4\n");
}

#[test]
fn the_binary_format_is_taken_too_and_standard_input() {
    let directory = Directory::new();
    directory.write("add.wasm", wat::parse_str(MODULE).unwrap());
    directory.run(&["invoke", "add.wasm", "add", "2", "2"]).succeeded().printed("4\n");
    directory.run_with_input(&["invoke", "-", "add", "2", "2"], MODULE.as_bytes()).succeeded().printed("4\n");
}

#[test]
fn numbers_may_be_negative_and_hexadecimal() {
    invoke(&["add", "-1", "0xff"]).succeeded().printed("254\n");
    invoke(&["add", "-0xff", "-0x1"]).succeeded().printed("-256\n");
    for (number, read) in
        [("-.5", "-0.5"), ("-1.5e3", "-1500"), ("-inf", "-inf"), ("-5.", "-5"), (".5", "0.5")]
    {
        let told = format!("{read}\n-inf\n-9\n");
        invoke(&["several", number]).succeeded().printed(&told);
        invoke(&["several", "--timeout", "9s", "--", number]).succeeded().printed(&told);
        assert_eq!(invoke(&["several", number, "--json"]).succeeded().json()["results"][2]["value"], "-9");
    }
}

#[test]
fn several_results_are_several_lines() {
    invoke(&["several", "0.1"]).succeeded().printed("0.1\n-inf\n-9\n");
    invoke(&["nothing"]).succeeded().printed("");
}

#[test]
fn json_tells_the_types() {
    invoke(&["add", "2", "2", "--json"])
        .succeeded()
        .printed("{\"results\":[{\"type\":\"i32\",\"value\":4}]}\n");
    invoke(&["several", "0.1", "--json"]).succeeded().printed(
        "{\"results\":[{\"type\":\"f32\",\"value\":0.1},{\"type\":\"f64\",\"value\":\"-inf\"},{\"type\":\"i64\",\"value\":\"-9\"}]}\n",
    );
}

#[test]
fn what_does_not_fit_is_told_with_names_and_numbers() {
    invoke(&["add", "2"]).failed(1, "error: `add` takes 2 arguments (i32, i32) -> (i32), not 1\n");
    invoke(&["add", "2", "x"]).failed(1, "error: argument 2 of `add`: `x` is not a number of type i32\n");
    invoke(&["mul", "2", "2"]).failed(
        1,
        "error: the module has no export `mul`; it has: add, several, nothing, forever, grow, trap\n",
    );
    invoke(&["several", "1e39"])
        .failed(1, "error: argument 1 of `several`: `1e39` is not a number of type f32\n");
    invoke(&["several", "-1e39"])
        .failed(1, "error: argument 1 of `several`: `-1e39` is not a number of type f32\n");
    invoke(&["add", "-0xfffffffff", "1"])
        .failed(1, "error: argument 1 of `add`: `-0xfffffffff` is not a number of type i32\n");
    assert_eq!(invoke(&["several", "-x"]).status, Some(2), "what is no number is an option");
    assert_eq!(invoke(&["memory", "--json"]).error_code(), "export_type");
}

#[test]
fn a_guest_that_runs_for_ever_is_ended() {
    invoke(&["forever", "--timeout", "500ms"])
        .failed(1, "error: `forever` was ended after its 500ms; give it more time or less work\n");
}

#[test]
fn a_guest_gets_no_more_memory_than_it_may_have() {
    invoke(&["grow", "1", "--memory-limit", "128KiB"]).succeeded().printed("1\n");
    invoke(&["grow", "2", "--memory-limit", "128KiB"]).succeeded().printed("-1\n");
    assert_eq!(invoke(&["grow", "1", "--memory-limit", "1KiB", "--json"]).error_code(), "memory_limit");
}

#[test]
fn a_trap_is_an_error() {
    let ran = invoke(&["trap"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.starts_with("error: `trap` trapped: unreachable"), "{}", ran.stderr);
    assert_eq!(invoke(&["trap", "--json"]).error_code(), "trap");
}

#[test]
fn what_is_no_module_is_refused() {
    let directory = Directory::new();
    directory
        .run(&["invoke", "none.wat", "add"])
        .failed(1, "error: cannot read none.wat: No such file or directory (os error 2)\n");
    for bad in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0\xff", b"\xff\xfe", b"(module", b"(modul)"] {
        directory.write("bad", bad);
        assert_eq!(
            directory.run(&["invoke", "bad", "add", "--json"]).error_code(),
            "invalid_module",
            "{bad:?}"
        );
    }
    directory.write("needy.wat", r#"(module (import "env" "help" (func)))"#);
    directory
        .run(&["invoke", "needy.wat", "add"])
        .failed(1, "error: the module imports `env.help` (function () -> ()), which is not offered here\n");
}

#[test]
fn compiled_modules_are_kept_where_the_user_says() {
    let directory = Directory::new();
    directory.write("add.wat", MODULE);
    directory.run(&["invoke", "add.wat", "add", "2", "2"]).succeeded();
    assert_eq!(directory.names(), ["add.wat"], "without being told, nothing is kept");
    for _ in 0..2 {
        directory
            .run(&["invoke", "add.wat", "add", "2", "2", "--cache-dir", "kept"])
            .succeeded()
            .printed("4\n");
    }
    assert_eq!(std::fs::read_dir(directory.path("kept")).unwrap().count(), 1);
    let mut command = directory.command(&["invoke", "add.wat", "add", "2", "2"]);
    assert!(command.env("WASCC_CACHE", "also").output().unwrap().status.success());
    assert_eq!(std::fs::read_dir(directory.path("also")).unwrap().count(), 1);
}
