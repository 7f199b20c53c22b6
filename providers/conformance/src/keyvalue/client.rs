//! Gives the cases a typed client, and what they compare with.

use std::fmt::Debug;

use capability_contracts::keyvalue as kv;
use capability_provider::{LinkConfig, Provider, ProviderError};
use serde::{Serialize, de::DeserializeOwned};

use super::Verdict;
use crate::TestActor;

type Answer<T> = Result<T, ProviderError>;

/// A linked actor that uses the contract.
pub(super) struct Client<'a> {
    provider: &'a dyn Provider,
    actor: TestActor,
}

impl<'a> Client<'a> {
    pub(super) fn new(provider: &'a dyn Provider) -> Result<Self, String> {
        Self::linked(provider, 'A', &LinkConfig::new())
    }

    pub(super) fn linked(
        provider: &'a dyn Provider,
        letter: char,
        config: &LinkConfig,
    ) -> Result<Self, String> {
        let actor = TestActor::new(provider, letter);
        actor.link(provider, config).map_err(|error| format!("the link was refused: {error}"))?;
        Ok(Self { provider, actor })
    }

    pub(super) fn unlink(&self) {
        self.actor.unlink(self.provider);
    }

    pub(super) fn send(&self, operation: &str, payload: &[u8]) -> Answer<()> {
        self.actor.send(self.provider, operation, payload).map(drop)
    }

    pub(super) fn add(&self, key: &str, value: i32) -> Answer<i32> {
        let request = kv::AddRequest { key: key.to_owned(), value };
        self.call(kv::OP_ADD, &request).map(|answer: kv::AddResponse| answer.value)
    }

    /// The text under the key; nothing when the provider says that there is none.
    pub(super) fn get(&self, key: &str) -> Answer<Option<String>> {
        let answer: kv::GetResponse = self.call(kv::OP_GET, &kv::GetRequest { key: key.to_owned() })?;
        Ok(answer.exists.then_some(answer.value))
    }

    pub(super) fn set(&self, key: &str, value: &str) -> Answer<String> {
        self.set_for(key, value, 0)
    }

    pub(super) fn set_for(&self, key: &str, value: &str, expires: i32) -> Answer<String> {
        let request = kv::SetRequest { key: key.to_owned(), value: value.to_owned(), expires };
        self.call(kv::OP_SET, &request).map(|answer: kv::SetResponse| answer.value)
    }

    pub(super) fn del(&self, key: &str) -> Answer<String> {
        let request = kv::DelRequest { key: key.to_owned() };
        self.call(kv::OP_DEL, &request).map(|answer: kv::DelResponse| answer.key)
    }

    pub(super) fn exists(&self, key: &str) -> Answer<(bool, String)> {
        let request = kv::KeyExistsRequest { key: key.to_owned() };
        let answer: kv::KeyExistsResponse = self.call(kv::OP_KEY_EXISTS, &request)?;
        Ok((answer.exists, answer.value))
    }

    pub(super) fn clear(&self, key: &str) -> Answer<String> {
        let request = kv::ClearRequest { key: key.to_owned() };
        self.call(kv::OP_CLEAR, &request).map(|answer: kv::ClearResponse| answer.key)
    }

    pub(super) fn push(&self, key: &str, value: &str) -> Answer<i32> {
        let request = kv::PushRequest { key: key.to_owned(), value: value.to_owned() };
        self.call(kv::OP_PUSH, &request).map(|answer: kv::PushResponse| answer.new_count)
    }

    pub(super) fn list_delete(&self, key: &str, value: &str) -> Answer<i32> {
        let request = kv::ListItemDeleteRequest { key: key.to_owned(), value: value.to_owned() };
        self.call(kv::OP_LIST_ITEM_DELETE, &request)
            .map(|answer: kv::ListItemDeleteResponse| answer.new_count)
    }

    pub(super) fn range(&self, key: &str, start: i32, stop: i32) -> Answer<Vec<String>> {
        let request = kv::RangeRequest { key: key.to_owned(), start, stop };
        self.call(kv::OP_RANGE, &request).map(|answer: kv::RangeResponse| answer.values)
    }

    pub(super) fn set_add(&self, key: &str, value: &str) -> Answer<i32> {
        let request = kv::SetAddRequest { key: key.to_owned(), value: value.to_owned() };
        self.call(kv::OP_SET_ADD, &request).map(|answer: kv::SetAddResponse| answer.new_count)
    }

    pub(super) fn set_remove(&self, key: &str, value: &str) -> Answer<i32> {
        let request = kv::SetRemoveRequest { key: key.to_owned(), value: value.to_owned() };
        self.call(kv::OP_SET_REMOVE, &request).map(|answer: kv::SetRemoveResponse| answer.new_count)
    }

    pub(super) fn union(&self, keys: &[&str]) -> Answer<Vec<String>> {
        let request = kv::SetUnionRequest { keys: owned(keys) };
        self.call(kv::OP_SET_UNION, &request).map(|answer: kv::SetUnionResponse| sorted(answer.values))
    }

    pub(super) fn intersection(&self, keys: &[&str]) -> Answer<Vec<String>> {
        let request = kv::SetIntersectionRequest { keys: owned(keys) };
        self.call(kv::OP_SET_INTERSECTION, &request)
            .map(|answer: kv::SetIntersectionResponse| sorted(answer.values))
    }

    pub(super) fn query(&self, key: &str) -> Answer<Vec<String>> {
        let request = kv::SetQueryRequest { key: key.to_owned() };
        self.call(kv::OP_SET_QUERY, &request).map(|answer: kv::SetQueryResponse| sorted(answer.values))
    }

    fn call<Q: Serialize, A: DeserializeOwned>(&self, operation: &str, request: &Q) -> Answer<A> {
        self.actor.call(self.provider, operation, request)
    }
}

/// `what` must have been answered with `expected`.
pub(super) fn is<T: PartialEq<E> + Debug, E: Debug>(what: &str, answer: Answer<T>, expected: E) -> Verdict {
    match answer {
        Ok(value) if value == expected => Ok(()),
        Ok(value) => Err(format!("{what}: expected {expected:?}, got {value:?}")),
        Err(error) => Err(format!("{what}: expected {expected:?}, got the error: {error}")),
    }
}

/// `what` must have been rejected by an error that names the operation and the key.
pub(super) fn is_rejected<T: Debug>(what: &str, answer: Answer<T>, operation: &str, key: &str) -> Verdict {
    match answer {
        Err(ProviderError::Rejected { operation: o, key: k, reason })
            if o == operation && k == key && !reason.is_empty() =>
        {
            Ok(())
        }
        Err(other) => Err(format!("{what}: expected Rejected for {operation} on {key:?}, got {other:?}")),
        Ok(value) => Err(format!("{what}: expected Rejected for {operation} on {key:?}, got {value:?}")),
    }
}

/// The members of a set, or the items of a list, as the client compares them.
pub(super) fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// Sets have no order.
fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values
}
