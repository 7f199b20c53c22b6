//! `wascc audit show`.

use std::time::{SystemTime, UNIX_EPOCH};

use host_audit::{AuditLog, Authority, Event, OnFailure, Token};
use serde_json::Value;

use crate::support::{ACCOUNT, Directory, MODULE, OPERATOR, STRANGER};

const HASH: &str = "6DCA430C153E14691EA7FCE11A726027342A45789B77425CA403BF760B0C9F33";

/// Another actor's key.
const OTHER: &str = "MBEB5XTXFWQVPBOJ4WNAQYQBXDB7TQYHCKPD7RWX6NFKJX7NLAKOL3FC";

/// The second of the first record; each other one comes a minute after the one before.
const START: u64 = 1_800_000_000;

fn token<'a>(name: &'a str, issuer: &'a str) -> Token<'a> {
    Token { id: "token-1", issuer, name: Some(name), revision: Some(1), version: None, module_hash: HASH }
}

/// The log that all of this is about.
fn directory() -> Directory {
    let directory = Directory::new();
    let log = AuditLog::open(directory.path("audit.log"), OnFailure::Refuse).unwrap();
    let authority =
        [Authority { key: OPERATOR, token: None }, Authority { key: ACCOUNT, token: Some("word-1") }];
    let grants = ["wascc:keyvalue".to_owned(), "wascc:logging".to_owned()];
    let events = [
        Event::HostStarted { version: "0.1.0" },
        Event::ActorLoaded {
            actor: MODULE,
            token: token("counter", ACCOUNT),
            authority: &authority,
            grants: &grants,
            forced: false,
            handover: None,
            settings: &[],
        },
        Event::ActorRefused {
            actor: Some(OTHER),
            name: Some("counter\n8  \u{1b}[2J\u{202e}"),
            reason: "it is not signed",
        },
        Event::GrantUsed {
            actor: MODULE,
            capability: "wascc:keyvalue",
            link: Some("default"),
            operation: "Get",
        },
        Event::GrantUsed { actor: OTHER, capability: MODULE, link: None, operation: "Add" },
        Event::ActorSwapped {
            actor: MODULE,
            old: token("counter", ACCOUNT),
            new: token("renewed", STRANGER),
            authority: &authority[..1],
            gained: &[],
            lost: &grants,
            forced: true,
            handover: Some("named"),
        },
        Event::HostStopped,
    ];
    for (minute, event) in (0..).zip(&events) {
        log.record(START + 60 * minute, event).unwrap();
    }
    directory
}

/// The numbers of the records that are shown.
#[track_caller]
fn shown(filters: &[&str]) -> Vec<u64> {
    let ran = directory().run(&[&["audit", "show", "audit.log", "--json"], filters].concat());
    let number = |line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
    let numbers: Vec<_> = ran.succeeded().text().lines().map(number).collect();
    let end: Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!((&end["shown"], &end["records"]), (&numbers.len().into(), &7.into()), "{end}");
    numbers
}

#[test]
fn people_read_what_happened() {
    let directory = directory();
    let ran = directory.run(&["audit", "show", "audit.log"]);
    ran.succeeded().printed(&format!(
        "\
1  2027-01-15T08:00:00Z  host_started
  version               0.1.0
2  2027-01-15T08:01:00Z  actor_loaded
  actor                 {MODULE}
  token.id              token-1
  token.issuer          {ACCOUNT}
  token.name            counter
  token.revision        1
  token.module_hash     {HASH}
  authority.key         {OPERATOR}
  authority.key         {ACCOUNT}
  authority.token       word-1
  grants                wascc:keyvalue
                        wascc:logging
  forced                no
3  2027-01-15T08:02:00Z  actor_refused
  actor                 {OTHER}
  name                  counter\\n8  \\u{{1b}}[2J\\u{{202e}}
  reason                it is not signed
4  2027-01-15T08:03:00Z  grant_used
  actor                 {MODULE}
  capability            wascc:keyvalue
  link                  default
  operation             Get
5  2027-01-15T08:04:00Z  grant_used
  actor                 {OTHER}
  capability            {MODULE}
  operation             Add
6  2027-01-15T08:05:00Z  actor_swapped
  actor                 {MODULE}
  old.id                token-1
  old.issuer            {ACCOUNT}
  old.name              counter
  old.revision          1
  old.module_hash       {HASH}
  new.id                token-1
  new.issuer            {STRANGER}
  new.name              renewed
  new.revision          1
  new.module_hash       {HASH}
  authority.key         {OPERATOR}
  gained                none
  lost                  wascc:keyvalue
                        wascc:logging
  forced                yes
  handover              named
7  2027-01-15T08:06:00Z  host_stopped
"
    ));
    assert!(ran.stderr.starts_with("7 of 7 records; audit.log is whole, head "), "{}", ran.stderr);
    let piped = directory.run_with_input(&["audit", "show", "-"], &directory.read("audit.log"));
    piped.succeeded().printed(ran.text());
}

#[test]
fn programs_read_the_records_as_they_are() {
    let directory = directory();
    let ran = directory.run(&["audit", "show", "audit.log", "--json"]);
    assert_eq!(ran.succeeded().stdout, directory.read("audit.log"));
}

#[test]
fn filters_let_through_what_they_name() {
    for (filters, numbers) in [
        (&[][..], &[1, 2, 3, 4, 5, 6, 7][..]),
        (&["--kind", "grant_used"], &[4, 5]),
        (&["--kind", "grant_used", "--kind", "host_stopped"], &[4, 5, 7]),
        (&["--kind", "of_a_later_version"], &[]),
        (&["--actor", MODULE], &[2, 4, 5, 6]),
        (&["--actor", OTHER], &[3, 5]),
        (&["--actor", OTHER, "--actor", MODULE], &[2, 3, 4, 5, 6]),
        (&["--module", "renewed"], &[6]),
        (&["--module", "counter"], &[2, 6]),
        (&["--module", "count"], &[]),
        (&["--module", HASH], &[2, 6]),
        (&["--module", &HASH.to_lowercase()], &[2, 6]),
        (&["--account", ACCOUNT], &[2, 6]),
        (&["--account", STRANGER], &[6]),
        (&["--account", OPERATOR], &[2, 6]),
        (&["--actor", MODULE, "--kind", "grant_used"], &[4, 5]),
        (&["--actor", MODULE, "--account", STRANGER, "--kind", "actor_loaded"], &[]),
    ] {
        assert_eq!(shown(filters), numbers, "{filters:?}");
    }
}

#[test]
fn times_are_read_as_people_and_as_records_write_them() {
    for (filters, numbers) in [
        (&["--since", "2027-01-15T08:04:00Z"][..], &[5, 6, 7][..]),
        (&["--since", "2027-01-15 08:04:01"], &[6, 7]),
        (&["--until", "2027-01-15T08:01:00Z"], &[1, 2]),
        (&["--until", "2027-01-15T08:00:59Z"], &[1]),
        (&["--since", "1800000060", "--until", "1800000120"], &[2, 3]),
        (&["--since", "1800000121", "--until", "1800000120"], &[]),
    ] {
        assert_eq!(shown(filters), numbers, "{filters:?}");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let directory = Directory::new();
    let log = AuditLog::open(directory.path("audit.log"), OnFailure::Refuse).unwrap();
    for hours in [5, 3, 0] {
        log.record(now - hours * 3600, &Event::HostStopped).unwrap();
    }
    for (option, count) in [("--since", 2), ("--until", 1)] {
        let ran = directory.run(&["audit", "show", "audit.log", "--json", option, "4h"]);
        assert_eq!(ran.succeeded().text().lines().count(), count, "{option}");
    }
}

#[test]
fn what_comes_after_the_place_where_a_log_breaks_is_not_shown() {
    let directory = directory();
    let changed = String::from_utf8(directory.read("audit.log")).unwrap().replace("\"Get\"", "\"Set\"");
    directory.write("audit.log", changed);
    let ran = directory.run(&["audit", "show", "audit.log", "--json"]);
    assert_eq!((ran.status, ran.text().lines().count()), (Some(1), 3));
    assert_eq!(serde_json::from_str::<Value>(&ran.stderr).unwrap()["error"]["code"], "audit_altered");
    // A filter does not hide it.
    let ran = directory.run(&["audit", "show", "audit.log", "--kind", "host_started"]);
    assert!(
        ran.status == Some(1) && ran.stderr.starts_with("error: audit.log: line 4 was changed"),
        "{ran:?}"
    );
}

#[test]
fn a_filter_that_cannot_be_meant_is_refused() {
    let directory = directory();
    for (option, value, words) in [
        ("--kind", "Actor Refused", "small letters"),
        ("--actor", ACCOUNT, "must be of the kind module"),
        ("--actor", "counter", "a public key has 56 characters"),
        ("--account", MODULE, "must be of the kind account"),
        ("--since", "yesterday", "two hours ago"),
        ("--until", "-1", "two hours ago"),
    ] {
        let ran = directory.run(&["audit", "show", "audit.log", &format!("{option}={value}")]);
        assert_eq!((ran.status, ran.stdout.len()), (Some(2), 0), "{option}: {ran:?}");
        assert!(ran.stderr.contains(words), "{option}: {}", ran.stderr);
    }
}

/// Whoever writes a log can also make its hashes.
fn forged(event: &str) -> String {
    let hashed = format!("{{\"seq\":1,\"at\":1,\"prev\":\"{}\",{event}", "0".repeat(64));
    let hash = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(&hashed));
    format!("{hashed},\"hash\":\"{hash}\"}}\n")
}

#[test]
fn a_log_that_a_stranger_wrote_cannot_write_to_the_terminal() {
    let directory = Directory::new();
    let event = r#""event":"a\u001b[2J","n\u009b1mame":"\u009b31m","x":["\n2  then",18446744073709551615],"d":"\u007f""#;
    directory.write("audit.log", forged(event));
    let ran = directory.run(&["audit", "show", "audit.log"]);
    ran.succeeded().printed(
        "\
1  1970-01-01T00:00:01Z  a\\u{1b}[2J
  n\\u{9b}1mame          \\u{9b}31m
  x                     \\n2  then
                        18446744073709551615
  d                     \\u{7f}
",
    );
    let json = directory.run(&["audit", "show", "audit.log", "--json"]);
    assert!(
        json.succeeded().stdout.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n')),
        "{}",
        json.text()
    );
    assert_eq!(json.json()["x"][1], "18446744073709551615");

    let deep = format!("\"event\":\"x\",\"deep\":{}{}", "[".repeat(1000), "]".repeat(1000));
    directory.write("audit.log", forged(&deep));
    directory.run(&["audit", "show", "audit.log"]).failed(
        1,
        "error: audit.log: line 1 cannot be shown: its values are nested too deep, which no host writes\n",
    );
}
