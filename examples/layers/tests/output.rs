//! The example runs as it stands, and its layers do what it says.

use std::process::Command;

#[test]
fn one_layer_rewrites_one_refuses_and_one_times() {
    let output = Command::new(env!("CARGO_BIN_EXE_layers")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#""a cat and a dog" -> "A DOG AND A DOG""#);
    assert!(lines[1].starts_with(r#""secret: a cat" -> Guest, "#), "{text}");
    assert!(lines[1].contains("denied by deny: the payload begins with `secret`"), "{text}");
    assert!(lines[2].starts_with("actor: Forward: 2 calls in "), "{text}");
    assert!(lines[3].starts_with("example:capitals (link `default`): 2 calls in "), "{text}");
    assert_eq!(lines.len(), 4, "{text}");
}
