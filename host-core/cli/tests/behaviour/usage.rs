//! Wrong command lines, and those that ask for help.

use crate::support::Directory;

#[test]
fn a_wrong_command_line_ends_with_2() {
    let directory = Directory::new();
    for wrong in [
        &["invoke"][..],
        &["fly"],
        &["call", "m", "op", "--hex", "0"],
        &["call", "m", "op", "--text", "a", "--hex", "00"],
    ] {
        let ran = directory.run(wrong);
        assert_eq!((ran.status, ran.stdout.len()), (Some(2), 0), "{ran:?}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}

#[test]
fn with_json_it_is_told_in_json() {
    let ran = Directory::new().run(&["keys", "generate", "curve", "--json"]);
    assert_eq!((ran.status, ran.stdout.len()), (Some(2), 0));
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["error"]["code"], "usage");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("invalid value 'curve'") && message.contains("account, module, operator"),
        "{message}"
    );
}

#[test]
fn help_and_version_are_no_errors() {
    let directory = Directory::new();
    let commands = ["invoke", "call", "keys", "sign", "inspect", "verify", "chain", "policy", "audit", "run"];
    let help = directory.run(&["--help"]);
    let listed = |name: &&str| help.succeeded().text().contains(&format!("\n  {name} "));
    assert!(commands.iter().all(listed), "{}", help.text());
    for command in commands {
        let help = directory.run(&[command, "--help"]);
        assert!(help.succeeded().text().contains("--json"), "{}", help.text());
    }
    let version = directory.run(&["--version"]);
    version.succeeded().printed(&format!("wascc {}\n", env!("CARGO_PKG_VERSION")));
}
