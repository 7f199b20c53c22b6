//! The bytes of a log, which others read: every event, once.

use host_audit::{AuditLog, Authority, Counted, Event, OnFailure, Token, verify};

const ACTOR: &str = "MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW";
const ISSUER: &str = "AAVGZPUWJNPTKLS7KZNEKWMDZ2OOCZ7UAMVADZVA2P7J2XHOD5LNCHLZ";

fn token(id: &'static str, revision: i32) -> Token<'static> {
    Token {
        id,
        issuer: ISSUER,
        name: Some("counter"),
        revision: Some(revision),
        version: None,
        module_hash: "6DCA430C153E14691EA7FCE11A726027342A45789B77425CA403BF760B0C9F33",
    }
}

#[test]
fn every_event_has_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let log = AuditLog::open(&path, OnFailure::Refuse).unwrap();
    let both = ["wascc:keyvalue".to_owned(), "wascc:logging".to_owned()];
    let capability = "wascc:keyvalue";
    let (link, authority) = ("default", [Authority { key: ISSUER, token: None }]);
    let settings = ["max_call_depth=16".to_owned()];
    let events = [
        Event::HostStarted { version: "0.1.0" },
        Event::SettingsApplied { settings: &settings },
        Event::ActorLoaded {
            actor: ACTOR,
            token: token("token-1", 1),
            authority: &authority,
            grants: &both,
            forced: false,
            handover: None,
            settings: &[],
        },
        Event::ActorRefused { actor: None, name: None, reason: "the module is not signed" },
        Event::ActorSwapped {
            actor: ACTOR,
            old: token("token-1", 1),
            new: token("token-2", 2),
            authority: &authority,
            gained: &[],
            lost: &both[1..],
            forced: false,
            handover: Some("rotation"),
        },
        Event::SwapRefused { actor: Some(ACTOR), name: Some("counter"), reason: "a lower revision" },
        Event::GrantUsed { actor: ACTOR, capability, link: Some("default"), operation: "Get" },
        Event::GrantDenied {
            actor: ACTOR,
            capability: ACTOR,
            link: None,
            operation: "Add",
            reason: "not granted",
        },
        Event::CountingBegan { actor: ACTOR, of: Counted::OtherDenials },
        Event::Counted {
            actor: ACTOR,
            of: Counted::DenialsOfGrants,
            count: 3,
            capability,
            link: Some(link),
            operation: "Set",
        },
        Event::LinkMade { actor: ACTOR, capability, link },
        Event::LinkEnded { actor: ACTOR, capability, link },
        Event::ProviderAdded { capability, link, provider: "memory" },
        Event::ProviderReplaced { capability, link, old: "memory", new: "redis" },
        Event::ProviderRemoved { capability, link, provider: "redis" },
        Event::ChangeFailed {
            actor: None,
            capability: Some(capability),
            link: Some(link),
            reason: "no connection",
        },
        Event::LogResumed,
        Event::PolicyUnreadable { reason: "policy.toml: no such file" },
        Event::PolicyReplaced { policy: "trusts nobody" },
        Event::ActorBarred { actor: ACTOR, reason: "the token expired" },
        Event::ActorRestored { actor: ACTOR, reason: "the policy allows it again" },
        Event::ActorRemoved { actor: ACTOR },
        Event::HostStopped,
    ];
    for (at, event) in (1_800_000_000..).zip(&events) {
        log.record(at, event).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let expected = include_str!("format.log");
    for (line, (written, expected)) in written.lines().zip(expected.lines()).enumerate() {
        assert_eq!(written, expected, "line {}", line + 1);
    }
    assert_eq!(written, expected);
    assert_eq!(verify(expected.as_bytes()).unwrap().records, events.len() as u64);
}

/// The README's way to check a line of a log, the second one, without this crate.
#[cfg(unix)]
#[test]
fn a_line_is_checked_with_the_systems_tools_alone() {
    let directory = tempfile::tempdir().unwrap();
    let log = include_str!("format.log");
    std::fs::write(directory.path().join("audit.log"), log).unwrap();
    let command = r#"
        sed -n 2p audit.log | sed 's/,"hash":"[0-9a-f]*"}$//' | tr -d '\n' | sha256sum
    "#;
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", command]).current_dir(directory.path()).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let hash = told.split_whitespace().next().unwrap();
    let line = log.lines().nth(1).unwrap();
    assert!(line.ends_with(&format!(r#","hash":"{hash}"}}"#)), "{told}{line}");
}
