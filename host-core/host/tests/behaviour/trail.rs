//! What the audit log has of an actor's uses and denials: each once, no more than a number, and the rest as a count.

use std::sync::Arc;

use capability_provider::{LinkConfig, LinkKey, LinkName};
use host_audit::OnFailure;
use host_core::{AddOptions, Host, Isolation};

use crate::support::{
    Audited, Event, NOW, Recorder, STORE, asking_on, echo, forwarder, module_key, saying, store, store_link,
};

/// A host with one instance for each actor, so that these count on.
fn audited() -> Audited {
    Audited::with(OnFailure::Refuse, |builder| builder.max_instances(1))
}

fn ask(host: &Host, actor: &capability_provider::ActorId, times: usize) {
    (0..times).for_each(|_| drop(host.call(actor, "ask", b"").unwrap()));
}

#[test]
fn denials_beyond_a_number_are_counted_and_the_log_says_so() {
    let audited = audited();
    let actor = audited.host.add_actor(audited.sign(&asking_on("test:vault"), &module_key(), |c| c)).unwrap();
    ask(&audited.host, &actor, 200);
    let denied = audited.of("grant_denied");
    assert_eq!((denied.len(), &denied[63]["operation"]), (64, &"0063".into()));
    let began = audited.of("counting_began");
    assert_eq!((began.len(), &began[0]["of"]), (1, &"other_denials".into()));
    assert!(audited.of("counted").is_empty(), "it is not due yet");

    audited.clock.set(NOW + 60);
    ask(&audited.host, &actor, 1);
    let counted = audited.of("counted");
    assert_eq!((counted.len(), &counted[0]["count"]), (1, &137.into()));
    assert_eq!((&counted[0]["capability"], &counted[0]["operation"]), (&"test:vault".into(), &"0200".into()));

    ask(&audited.host, &actor, 9);
    audited.host.remove_actor(&actor).unwrap();
    let counted = audited.of("counted");
    assert_eq!(
        (counted.len(), &counted[1]["count"], &counted[1]["actor"]),
        (2, &9.into(), &actor.as_str().into())
    );
}

#[test]
fn junk_names_do_not_use_up_the_records_of_what_the_token_grants() {
    let audited = audited();
    let signed = audited.sign(&asking_on("test:vault"), &module_key(), |c| c.capability(STORE));
    let junk = audited.host.add_actor(signed).unwrap();
    ask(&audited.host, &junk, 100);
    // The same generation is denied an operation of what it is granted: it is not linked.
    let both = forwarder(STORE, "", "ReadAllSecrets");
    let key = module_key();
    let asks = asking_on("test:vault").replace(
        "(data (i32.const 600) \"Work\")",
        &format!("(data (i32.const 600) \"Work\") (data (i32.const 700) {STORE:?})"),
    );
    let asks = asks.replacen(
        "(i32.const 256) (i32.const 10)\n               (i32.const 600)",
        &format!("(i32.const 700) (i32.const {})\n               (i32.const 600)", STORE.len()),
        1,
    );
    assert_ne!(both, asks);
    let actor = audited.host.add_actor(audited.sign(&asks, &key, |c| c.capability(STORE))).unwrap();
    ask(&audited.host, &actor, 100);
    audited.host.call(&actor, "Work", b"").unwrap();
    let granted: Vec<_> = audited
        .of("grant_denied")
        .into_iter()
        .filter(|record| record["actor"] == actor.as_str() && record["capability"] == STORE)
        .collect();
    assert_eq!((granted.len(), &granted[0]["operation"]), (1, &"Work".into()), "{granted:?}");
}

#[test]
fn each_operation_of_a_grant_is_recorded_at_its_first_use_and_too_many_are_counted() {
    let audited = audited();
    let signed = audited.sign(&asking_on(STORE), &module_key(), |c| c.capability(STORE));
    let actor = audited.host.add_actor(signed).unwrap();
    audited.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    audited.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    ask(&audited.host, &actor, 70);
    (0..3).for_each(|_| drop(audited.host.call(&actor, "Work", b"").unwrap()));
    let used = audited.of("grant_used");
    assert_eq!(
        (used.len(), &used[0]["operation"], &used[1]["operation"]),
        (64, &"0000".into(), &"0001".into())
    );
    assert_eq!(audited.of("counting_began")[0]["of"], "uses");
    audited.host.shutdown();
    let counted = audited.of("counted");
    assert_eq!((counted.len(), &counted[0]["count"], &counted[0]["of"]), (1, &9.into(), &"uses".into()));
}

#[test]
fn a_version_that_was_swapped_out_leaves_its_count() {
    let (audited, key) = (audited(), module_key());
    let actor = audited.host.add_actor(audited.sign(&asking_on("test:vault"), &key, |c| c)).unwrap();
    ask(&audited.host, &actor, 66);
    audited.host.replace_actor(audited.sign(&saying("new"), &key, |c| c)).unwrap();
    assert_eq!(audited.of("counted")[0]["count"], 2);
}

#[test]
fn links_and_providers_are_recorded_and_what_fails_too() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add(&echo());
    let before = audited.records().len();
    let link = LinkName::default();
    audited.host.add_provider(link.clone(), Recorder::new("one")).unwrap();
    audited.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    audited.host.replace_provider(link.clone(), Recorder::new("two")).unwrap();
    audited.host.unlink(&store_link(&actor)).unwrap();
    audited.host.remove_provider(&store(), &link).unwrap();
    let refusing = Recorder::linking("refusing", |link, _| {
        Err(capability_provider::ProviderError::NotLinked {
            link: link.to_string(),
            provider: "refusing".into(),
        })
    });
    audited.host.add_provider(link.clone(), Arc::clone(&refusing) as _).unwrap();
    audited.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    audited.host.policy_unreadable("/etc/policy.toml: expected a value\u{1b}[2J");
    let records = &audited.records()[before..];
    let events: Vec<_> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "provider_added",
            "link_made",
            "provider_replaced",
            "link_ended",
            "provider_removed",
            "provider_added",
            "link_made",
            "change_failed",
            "policy_unreadable"
        ]
    );
    assert_eq!((&records[1]["actor"], &records[1]["link"]), (&actor.as_str().into(), &"default".into()));
    assert_eq!((&records[2]["old"], &records[2]["new"]), (&"one".into(), &"two".into()));
    assert_eq!(records[7]["actor"], actor.as_str());
    assert!(records[8]["reason"].as_str().unwrap().contains("/etc/policy.toml"), "{}", records[8]);
    assert!(!refusing.events().iter().any(|event| matches!(event, Event::Link(..))));
}

#[test]
fn a_load_says_on_whose_authority_it_came() {
    let audited = Audited::new(OnFailure::Refuse);
    audited.add(&echo());
    let authority = audited.of("actor_loaded")[0]["authority"].clone();
    assert_eq!(authority[0]["key"], audited.account().to_string());

    let (operator, account) = crate::support::operator_and_account();
    let policy = audited.trust().operator(operator.public_key());
    audited.host.replace_policy(policy).unwrap();
    let team =
        capability_claims::AccountBuilder::new(account.public_key()).id("TEAM").issue(&operator).unwrap();
    let module = crate::support::sign_by(&account, &echo(), &module_key(), |c| c);
    audited.host.add_actor_with(module, AddOptions::new().chain([team])).unwrap();
    let authority = audited.of("actor_loaded")[1]["authority"].clone();
    assert_eq!(authority[0]["key"], operator.public_key().to_string());
    assert_eq!(
        (&authority[1]["key"], &authority[1]["token"]),
        (&account.public_key().to_string().into(), &"TEAM".into())
    );
    let link = LinkKey::new(crate::support::id_of(&module_key()), store(), LinkName::default());
    assert!(audited.host.unlink(&link).is_err());
}

#[test]
fn what_an_actor_has_of_its_own_is_recorded_with_its_load() {
    let audited = Audited::with(OnFailure::Refuse, |builder| builder);
    let loaded = audited.of("actor_loaded").len();
    for (options, recorded) in [
        (AddOptions::new(), serde_json::Value::Null),
        (
            AddOptions::new().no_guest_clock().system_guest_random().isolation(Isolation::Pristine),
            ["guest_clock=denied", "guest_random=system", "isolation=pristine"].as_slice().into(),
        ),
    ] {
        let module = audited.sign(&echo(), &module_key(), |claims| claims);
        audited.host.add_actor_with(module, options).unwrap();
        assert_eq!(audited.of("actor_loaded").last().unwrap()["settings"], recorded);
    }
    assert_eq!(audited.of("actor_loaded").len(), loaded + 2);
}

#[test]
fn the_settings_are_recorded_when_the_host_begins() {
    let audited = Audited::with(OnFailure::Refuse, |builder| builder.max_call_depth(3).no_guest_random());
    let settings = audited.of("settings_applied")[0]["settings"].clone();
    let settings: Vec<_> = settings.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    for setting in [
        "max_call_depth=3",
        "memory_limit=default",
        "guest_clock=system",
        "guest_random=denied",
        "isolation=shared",
    ] {
        assert!(settings.contains(&setting), "{setting} is not among {settings:?}");
    }
}
