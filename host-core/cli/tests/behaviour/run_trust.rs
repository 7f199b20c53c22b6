//! `wascc run` with a policy of its own, with chains beside modules, and with an audit log.
#![cfg(unix)]

use std::process::Command;

use capability_claims::{AccountBuilder, KeyPair};
use serde_json::Value;

use crate::{
    running::{Running, get},
    support::{ACCOUNT, Directory, MODULE, OPERATOR, OPERATOR_SEED, claims, signed},
};

const COUNTER: &str = include_str!("guests/counter.wat");

/// A counter behind HTTP; `head` is what the manifest says beside actor, providers and links, `actor` what it says of the actor.
fn directory(head: &str, actor: &str) -> Directory {
    let directory = Directory::new();
    let claims =
        claims().capability("wascc:http_server").capability("wascc:keyvalue").version("1.0.0").revision(1);
    directory.write("counter.wasm", signed(&wat::parse_str(COUNTER).unwrap(), &claims));
    directory.write(
        "host.toml",
        format!(
            r#"
            {head}
            [[actor]]
            file = "counter.wasm"
            name = "counter"
            {actor}
            [[provider]]
            kind = "http-server"
            [[provider]]
            kind = "keyvalue-memory"
            [[link]]
            actor = "counter"
            capability = "wascc:http_server"
            config = {{ port = 0 }}
            [[link]]
            actor = "counter"
            capability = "wascc:keyvalue"
            "#
        ),
    );
    directory
}

fn url(ready: &str) -> String {
    let ready: Value = serde_json::from_str(ready).unwrap();
    ready["listening"][0]["url"].as_str().unwrap().to_owned()
}

#[track_caller]
fn answers(url: &str, status: &str) {
    let (line, body) = get(url, "/");
    assert!(line.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {}", String::from_utf8_lossy(&body));
}

/// The events in the log, which must be whole.
#[track_caller]
fn events(directory: &Directory) -> Vec<String> {
    directory.run(&["audit", "verify", "audit.log"]).succeeded();
    let log = String::from_utf8(directory.read("audit.log")).unwrap();
    let event = |line| serde_json::from_str::<Value>(line).unwrap()["event"].as_str().unwrap().to_owned();
    log.lines().map(event).collect()
}

#[test]
fn another_policy_holds_from_sighup_on() {
    let directory = directory("[trust]\npolicy = \"policy.toml\"\n[audit]\nfile = \"audit.log\"", "");
    let good = format!("accounts = [\"{ACCOUNT}\"]\n");
    let bad = format!("{good}[actors]\ndenied = [\"{MODULE}\"]\n");
    directory.write("policy.toml", &good);
    let mut host = Running::start(&directory, &["--json"]);
    let ready = host.line();
    assert_eq!(serde_json::from_str::<Value>(&ready).unwrap()["policy"], "policy.toml");
    let url = url(&ready);
    answers(&url, "200");

    directory.write("policy.toml", &bad);
    host.send("-HUP");
    let told: Value = serde_json::from_str(&host.line()).unwrap();
    assert_eq!((&told["policy"], &told["barred"][0]["id"]), (&"policy.toml".into(), &MODULE.into()));
    assert!(
        told["barred"][0]["reason"].as_str().unwrap().contains("the policy denies \"counter\""),
        "{told}"
    );
    answers(&url, "5");

    // What cannot be read changes nothing.
    directory.write("policy.toml", "accounts = [7]\n");
    host.send("-HUP");
    let error = host.told("{\"error\"");
    assert!(
        error.contains("\"malformed_policy\"") && error.contains("policy.toml") && error.contains("line 1"),
        "{error}"
    );
    answers(&url, "5");

    directory.write("policy.toml", &good);
    host.send("-HUP");
    let told: Value = serde_json::from_str(&host.line()).unwrap();
    assert_eq!((&told["barred"], &told["restored"][0]), (&Value::Array(Vec::new()), &MODULE.into()));
    answers(&url, "200");
    assert_eq!(host.end("-TERM").0, Some(0));

    let events = events(&directory);
    for event in [
        "host_started",
        "actor_loaded",
        "grant_used",
        "policy_replaced",
        "policy_unreadable",
        "actor_barred",
        "actor_restored",
    ] {
        assert!(events.iter().any(|told| told == event), "{event} is not in {events:?}");
    }
    assert_eq!(events.last().unwrap(), "host_stopped");
}

#[test]
fn people_are_told_of_another_policy_too() {
    let directory = directory("[trust]\npolicy = \"policy.toml\"", "");
    directory.write("policy.toml", format!("accounts = [\"{ACCOUNT}\"]\n"));
    let mut host = Running::start(&directory, &[]);
    while host.line() != "SIGHUP reads policy.toml and the modules again" {}
    assert_eq!(host.line(), "SIGINT (Ctrl-C) or SIGTERM ends it");
    directory.write("policy.toml", format!("operators = [\"{OPERATOR}\"]\n"));
    host.send("-HUP");
    assert_eq!(host.line(), "policy.toml holds now");
    let barred = host.line();
    assert!(
        barred.starts_with("the actor may not be called any more: nobody here trusts")
            && barred.matches(MODULE).count() == 1,
        "{barred}"
    );
    assert_eq!(host.end("-INT").0, Some(0));
}

#[test]
fn without_a_policy_of_its_own_sighup_ends_it() {
    let directory = directory(&format!("[trust]\naccounts = [\"{ACCOUNT}\"]"), "");
    let mut host = Running::start(&directory, &["--json"]);
    host.line();
    assert_eq!(host.end("-HUP").0, Some(0));
}

#[test]
fn an_audit_log_is_continued_by_the_next_run() {
    let head = format!("[trust]\naccounts = [\"{ACCOUNT}\"]\n[audit]\nfile = \"audit.log\"");
    let directory = directory(&head, "");
    for runs in 1..3 {
        let mut host = Running::start(&directory, &["--json"]);
        answers(&url(&host.line()), "200");
        // A check leaves the log alone, which belongs to the host that runs.
        directory.run(&["run", "host.toml", "--check"]).succeeded();
        let other = directory.run(&["run", "host.toml", "--json"]);
        assert_eq!(other.error_code(), "audit_in_use");
        assert_eq!(host.end("-TERM").0, Some(0));
        let events = events(&directory);
        assert_eq!(events.iter().filter(|event| *event == "host_started").count(), runs);
        assert_eq!(events.iter().filter(|event| *event == "actor_loaded").count(), runs);
        assert_eq!(events.iter().filter(|event| *event == "grant_used").count(), runs * 2);
    }
}

#[test]
fn a_refused_module_is_in_the_log() {
    let directory = directory("[trust]\npolicy = \"policy.toml\"\n[audit]\nfile = \"audit.log\"", "");
    directory.write(
        "policy.toml",
        format!("accounts = [\"{ACCOUNT}\"]\n[actors]\nallowed = []\n[end]\nentries = 2\n"),
    );
    assert_eq!(directory.run(&["run", "host.toml", "--json"]).error_code(), "actor_not_allowed");
    assert!(events(&directory).contains(&"actor_refused".to_owned()));
}

#[test]
fn a_broken_log_is_not_continued() {
    let head = format!("[trust]\naccounts = [\"{ACCOUNT}\"]\n[audit]\nfile = \"audit.log\"");
    let directory = directory(&head, "");
    directory.write_seed("audit.log", "this is no record");
    directory.run(&["run", "host.toml"]).failed(
        1,
        "error: host.toml:5:8: audit.file: the audit log audit.log is not continued: line 1 is no record: it does not end with a \
         hash; it was changed or put in, or this is not an audit log; keep it as evidence and name another file\n",
    );
    assert_eq!(directory.run(&["run", "host.toml", "--json"]).error_code(), "audit_malformed");
}

/// The host where no file may grow, which is what a full disk looks like.
fn on_a_full_disk(directory: &Directory) -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 0; exec \"$0\" run host.toml --json",
            env!("CARGO_BIN_EXE_wascc"),
        ])
        .current_dir(directory.path(""))
        .env_remove("WASCC_CACHE");
    command
}

#[test]
fn what_cannot_be_recorded_does_not_happen_unless_the_owner_wants_that() {
    let head = format!("[trust]\naccounts = [\"{ACCOUNT}\"]\n[audit]\nfile = \"audit.log\"");
    let refusing = directory(&head, "");
    let ran = on_a_full_disk(&refusing).output().unwrap();
    let told = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert!(told.contains("\"code\":\"audit_write\"") && told.contains("audit.log"), "{told}");

    let going_on = directory(&format!("{head}\non_failure = \"continue\""), "");
    let mut host = Running::of(on_a_full_disk(&going_on));
    answers(&url(&host.line()), "200");
    let (status, log) = host.end("-TERM");
    assert_eq!(status, Some(0));
    assert!(log.contains("cannot write to the audit log audit.log: "), "{log}");
    assert_eq!(going_on.read("audit.log"), b"");
}

#[test]
fn an_operators_word_can_stand_beside_the_module() {
    let operator = KeyPair::from_seed(OPERATOR_SEED).unwrap();
    let token = AccountBuilder::new(ACCOUNT.parse().unwrap()).issue(&operator).unwrap();
    let trust = format!("[trust]\noperators = [\"{OPERATOR}\"]");
    for chain in [&token, "team.jwt"] {
        let directory = directory(&trust, &format!("chain = [\"{chain}\"]"));
        directory.write("team.jwt", format!("{token}\n"));
        directory.run(&["run", "host.toml", "--check"]).succeeded();
    }
    let without = directory(&trust, "");
    assert_eq!(without.run(&["run", "host.toml", "--json"]).error_code(), "not_trusted");
    let wrong = directory(&trust, "chain = [\"none.jwt\"]");
    wrong.run(&["run", "host.toml"]).failed(
        1,
        "error: host.toml:7:22: actor[0].chain[0]: cannot read none.jwt: No such file or directory (os error 2)\n",
    );
}
