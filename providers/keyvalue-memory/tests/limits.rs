//! What an actor sees of the store's limits, and the owner of its contents.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use capability_contracts::{encode, keyvalue as kv};
use capability_provider::{CapabilityCall, LinkConfig, LinkName, Provider, ProviderError};
use provider_conformance::TestActor;
use provider_keyvalue_memory::{Limits, MemoryKeyValue};

fn linked(store: &MemoryKeyValue) -> TestActor {
    let actor = TestActor::new(store, 'A');
    actor.link(store, &LinkConfig::new()).unwrap();
    actor
}

fn set(store: &MemoryKeyValue, key: &str, value: &str, expires: i32) -> Result<(), ProviderError> {
    let request = kv::SetRequest { key: key.to_owned(), value: value.to_owned(), expires };
    linked(store).call(store, kv::OP_SET, &request).map(|_: kv::SetResponse| ())
}

#[test]
fn a_value_over_its_limit_is_too_large() {
    let store = MemoryKeyValue::with_limits(Limits::default().value(4));
    let error = set(&store, "k", "12345", 0).unwrap_err();
    assert!(matches!(error, ProviderError::TooLarge { size: 5, limit: 4, .. }), "{error}");
    assert!(store.is_empty());
}

#[test]
fn a_full_store_says_so_and_names_the_key() {
    let store = MemoryKeyValue::with_limits(Limits::default().total(300));
    set(&store, "a", "1", 0).unwrap();
    let error = set(&store, "b", &"x".repeat(200), 0).unwrap_err();
    assert!(matches!(&error, ProviderError::Rejected { key, .. } if key == "b"), "{error}");
    assert!(error.to_string().contains("of 300 bytes"), "{error}");
    assert_eq!((store.len(), store.get("a").as_deref()), (1, Some("1")));
}

#[test]
fn what_has_expired_makes_room() {
    let now = Arc::new(Mutex::new(Instant::now()));
    let hands = Arc::clone(&now);
    let store =
        MemoryKeyValue::with_limits(Limits::default().total(200)).with_clock(move || *hands.lock().unwrap());
    set(&store, "a", "1", 10).unwrap();
    set(&store, "b", "1", 10).unwrap_err();
    *now.lock().unwrap() += Duration::from_secs(10);
    set(&store, "b", "1", 10).unwrap();
    assert_eq!(store.len(), 1);
    *now.lock().unwrap() += Duration::from_secs(10);
    assert_eq!((store.len(), store.used_bytes()), (0, 0));
}

#[test]
fn one_actor_cannot_use_up_what_the_others_need() {
    let store = MemoryKeyValue::with_limits(Limits::default().total(4000).link(1000));
    let (greedy, other) = (TestActor::new(&store, 'A'), TestActor::new(&store, 'B'));
    for actor in [&greedy, &other] {
        actor.link(&store, &LinkConfig::new()).unwrap();
    }
    let push = |actor: &TestActor, key: String| {
        let request = kv::PushRequest { key, value: "x".repeat(100) };
        actor.call::<_, kv::PushResponse>(&store, kv::OP_PUSH, &request)
    };
    let refused = (0..100).find_map(|number| push(&greedy, format!("a{number}")).err()).unwrap();
    assert!(matches!(&refused, ProviderError::Rejected { .. }), "{refused}");
    assert!(
        refused.to_string().contains("over this link has") && refused.to_string().contains("of 1000 bytes")
    );
    push(&other, "b".to_owned()).unwrap();
    // A link that comes again has what it left there.
    store.unlink(greedy.key());
    greedy.link(&store, &LinkConfig::new()).unwrap();
    push(&greedy, "again".to_owned()).unwrap_err();
    // The owner says otherwise for one link.
    greedy.link(&store, &LinkConfig::new().with("limit", "2000")).unwrap();
    push(&greedy, "more".to_owned()).unwrap();
    let error = greedy.link(&store, &LinkConfig::new().with("limit", "much")).unwrap_err();
    assert!(matches!(&error, ProviderError::InvalidConfig { key, .. } if key == "limit"), "{error}");
}

#[test]
fn what_is_larger_than_an_answer_may_be_is_not_put_together() {
    let store = MemoryKeyValue::new();
    let actor = linked(&store);
    let value = "x".repeat(1000);
    for number in 0..100 {
        let push = kv::PushRequest { key: "l".to_owned(), value: value.clone() };
        actor.call::<_, kv::PushResponse>(&store, kv::OP_PUSH, &push).unwrap();
        let add = kv::SetAddRequest { key: "s".to_owned(), value: format!("{value}{number}") };
        actor.call::<_, kv::SetAddResponse>(&store, kv::OP_SET_ADD, &add).unwrap();
    }
    set(&store, "t", &value, 0).unwrap();
    let (sets, key) = (vec!["s".to_owned(), "s".to_owned()], || "s".to_owned());
    let whole = kv::RangeRequest { key: "l".to_owned(), start: 0, stop: -1 };
    let part = kv::RangeRequest { key: "l".to_owned(), start: -3, stop: -2 };
    let payloads = [
        (kv::OP_RANGE, encode(&whole).unwrap()),
        (kv::OP_SET_QUERY, encode(&kv::SetQueryRequest { key: key() }).unwrap()),
        (kv::OP_SET_UNION, encode(&kv::SetUnionRequest { keys: sets.clone() }).unwrap()),
        (kv::OP_SET_INTERSECTION, encode(&kv::SetIntersectionRequest { keys: sets }).unwrap()),
    ];
    let (id, link) = (actor.key().actor.clone(), LinkName::default());
    for (operation, payload) in &payloads {
        let call = CapabilityCall::new(&id, &link, operation, payload);
        assert!(call.send_to(&store).unwrap().len() > 100_000, "{operation}");
        // Counted as far as the first item that does not fit.
        let refused = call.with_reply_limit(Some(4000)).send_to(&store).unwrap_err();
        let counted = matches!(&refused, ProviderError::ReplyTooLarge { size: 4001..6000, limit: 4000, .. });
        assert!(counted, "{operation}: {refused}");
    }
    let (part, text) = (encode(&part).unwrap(), encode(&kv::GetRequest { key: "t".to_owned() }).unwrap());
    let call = CapabilityCall::new(&id, &link, kv::OP_RANGE, &part).with_reply_limit(Some(4000));
    call.send_to(&store).unwrap();
    let refused = call.with(kv::OP_GET, &text).with_reply_limit(Some(999)).send_to(&store).unwrap_err();
    assert!(matches!(refused, ProviderError::ReplyTooLarge { limit: 999, .. }), "{refused}");
}

#[test]
fn an_error_names_the_key_without_the_prefix() {
    let store = MemoryKeyValue::new();
    let actor = TestActor::new(&store, 'A');
    actor.link(&store, &LinkConfig::new().with("prefix", "hidden:")).unwrap();
    let push = kv::PushRequest { key: "k".to_owned(), value: "1".to_owned() };
    actor.call::<_, kv::PushResponse>(&store, kv::OP_PUSH, &push).unwrap();
    let error = actor
        .call::<_, kv::GetResponse>(&store, kv::OP_GET, &kv::GetRequest { key: "k".to_owned() })
        .unwrap_err();
    assert!(matches!(&error, ProviderError::Rejected { key, .. } if key == "k"), "{error}");
}

#[test]
fn debug_does_not_show_what_is_stored() {
    let store = MemoryKeyValue::new();
    set(&store, "k", "s3cret", 0).unwrap();
    assert!(!format!("{store:?}").contains("s3cret"));
}
