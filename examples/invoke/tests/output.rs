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
