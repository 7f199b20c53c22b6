//! What the host writes to its audit log.

use std::fs;

use capability_claims::{ClaimsError, Grant, GrantLimit, KeyKind, KeyPair};
use capability_provider::{CallContext, LinkConfig, LinkName};
use host_audit::{AuditError, AuditLog, OnFailure};
use host_core::{Host, SwapOptions};
use serde_json::Value;

use crate::support::{
    Audited, NOW, Recorder, STORE, World, echo, forwarder, id_of, load, module_key, saying, sign_by,
    store_link, wasm, why_not_called,
};

#[test]
fn the_life_of_an_actor_is_recorded() {
    let (audited, key) = (Audited::new(OnFailure::Refuse), module_key());
    let signed = |text: &str, number| {
        audited.sign(&saying(text), &key, |c| c.name("counter").id(text).revision(number).capability(text))
    };
    let actor = audited.host.add_actor(signed("one", 2)).unwrap();
    audited.clock.advance(5);
    audited.host.replace_actor_with(signed("two", 1), SwapOptions::new().force(true)).unwrap();
    audited.host.replace_actor(signed("one", 0)).unwrap_err();
    audited.host.remove_actor(&actor).unwrap();
    audited.host.add_actor(wasm(&echo())).unwrap_err();
    audited.host.shutdown();
    audited.host.shutdown();

    let records = audited.records();
    let events: Vec<_> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "host_started",
            "settings_applied",
            "policy_replaced",
            "actor_loaded",
            "actor_swapped",
            "swap_refused",
            "actor_removed",
            "actor_refused",
            "host_stopped"
        ]
    );
    assert!(records[2]["policy"]["text"].as_str().unwrap().contains(&audited.account().to_string()));
    let loaded = &records[3];
    assert_eq!((&loaded["at"], &loaded["actor"]), (&NOW.into(), &actor.as_str().into()));
    assert_eq!((&loaded["token"]["id"], &loaded["token"]["name"]), (&"one".into(), &"counter".into()));
    assert_eq!((&loaded["token"]["revision"], &loaded["grants"][0]), (&2.into(), &"one".into()));
    let swapped = &records[4];
    assert_eq!((&swapped["at"], &swapped["forced"]), (&(NOW + 5).into(), &true.into()));
    assert_eq!((&swapped["old"]["id"], &swapped["new"]["id"]), (&"one".into(), &"two".into()));
    assert_eq!((&swapped["gained"][0], &swapped["lost"][0]), (&"two".into(), &"one".into()));
    assert_eq!(records[5]["actor"], actor.as_str());
    assert!(records[5]["reason"].as_str().unwrap().contains("revision 1"), "{}", records[5]);
    assert_eq!(records[7]["actor"], Value::Null, "it has no token that could say");
    assert!(records[7]["reason"].as_str().unwrap().contains("not signed"), "{}", records[7]);
}

#[test]
fn a_refused_module_is_recorded_with_what_it_claims() {
    let (audited, key) = (Audited::new(OnFailure::Refuse), module_key());
    let stranger = KeyPair::generate(KeyKind::Account).unwrap();
    let module = sign_by(&stranger, &echo(), &key, |c| c.name("impostor"));
    audited.host.add_actor(module).unwrap_err();
    let refused = &audited.of("actor_refused")[0];
    assert_eq!((&refused["actor"], &refused["name"]), (&id_of(&key).as_str().into(), &"impostor".into()));
    assert!(refused["reason"].as_str().unwrap().contains(&stranger.public_key().to_string()), "{refused}");
}

#[test]
fn a_grant_is_recorded_when_it_is_used_first_and_never_with_a_payload() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add_linked(&Recorder::new("one"));
    let key = module_key();
    let wat = forwarder(actor.as_str(), "", "Forward");
    let caller = audited.sign(&wat, &key, |c| c.capability(actor.as_str()).capability("test:unused"));
    let caller = audited.host.add_actor(caller).unwrap();
    assert!(audited.of("grant_used").is_empty(), "nothing was used yet");
    for _ in 0..5 {
        assert_eq!(audited.host.call(&caller, "Forward", b"the payload").unwrap(), "one: the payload");
    }
    let used = audited.of("grant_used");
    assert_eq!(used.len(), 2, "{used:?}");
    assert_eq!(
        (&used[0]["actor"], &used[0]["capability"]),
        (&caller.as_str().into(), &actor.as_str().into())
    );
    assert_eq!((&used[0]["link"], &used[0]["operation"]), (&Value::Null, &"Forward".into()));
    assert_eq!((&used[1]["actor"], &used[1]["capability"]), (&actor.as_str().into(), &STORE.into()));
    assert_eq!((&used[1]["link"], &used[1]["operation"]), (&"default".into(), &"Work".into()));
    assert!(!fs::read_to_string(&audited.path).unwrap().contains("the payload"));

    // Another policy and another version begin anew.
    audited.host.replace_policy(audited.trust()).unwrap();
    audited.host.call(&actor, "Forward", b"").unwrap();
    assert_eq!(audited.of("grant_used").len(), 3);
}

#[test]
fn what_a_provider_delivers_is_a_use_too() {
    let (audited, provider) = (Audited::new(OnFailure::Refuse), Recorder::delivering("door"));
    let actor = audited.add(&echo());
    audited.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    audited.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let handle = provider.handle_of(&store_link(&actor));
    (0..3).for_each(|_| drop(handle.call(CallContext::new(), "HandleRequest", b"").unwrap()));
    let used = audited.of("grant_used");
    assert_eq!((used.len(), &used[0]["operation"]), (1, &"HandleRequest".into()));
}

#[test]
fn from_many_threads_a_first_use_is_recorded_once() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add_linked(&Recorder::new("one"));
    let seen = load(&audited, &actor, |some_calls| some_calls());
    assert!(seen.iter().all(Result::is_ok));
    assert_eq!(audited.of("grant_used").len(), 1);
}

#[test]
fn a_denied_use_is_recorded_once_with_its_reason() {
    let audited = Audited::new(OnFailure::Refuse);
    let ungranted = audited.add(&forwarder("test:other", "", "Work"));
    let unlinked = audited.add(&forwarder(STORE, "second", "Work"));
    let reserved = audited.add(&forwarder(STORE, "", "HandleRequest"));
    let limited = audited.add(&forwarder(STORE, "", "Write"));
    let reading = GrantLimit::nothing()
        .and(Grant::of(STORE).operation("Work"))
        .and(Grant::of(STORE).operation("HandleRequest"));
    audited.host.replace_policy(audited.trust().limit(audited.account(), reading).unwrap()).unwrap();
    for _ in 0..3 {
        for actor in [&ungranted, &unlinked, &reserved, &limited] {
            audited.host.call(actor, "Forward", b"").unwrap_err();
        }
    }
    let denied = audited.of("grant_denied");
    assert_eq!(denied.len(), 4, "{denied:?}");
    let expected = [
        (&ungranted, "test:other", "default", "Work", "is not granted"),
        (&unlinked, STORE, "second", "Work", "is not linked"),
        (&reserved, STORE, "default", "HandleRequest", "only the host and its providers"),
        (&limited, STORE, "default", "Write", "the policy does not let"),
    ];
    for (record, (actor, capability, link, operation, reason)) in denied.iter().zip(expected) {
        assert_eq!((&record["actor"], &record["capability"]), (&actor.as_str().into(), &capability.into()));
        assert_eq!((&record["link"], &record["operation"]), (&link.into(), &operation.into()));
        assert!(record["reason"].as_str().unwrap().contains(reason), "{record}");
    }
    assert!(audited.of("grant_used").is_empty(), "what was denied was not used");
}

#[test]
fn a_change_of_policy_is_recorded_with_those_whom_it_bars_and_restores() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add(&echo());
    let policy = audited.trust().revoke_key(actor.as_str().parse().unwrap());
    audited.host.replace_policy(policy).unwrap();
    (0..3).for_each(|_| drop(why_not_called(audited.host.call(&actor, "op", b""), &actor)));
    audited.host.replace_policy(audited.trust()).unwrap();
    (0..3).for_each(|_| drop(audited.host.call(&actor, "op", b"").unwrap()));

    let records = audited.records();
    let events: Vec<_> = records[4..].iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["policy_replaced", "actor_barred", "policy_replaced", "actor_restored"]);
    assert!(
        records[4]["policy"]["text"].as_str().unwrap().contains(&format!("revokes {actor}")),
        "{}",
        records[4]
    );
    assert_eq!(records[5]["actor"], actor.as_str());
    assert!(records[5]["reason"].as_str().unwrap().contains("is revoked here"), "{}", records[5]);
}

#[test]
fn an_expiry_is_recorded_when_it_is_seen() {
    let (audited, key) = (Audited::new(OnFailure::Refuse), module_key());
    let signed = |until| audited.sign(&echo(), &key, |c| c.expires_at(until));
    let actor = audited.host.add_actor(signed(NOW + 60)).unwrap();
    audited.clock.set(NOW + 61);
    (0..3).for_each(|_| drop(why_not_called(audited.host.call(&actor, "op", b""), &actor)));
    let barred = audited.of("actor_barred");
    assert_eq!((barred.len(), &barred[0]["at"]), (1, &(NOW + 61).into()));
    assert!(barred[0]["reason"].as_str().unwrap().contains("expired"), "{barred:?}");
}

#[test]
fn after_its_end_another_host_continues_the_log() {
    let audited = Audited::new(OnFailure::Refuse);
    audited.add(&echo());
    let open = || AuditLog::open(&audited.path, OnFailure::Refuse);
    assert!(matches!(open(), Err(AuditError::InUse { .. })));
    audited.host.shutdown();
    let next = Host::builder().trust(audited.trust()).audit(open().unwrap()).build().unwrap();
    next.shutdown();
    let events: Vec<_> = audited.records().iter().map(|record| record["event"].clone()).collect();
    let whole = ["host_started", "settings_applied", "policy_replaced", "actor_loaded", "host_stopped"];
    assert_eq!(events[..5], whole);
    assert_eq!(events[5..], ["host_started", "settings_applied", "policy_replaced", "host_stopped"]);
}

#[test]
fn without_a_log_health_says_nothing_of_one() {
    let world = World::new();
    assert_eq!(world.host.health().audit, None);
    let refused = world.host.add_actor(wasm(&echo())).unwrap_err();
    assert!(matches!(refused.refusal(), Some(ClaimsError::NotSigned)));
}
