//! What strangers call themselves and say reaches people in harmless lines.

use std::sync::Mutex;

use capability_provider::{CallContext, DispatchError, LinkConfig, LinkName, ProviderError};
use host_core::{Error, SwapOptions};
use log::{LevelFilter, Log, Metadata, Record};

use crate::support::{Recorder, STORE, World, failing, forwarder, id_of, module_key, store_link, trapping};

/// Clears a terminal (twice), turns the direction of writing, and forges a line in three ways.
const HOSTILE: &str = "tea\u{1b}[2J\u{9b}2J\u{202e}\u{200b}\r\nERROR all is lost\u{2028}ERROR\u{85}";

/// That no character of the text does anything, and that no line of it is a stranger's.
#[track_caller]
fn assert_harmless(text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(harmful), "{text:?}");
    assert!(text.lines().all(|line| !line.starts_with("ERROR")), "{text:?}");
    assert!(text.lines().all(|line| line.len() < 8 * 1024), "{text:?}");
}

#[test]
fn names_versions_and_grants_are_harmless_in_reports() {
    let (world, key) = (World::new(), module_key());
    let signed = |revision| {
        world.sign(&failing(HOSTILE), &key, |c| {
            c.name(HOSTILE).version(HOSTILE).revision(revision).capability(format!("{HOSTILE}{revision}"))
        })
    };
    let actor = world.host.add_actor(signed(1)).unwrap();
    let report = world.host.replace_actor(signed(2)).unwrap();
    assert!(report.to_string().contains("gained: tea\\u{1b}[2J"), "{report}");
    let forced = world.host.replace_actor_with(signed(0), SwapOptions::new().force(true)).unwrap();
    let (status, health) = (world.host.status(), world.host.health());
    assert!(status.to_string().contains("actor tea\\u{1b}[2J"), "{status}");
    assert!(!health.healthy());
    for text in [report.to_string(), forced.to_string(), status.to_string(), health.to_string()] {
        assert_harmless(&text);
    }
    // Programs get it as it is.
    assert_eq!(status.actors[0].name.as_deref(), Some(HOSTILE));

    let revoked = world.trust().revoke_key(key.public_key());
    assert_harmless(&world.host.replace_policy(revoked).unwrap().to_string());
    assert_harmless(&world.host.call(&actor, "op", b"").unwrap_err().to_string());
}

#[test]
fn what_guests_and_providers_say_is_harmless_in_errors() {
    let world = World::new();
    let words = || HOSTILE.to_owned();
    let provider = Recorder::answering("one", move |call| {
        Err(match call.payload {
            b"away" => ProviderError::Unavailable { resource: words(), reason: words() },
            b"panic" => panic!("{HOSTILE}"),
            b"failed" => ProviderError::Failed { operation: words(), source: HOSTILE.into() },
            _ => ProviderError::Rejected { operation: words(), key: words(), reason: words() },
        })
    });
    let linked = world.add_linked(&provider);
    for payload in ["away", "panic", "failed", "other"] {
        let error = world.host.call(&linked, "op", payload.as_bytes()).unwrap_err();
        assert_harmless(&error.to_string());
        let missing = error.unavailable().map(|missing| missing.reason.to_owned());
        assert_eq!(missing.is_some(), payload == "away", "{error}");
    }
    for wat in [
        failing(HOSTILE),
        trapping(),
        forwarder(STORE, HOSTILE, "Work"),
        forwarder(STORE, "", HOSTILE),
        forwarder(HOSTILE, HOSTILE, HOSTILE),
    ] {
        let actor = world.add(&wat);
        assert_harmless(&world.host.call(&actor, HOSTILE, b"").unwrap_err().to_string());
    }
    // A text without an end is cut.
    let long = world.add(&failing(&"x".repeat(16 * 1024)));
    let error = world.host.call(&long, &"y".repeat(1000), b"").unwrap_err();
    assert!(matches!(&error, Error::Guest { text, .. } if text.len() == 16 * 1024));
    assert_harmless(&error.to_string());
    assert!(error.to_string().len() < 2 * 1024);
}

#[test]
fn what_an_actor_fails_with_is_harmless_for_a_provider() {
    let (world, provider) = (World::new(), Recorder::delivering("one"));
    let key = module_key();
    world.host.add_actor(world.sign(&failing(HOSTILE), &key, |c| c.capability(STORE))).unwrap();
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    let link = store_link(&id_of(&key));
    world.host.link(&link, LinkConfig::new()).unwrap();
    let error = provider.handle_of(&link).call(CallContext::new(), HOSTILE, b"").unwrap_err();
    assert!(matches!(&error, DispatchError::Actor { text } if text == HOSTILE), "{error}");
    assert_harmless(&error.to_string());
}

/// Keeps what is logged by all tests of this program.
struct Memory(Mutex<Vec<String>>);

static MEMORY: Memory = Memory(Mutex::new(Vec::new()));

impl Log for Memory {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "wascc::actor"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[test]
fn what_an_actor_prints_is_one_harmless_line_of_the_log() {
    log::set_logger(&MEMORY).unwrap();
    log::set_max_level(LevelFilter::Info);
    let world = World::new();
    let (length, text) = (HOSTILE.len(), HOSTILE);
    let prints = format!(
        r#"(module
            (import "wapc" "__console_log" (func $log (param i32 i32)))
            (memory (export "memory") 2) (data (i32.const 64) {text:?})
            (func (export "__guest_call") (param i32) (param $length i32) (result i32)
              (if (local.get $length) (then (call $log (i32.const 1024) (i32.const 60000)))
                (else (call $log (i32.const 64) (i32.const {length})))) (i32.const 1)))"#
    );
    let actor = world.add(&prints);
    world.host.call(&actor, "op", b"").unwrap();
    // Controls only, which take the most room when they are spelt out.
    world.host.call(&actor, "op", b"long").unwrap();
    let lines = MEMORY.0.lock().unwrap().clone();
    let mine: Vec<_> = lines.iter().filter(|line| line.starts_with(actor.as_str())).collect();
    assert_eq!(mine.len(), 2, "{mine:?}");
    assert_harmless(mine[0]);
    assert!(mine[0].contains("tea\\u{1b}[2J"), "{}", mine[0]);
    assert!(mine[1].len() < 10 * 8 * 1024 + 100, "{}", mine[1].len());
    assert!(!mine[1].contains(char::is_control));
}
