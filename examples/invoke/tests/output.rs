//! What the example prints.

use std::process::Command;

#[test]
fn two_and_two_is_four() {
    let output = Command::new(env!("CARGO_BIN_EXE_invoke")).output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "exports add: function (i32, i32) -> (i32)\nadd(2, 2) = 4\n"
    );
}

#[test]
fn a_wrong_call_is_a_clear_error() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/add.wat");
    for numbers in [&["2"][..], &["2", "2", "2"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_invoke")).args([file, "add"]).args(numbers).output().unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error, format!("invoke: `add` takes 2 numbers, not {}\n", numbers.len()));
    }
}

#[test]
fn a_module_cannot_write_to_the_terminal() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strange.wat");
    let export = "tea\nFORGED\u{1b}[2J\u{9b}2J\u{202e}\u{61c}";
    let shown = "tea\\nFORGED\\u{1b}[2J\\u{9b}2J\\u{202e}\\u{61c}";
    let run = |numbers: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_invoke")).args([file, export]).args(numbers).output().unwrap()
    };
    let text = String::from_utf8(run(&[]).stdout).unwrap();
    assert_eq!(text, format!("exports {shown}: function () -> (i32)\n{shown}() = 7\n"));
    let error = String::from_utf8(run(&["1"]).stderr).unwrap();
    assert_eq!(error, format!("invoke: `{shown}` takes 0 numbers, not 1\n"));
}
