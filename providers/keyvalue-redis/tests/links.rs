//! Links: their configuration, and the servers that they lead to.

use std::time::Duration;

use capability_contracts::keyvalue as kv;
use capability_provider::{LinkConfig, Provider, ProviderError};
use provider_conformance::{RedisServer, TestActor};
use provider_keyvalue_redis::RedisKeyValue;

const PASSWORD: &str = "correct-horse-battery";

fn add(provider: &RedisKeyValue, actor: &TestActor) -> Result<i32, ProviderError> {
    let request = kv::AddRequest { key: "k".to_owned(), value: 1 };
    actor.call(provider, kv::OP_ADD, &request).map(|answer: kv::AddResponse| answer.value)
}

/// A port of the loopback interface on which nothing listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_url_that_cannot_be_used_is_refused_without_being_shown() {
    for url in
        ["", "127.0.0.1:6379", "http://:s3cret@h", "redis://:s3cret@h:port", "rediss://:s3cret@h", "redis://"]
    {
        let error = RedisKeyValue::new(url).unwrap_err();
        assert!(matches!(&error, ProviderError::InvalidConfig { key, .. } if key == "url"), "{url}: {error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn the_server_is_not_needed_before_the_first_link() {
    let provider = RedisKeyValue::new(&format!("redis://:{PASSWORD}@127.0.0.1:{}", closed_port())).unwrap();
    let actor = TestActor::new(&provider, 'A');
    let error = actor.link(&provider, &LinkConfig::new()).unwrap_err();
    assert!(matches!(&error, ProviderError::Unavailable { resource, .. } if resource.contains("127.0.0.1")));
    for text in [format!("{error} {error:?}"), format!("{provider:?}")] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    // The link was not made.
    assert!(matches!(add(&provider, &actor), Err(ProviderError::NotLinked { .. })));
}

#[test]
fn the_longest_times_are_no_defect() {
    let Some(server) = RedisServer::for_test() else { return };
    for time in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(i64::MAX as u64)] {
        let provider = RedisKeyValue::new(&server.url()).unwrap().with_timeout(time).with_idle_check(time);
        let actor = TestActor::new(&provider, 'A');
        actor.link(&provider, &LinkConfig::new()).unwrap();
        // By its name, which is looked up, and by its address.
        let named = LinkConfig::new().with("url", format!("redis://localhost:{}", server.port()));
        let other = TestActor::new(&provider, 'B');
        other.link(&provider, &named).unwrap();
        let before = add(&provider, &actor).unwrap();
        assert_eq!(add(&provider, &other).unwrap(), before + 1);
        provider.health().unwrap();
        provider.shutdown();
    }
    // Where nothing answers, it is the system that says so.
    let nobody = RedisKeyValue::new(&format!("redis://127.0.0.1:{}", closed_port()))
        .unwrap()
        .with_timeout(Duration::MAX);
    let error = TestActor::new(&nobody, 'A').link(&nobody, &LinkConfig::new()).unwrap_err();
    assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
}

#[test]
fn a_password_is_used_and_shown_nowhere() {
    let outcome = RedisServer::start_with_password(PASSWORD);
    let Some(server) = RedisServer::or_skip(outcome) else { return };
    let provider = RedisKeyValue::new(&server.url()).unwrap();
    let actor = TestActor::new(&provider, 'A');
    actor.link(&provider, &LinkConfig::new()).unwrap();
    assert_eq!(add(&provider, &actor).unwrap(), 1);
    assert!(!format!("{provider:?}").contains(PASSWORD), "{provider:?}");

    for user in [":wrong-horse@", ""] {
        let url = format!("redis://{user}127.0.0.1:{}", server.port());
        let config = LinkConfig::new().with("url", url);
        let error = TestActor::new(&provider, 'B').link(&provider, &config).unwrap_err();
        assert!(matches!(error, ProviderError::Unavailable { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("wrong-horse"), "{error:?}");
    }
}

#[test]
fn a_link_may_lead_to_a_server_of_its_own() {
    let (Some(one), Some(other)) = (RedisServer::for_test(), RedisServer::for_test()) else { return };
    let provider = RedisKeyValue::new(&one.url()).unwrap();
    let (at_one, at_other) = (TestActor::new(&provider, 'A'), TestActor::new(&provider, 'B'));
    at_one.link(&provider, &LinkConfig::new()).unwrap();
    at_other.link(&provider, &LinkConfig::new().with("url", other.url())).unwrap();
    assert_eq!(add(&provider, &at_one).unwrap(), 1);
    assert_eq!(add(&provider, &at_other).unwrap(), 1);
    assert_eq!(add(&provider, &at_one).unwrap(), 2);
}

#[test]
fn another_database_holds_other_keys() {
    let Some(server) = RedisServer::for_test() else { return };
    let provider = RedisKeyValue::new(&server.url()).unwrap();
    let (zero, three) = (TestActor::new(&provider, 'A'), TestActor::new(&provider, 'B'));
    zero.link(&provider, &LinkConfig::new()).unwrap();
    three.link(&provider, &LinkConfig::new().with("url", format!("{}/3", server.url()))).unwrap();
    assert_eq!(add(&provider, &zero).unwrap(), 1);
    assert_eq!(add(&provider, &three).unwrap(), 1);
}

#[test]
fn health_is_that_of_the_servers_in_use() {
    let (Some(unused), Some(mut used)) = (RedisServer::for_test(), RedisServer::for_test()) else { return };
    let provider = RedisKeyValue::new(&unused.url()).unwrap();
    let actor = TestActor::new(&provider, 'A');
    provider.health().unwrap();
    actor.link(&provider, &LinkConfig::new().with("url", used.url())).unwrap();
    drop(unused);
    provider.health().unwrap();
    used.stop();
    let error = provider.health().unwrap_err();
    let port = used.port().to_string();
    assert!(
        matches!(&error, ProviderError::Unavailable { resource, .. } if resource.contains(&port)),
        "{error}"
    );
    used.restart().unwrap();
    provider.health().unwrap();
}
