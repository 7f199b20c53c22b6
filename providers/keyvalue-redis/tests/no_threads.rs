//! A process that may have no more threads is told so by a store whose server has a name, and which limit it has met.
#![cfg(target_os = "linux")]

#[path = "../../../waPC-host/engine/tests/support/alone.rs"]
mod alone;
#[path = "../../../waPC-host/system/tests/support/no_threads.rs"]
mod no_threads;

use std::time::Duration;

use capability_provider::{LinkConfig, ProviderError};
use provider_conformance::TestActor;
use provider_keyvalue_redis::RedisKeyValue;

#[test]
fn a_name_that_cannot_be_looked_up_for_want_of_a_thread() {
    alone::alone("a_name_that_cannot_be_looked_up_for_want_of_a_thread", Duration::from_secs(60), || {
        let provider = RedisKeyValue::new("redis://localhost:6379").unwrap();
        let actor = TestActor::new(&provider, 'A');
        no_threads::no_more_threads();
        let error = actor.link(&provider, &LinkConfig::new()).unwrap_err();
        assert!(matches!(error, ProviderError::Unavailable { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("RLIMIT_NPROC") && said.contains("redis-lookup"), "{said}");
    });
}
