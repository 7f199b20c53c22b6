//! What an actor sees of the store's limits, and the owner of its contents.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use capability_contracts::keyvalue as kv;
use capability_provider::{LinkConfig, ProviderError};
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
