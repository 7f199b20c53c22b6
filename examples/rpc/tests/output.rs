//! What the example prints: both directions of the conversation.

use std::{env, path::Path, process::Command};

#[test]
fn both_directions_are_shown() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpc"));
    // The guest that was just built from source, where there is one.
    if let Some(modules) = env::var_os("GUEST_MODULES") {
        command.arg(Path::new(&modules).join("echo.wasm"));
    }
    let output = command.output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0..2], [r#"host -> guest    echo("hello")"#, r#"host <- guest    "hello""#], "{text}");
    assert!(lines[3].starts_with("  guest -> host  ") && lines[3].ends_with(r#"("hello")"#), "{text}");
    assert_eq!(lines[5], r#"host <- guest    "HELLO""#, "{text}");
    assert!(text.contains(r#"guest says     "hello""#), "{text}");
    assert!(lines.last().unwrap().contains("error: `fail` failed in the guest"), "{text}");
}

#[test]
fn a_guest_cannot_write_to_the_terminal() {
    let guest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/strange.wat");
    let output = Command::new(env!("CARGO_BIN_EXE_rpc")).arg(guest).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let name = "tea\\nFORGED\\u{1b}[2J\\u{9b}2J\\u{202e}\\u{61c}";
    let called = format!("  guest -> host  {name}/{name}/{name}(\"{name}\")");
    assert!(text.lines().any(|line| line == called), "{text}");
    let harmful = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{61c}');
    assert!(!text.contains(harmful), "{text:?}");
}
