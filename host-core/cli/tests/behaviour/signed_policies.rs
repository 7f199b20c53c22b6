//! `wascc policy sign` and `verify`, and a host that takes signed policies only.
#![cfg(unix)]

use serde_json::Value;

use crate::{
    running::Running,
    support::{ACCOUNT, ACCOUNT_SEED, Directory, STRANGER, STRANGER_SEED},
};

fn directory(policy: &str) -> Directory {
    let directory = Directory::new();
    directory.write_seed("owner.nk", ACCOUNT_SEED);
    directory.write_seed("stranger.nk", STRANGER_SEED);
    directory.write("policy.toml", policy);
    directory
}

const LEDGER: &str = "[host]\nrevision_ledger = \"revisions\"";

/// A manifest that wants policies of the account, with or without a ledger.
fn signed_only(directory: &Directory, host: &str) {
    let text = format!("{host}\n[trust]\npolicy = \"policy.toml\"\nsigner = \"{ACCOUNT}\"\n");
    directory.write("host.toml", text);
}

fn sign(directory: &Directory, key: &str, serial: &str) {
    directory.run(&["policy", "sign", "policy.toml", "--key", key, "--serial", serial]).succeeded();
}

#[test]
fn a_policy_is_signed_and_verified() {
    let directory = directory(&format!("accounts = [\"{ACCOUNT}\"]\n"));
    let verify =
        |signer: &str| directory.run(&["--json", "policy", "verify", "policy.toml", "--signer", signer]);
    assert!(verify(ACCOUNT).stderr.contains("policy_not_signed"));
    sign(&directory, "owner.nk", "7");
    let told: Value = serde_json::from_slice(&verify(ACCOUNT).succeeded().stdout).unwrap();
    assert_eq!((&told["serial"], &told["entries"], &told["signer"]), (&7.into(), &1.into(), &ACCOUNT.into()));
    assert!(verify(STRANGER).stderr.contains("policy_signer"));
    let text = String::from_utf8(directory.read("policy.toml")).unwrap();
    directory.write("policy.toml", text.replace("accounts", "# accounts"));
    assert!(verify(ACCOUNT).stderr.contains("policy_altered"));
}

#[test]
fn a_policy_that_says_that_it_is_whole_is_looked_at() {
    let text = format!("accounts = [\"{ACCOUNT}\"]\n[end]\nentries = 1\n");
    let whole = directory(&text);
    let ran = whole.run(&["policy", "verify", "policy.toml"]);
    assert!(ran.succeeded().text().starts_with("policy.toml is whole: 1 entries, SHA-256 "), "{ran:?}");
    let cut = directory(&text.replace("= 1", "= 2"));
    assert!(cut.run(&["policy", "verify", "policy.toml"]).stderr.contains("says 2 entries"));
    let silent = directory(&text[..text.find("[end]").unwrap()]);
    assert!(
        silent.run(&["policy", "verify", "policy.toml"]).stderr.contains("does not say that it is whole")
    );
}

#[test]
fn a_host_takes_policies_of_one_signer_and_no_older_one() {
    let directory = directory(&format!("accounts = [\"{ACCOUNT}\"]\n"));
    signed_only(&directory, "");
    assert_eq!(directory.run(&["run", "host.toml", "--check"]).status, Some(1));
    sign(&directory, "stranger.nk", "1");
    assert!(directory.run(&["run", "host.toml", "--check"]).stderr.contains("only one of"));
    sign(&directory, "owner.nk", "4");
    let old = directory.read("policy.toml");
    directory.run(&["run", "host.toml", "--check"]).succeeded();

    let mut host = Running::start(&directory, &["--json"]);
    host.line();
    sign(&directory, "owner.nk", "5");
    host.send("-HUP");
    assert!(host.line().contains("barred"));
    directory.write("policy.toml", old);
    host.send("-HUP");
    let error = host.told("{\"error\"");
    assert!(error.contains("policy_replayed") && error.contains("policy.toml"), "{error}");
    assert_eq!(host.end("-TERM").0, Some(0));
}

#[test]
fn a_host_says_that_a_policy_does_not_say_that_it_is_whole() {
    let directory = directory(&format!("accounts = [\"{ACCOUNT}\"]\n"));
    directory.write("host.toml", "[trust]\npolicy = \"policy.toml\"\n");
    let ran = directory.run(&["run", "host.toml", "--check"]);
    assert!(ran.succeeded().stderr.contains("entries = 1"), "{ran:?}");
    sign(&directory, "owner.nk", "1");
    signed_only(&directory, LEDGER);
    assert_eq!(directory.run(&["run", "host.toml", "--check"]).succeeded().stderr, "");
}

#[test]
fn a_restarted_host_takes_no_older_policy() {
    let text = format!("accounts = [\"{ACCOUNT}\"]\n");
    let directory = directory(&text);
    signed_only(&directory, LEDGER);
    let check = || directory.run(&["--json", "run", "host.toml", "--check"]);
    sign(&directory, "owner.nk", "4");
    let fourth = directory.read("policy.toml");
    sign(&directory, "owner.nk", "5");
    check().succeeded();
    directory.write("policy.toml", &fourth);
    check().succeeded();
    assert!(!directory.path("revisions").exists(), "who only checks remembers nothing");

    let ended = |mut host: Running| {
        host.line();
        assert_eq!(host.end("-TERM").0, Some(0));
    };
    ended(Running::start(&directory, &[]));
    // The fifth is taken while the host runs, and it stays the newest in the next run.
    let mut host = Running::start(&directory, &[]);
    host.line();
    sign(&directory, "owner.nk", "5");
    let fifth = directory.read("policy.toml");
    host.send("-HUP");
    ended(host);
    directory.write("policy.toml", &text);
    sign(&directory, "owner.nk", "3");
    let third = directory.read("policy.toml");
    directory.write("policy.toml", format!("{text}clock_skew_seconds = 5\n"));
    sign(&directory, "owner.nk", "5");
    let another_fifth = directory.read("policy.toml");
    for older in [third, fourth, another_fifth] {
        directory.write("policy.toml", older);
        for command in [&["--json", "run", "host.toml", "--check"][..], &["--json", "run", "host.toml"]] {
            let refused = directory.run(command);
            assert_eq!(refused.status, Some(1), "{refused:?}");
            assert!(refused.stderr.contains("policy_replayed"), "{refused:?}");
        }
    }
    directory.write("policy.toml", fifth);
    ended(Running::start(&directory, &[]));
}

#[test]
fn a_host_without_a_ledger_says_that_it_forgets_which_policy_was_the_newest() {
    let directory = directory(&format!("accounts = [\"{ACCOUNT}\"]\n"));
    sign(&directory, "owner.nk", "1");
    signed_only(&directory, "");
    let ran = directory.run(&["run", "host.toml", "--check"]);
    let told = &ran.succeeded().stderr;
    assert!(told.contains("after a restart an older policy") && told.contains("revision_ledger"), "{told}");
}

#[test]
fn a_policy_that_can_be_neither_recorded_nor_remembered_is_told_twice() {
    let directory = directory(&format!("accounts = [\"{ACCOUNT}\"]\n"));
    signed_only(&directory, &format!("{LEDGER}\n[audit]\nfile = \"audit.log\""));
    sign(&directory, "owner.nk", "1");
    let mut host = Running::start(&directory, &["--json"]);
    host.line();
    for file in ["audit.log", "revisions"] {
        std::fs::remove_file(directory.path(file)).unwrap();
    }
    directory.write("policy.toml", "accounts = []\n");
    sign(&directory, "owner.nk", "2");
    host.send("-HUP");
    let told = [(); 2].map(|()| host.told("{\"error\""));
    assert!(told[0].contains("ledger_open") && told[0].contains("removed or renamed"), "{told:?}");
    assert!(told[1].contains("policy") && told[1].contains("audit"), "{told:?}");
    assert_eq!(host.end("-TERM").0, Some(0));
}
