//! The suite itself: it passes a provider that is right, and names what is wrong with one that is not.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use capability_contracts::{decode, encode, keyvalue as kv};
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use provider_conformance::check_keyvalue;
use provider_keyvalue_memory::MemoryKeyValue;

/// A store with one thing wrong in it.
struct Faulty<F> {
    store: MemoryKeyValue,
    fault: F,
}

type Outcome = Result<Bytes, ProviderError>;

impl<F> Provider for Faulty<F>
where
    F: Fn(&CapabilityCall<'_>, &dyn Fn(&CapabilityCall<'_>) -> Outcome) -> Outcome + Send + Sync + 'static,
{
    fn capability(&self) -> CapabilityId {
        self.store.capability()
    }

    fn name(&self) -> &str {
        "faulty"
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError> {
        self.store.link(link, config, actor)
    }

    fn unlink(&self, link: &LinkKey) {
        self.store.unlink(link);
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        (self.fault)(call, &|call| self.store.handle(call)?.wait(call)).map(Reply::Now)
    }
}

/// The names of the cases that a store with this fault does not pass.
fn failing<F>(fault: F) -> Vec<&'static str>
where
    F: Fn(&CapabilityCall<'_>, &dyn Fn(&CapabilityCall<'_>) -> Outcome) -> Outcome
        + Clone
        + Send
        + Sync
        + 'static,
{
    let make = || Faulty { store: MemoryKeyValue::new(), fault: fault.clone() };
    check_keyvalue(make).into_iter().map(|failure| failure.case).collect()
}

#[test]
fn a_right_store_passes() {
    assert_eq!(failing(|call, store| store(call)), [""; 0]);
}

#[test]
fn a_counter_that_wraps_around_is_found() {
    let cases = failing(|call, store| {
        let outcome = store(call);
        match (call.operation, outcome) {
            (kv::OP_ADD, Err(ProviderError::Rejected { .. })) => {
                Ok(encode(&kv::AddResponse { value: i32::MIN }).unwrap().into())
            }
            (_, outcome) => outcome,
        }
    });
    assert!(cases.contains(&"a counter never wraps around"), "{cases:?}");
}

#[test]
fn a_range_without_its_last_item_is_found() {
    let cases = failing(|call, store| {
        let reply = store(call)?;
        if call.operation != kv::OP_RANGE {
            return Ok(reply);
        }
        let mut range: kv::RangeResponse = decode(call.operation, &reply).unwrap();
        range.values.pop();
        Ok(encode(&range).unwrap().into())
    });
    assert!(cases.contains(&"a range takes both ends, and negative ones from the end"), "{cases:?}");
}

#[test]
fn an_addition_in_two_steps_is_found() {
    let meeting = Arc::new((AtomicUsize::new(0), Barrier::new(2)));
    let cases = failing(move |call, store| {
        let add: kv::AddRequest = match decode(call.operation, call.payload) {
            Ok(add) if call.operation == kv::OP_ADD => add,
            _ => return store(call),
        };
        let get = encode(&kv::GetRequest { key: add.key.clone() }).unwrap();
        let reply = store(&call.with(kv::OP_GET, &get))?;
        let held: kv::GetResponse = decode(kv::OP_GET, &reply).unwrap();
        let Some(sum) = held.value.parse::<i32>().unwrap_or(0).checked_add(add.value) else {
            return store(call);
        };
        // The first two additions from several threads meet between their steps.
        if add.key.starts_with("threads:") && meeting.0.fetch_add(1, Ordering::Relaxed) < 2 {
            meeting.1.wait();
        }
        let set = kv::SetRequest { key: add.key, value: sum.to_string(), expires: 0 };
        store(&call.with(kv::OP_SET, &encode(&set).unwrap()))?;
        Ok(encode(&kv::AddResponse { value: sum }).unwrap().into())
    });
    assert!(cases.contains(&"no addition is lost between threads"), "{cases:?}");
}

#[test]
#[should_panic(expected = "a key that was never set has no value: Get")]
fn a_failure_names_its_case() {
    provider_conformance::keyvalue(|| Faulty {
        store: MemoryKeyValue::new(),
        fault: |call: &CapabilityCall<'_>, store: &dyn Fn(&CapabilityCall<'_>) -> Outcome| {
            let reply = store(call)?;
            if call.operation != kv::OP_GET {
                return Ok(reply);
            }
            let mut answer: kv::GetResponse = decode(call.operation, &reply).unwrap();
            answer.exists = true;
            Ok(encode(&answer).unwrap().into())
        },
    });
}
