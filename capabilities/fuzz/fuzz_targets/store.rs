//! Runs the store in memory: operations of any kind over two links that share it, while time passes and room gets scarce.
//!
//! The referee is a store of plain maps: it gives the same answers and refuses the same with the same numbers; both count the same bytes
//! after each step.
#![no_main]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use arbitrary::Arbitrary;
use bytes::Bytes;
use capability_contracts::{decode, encode, keyvalue as kv};
use capability_fuzz::{Refused, Sizes, StoreModel};
use capability_provider::{
    ActorHandle, ActorId, CallContext, CapabilityCall, Dispatch, DispatchError, LinkConfig, LinkKey,
    LinkName, Provider, ProviderError,
};
use libfuzzer_sys::fuzz_target;
use provider_keyvalue_memory::{Limits, MemoryKeyValue};
use serde::{Serialize, de::DeserializeOwned};

const LINKS: [&str; 2] = ["one", "other"];
/// With these some keys of one link are keys of the other.
const PREFIXES: [&str; 2] = ["", "a"];
const KEYS: [&str; 6] = ["", "a", "aa", "b", "ab", "too long"];
const LONGEST_KEY: usize = 6;
const LONGEST_VALUE: usize = 200;
/// A few keys fill it, so that it is full often.
const MOST_ROOM: usize = 1000;

#[derive(Debug, Arbitrary)]
struct Script {
    /// How much there may be in all.
    total: u16,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
struct Step {
    over_other: bool,
    key: u8,
    action: Action,
}

#[derive(Debug, Arbitrary)]
enum Action {
    Add(i32),
    AddOne,
    Get,
    Set(Text, i8),
    Del,
    Exists,
    Clear,
    Push(Text),
    DeleteItems(Text),
    Range(i8, i8),
    SetAdd(Text),
    SetRemove(Text),
    Union(Vec<u8>),
    Intersection(Vec<u8>),
    Query,
    /// Seconds pass.
    Pass(u8),
    /// The link is made again, with another limit.
    Link(u16),
}

#[derive(Debug, Arbitrary)]
enum Text {
    Word(u8),
    Number(i32),
    Long(u8),
    Any(String),
}

impl Text {
    fn text(&self) -> String {
        match self {
            Self::Word(word) => {
                ["", "a", "b", "07", "2147483647", "-2147483648"][usize::from(*word) % 6].to_owned()
            }
            Self::Number(number) => number.to_string(),
            Self::Long(length) => "l".repeat((*length).into()),
            Self::Any(text) => text.clone(),
        }
    }
}

fuzz_target!(|script: Script| {
    let mut both = Both::new(usize::from(script.total) % MOST_ROOM);
    for step in script.steps {
        both.step(step);
    }
});

/// The store and its referee.
struct Both {
    store: MemoryKeyValue,
    model: StoreModel,
    seconds: Arc<AtomicU64>,
    actor: ActorId,
}

struct Nobody;

impl Dispatch for Nobody {
    fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        Ok(Bytes::new())
    }

    fn health(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

impl Both {
    fn new(total: usize) -> Self {
        let (seconds, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let hands = Arc::clone(&seconds);
        let limits = Limits::default().key(LONGEST_KEY).value(LONGEST_VALUE).total(total);
        let store = MemoryKeyValue::with_limits(limits)
            .with_clock(move || began + Duration::from_secs(hands.load(SeqCst)));
        let sizes = Sizes { key: LONGEST_KEY, value: LONGEST_VALUE, links: [total; 2], total };
        let actor = ActorId::new(&format!("M{}", "A".repeat(55))).unwrap();
        let mut both = Self { store, model: StoreModel::new(sizes), seconds, actor };
        (0..2).for_each(|link| both.link(link, total));
        both
    }

    fn link(&mut self, link: usize, limit: usize) {
        let name = LinkName::new(LINKS[link]).unwrap();
        let key = LinkKey::new(self.actor.clone(), self.store.capability(), name);
        let config = LinkConfig::new().with("prefix", PREFIXES[link]).with("limit", limit.to_string());
        self.store.unlink(&key);
        self.store.link(&key, &config, ActorHandle::new(key.clone(), Arc::new(Nobody))).unwrap();
        self.model.set_limit(link, limit);
    }

    /// What the store answers over a link.
    fn ask<A: DeserializeOwned>(
        &self,
        link: usize,
        operation: &str,
        request: &impl Serialize,
    ) -> Result<A, Refused> {
        let (name, payload) = (LinkName::new(LINKS[link]).unwrap(), encode(request).unwrap());
        let call = CapabilityCall::new(&self.actor, &name, operation, &payload);
        match call.send_to(&self.store) {
            Ok(reply) => Ok(decode(operation, &reply).unwrap()),
            Err(ProviderError::TooLarge { size, limit, .. }) => Err(Refused::TooLarge(size, limit)),
            Err(ProviderError::Rejected { reason, .. }) => Err(Refused::Because(reason)),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn step(&mut self, Step { over_other, key, action }: Step) {
        let link = usize::from(over_other);
        let name = |key: u8| KEYS[usize::from(key) % KEYS.len()].to_owned();
        let stored = |key: u8| [PREFIXES[link], &name(key)].concat();
        let (full, key) = (stored(key), name(key));
        match action {
            Action::Add(value) => self.add(link, key, &full, value),
            Action::AddOne => self.add(link, key, &full, 1),
            Action::Get => {
                let answer = self.ask(link, kv::OP_GET, &kv::GetRequest { key });
                let answer = answer.map(|kv::GetResponse { value, exists }| exists.then_some(value));
                assert_eq!(answer, self.model.get(&full));
            }
            Action::Set(text, expires) => {
                let (value, expires) = (text.text(), i32::from(expires));
                let request = kv::SetRequest { key, value: value.clone(), expires };
                let answer = self.ask(link, kv::OP_SET, &request).map(|answer: kv::SetResponse| answer.value);
                assert_eq!(answer, self.model.set(link, &full, &value, expires).map(|()| value));
            }
            Action::Del => {
                let request = kv::DelRequest { key: key.clone() };
                assert_eq!(self.ask(link, kv::OP_DEL, &request), Ok(kv::DelResponse { key }));
                self.model.delete(&full);
            }
            Action::Exists => {
                let answer = self.ask(link, kv::OP_KEY_EXISTS, &kv::KeyExistsRequest { key });
                let (value, exists) = self.model.exists(&full);
                assert_eq!(answer, Ok(kv::KeyExistsResponse { value, exists }));
            }
            Action::Clear => {
                let answer = self.ask(link, kv::OP_CLEAR, &kv::ClearRequest { key: key.clone() });
                assert_eq!(answer, self.model.clear(&full).map(|()| kv::ClearResponse { key }));
            }
            Action::Push(text) => {
                let value = text.text();
                let expected = self.model.push(link, &full, &value);
                let answer = self.ask(link, kv::OP_PUSH, &kv::PushRequest { key, value });
                assert_eq!(answer.map(|answer: kv::PushResponse| answer.new_count), count(expected));
            }
            Action::DeleteItems(text) => {
                let value = text.text();
                let expected = self.model.delete_items(&full, &value);
                let request = kv::ListItemDeleteRequest { key, value };
                let answer = self.ask(link, kv::OP_LIST_ITEM_DELETE, &request);
                assert_eq!(
                    answer.map(|answer: kv::ListItemDeleteResponse| answer.new_count),
                    count(expected)
                );
            }
            Action::Range(start, stop) => {
                let (start, stop) = (start.into(), stop.into());
                let answer = self.ask(link, kv::OP_RANGE, &kv::RangeRequest { key, start, stop });
                let answer = answer.map(|answer: kv::RangeResponse| answer.values);
                assert_eq!(answer, self.model.range(&full, start, stop));
            }
            Action::SetAdd(text) => {
                let value = text.text();
                let expected = self.model.set_add(link, &full, &value);
                let answer = self.ask(link, kv::OP_SET_ADD, &kv::SetAddRequest { key, value });
                assert_eq!(answer.map(|answer: kv::SetAddResponse| answer.new_count), count(expected));
            }
            Action::SetRemove(text) => {
                let value = text.text();
                let expected = self.model.set_remove(&full, &value);
                let answer = self.ask(link, kv::OP_SET_REMOVE, &kv::SetRemoveRequest { key, value });
                assert_eq!(answer.map(|answer: kv::SetRemoveResponse| answer.new_count), count(expected));
            }
            Action::Union(keys) => {
                let request = kv::SetUnionRequest { keys: keys.iter().copied().map(name).collect() };
                let answer = self.ask(link, kv::OP_SET_UNION, &request);
                let expected = self.model.union(&keys.into_iter().map(stored).collect());
                assert_eq!(answer.map(|answer: kv::SetUnionResponse| distinct(answer.values)), expected);
            }
            Action::Intersection(keys) => {
                let request = kv::SetIntersectionRequest { keys: keys.iter().copied().map(name).collect() };
                let answer = self.ask(link, kv::OP_SET_INTERSECTION, &request);
                let expected = self.model.intersection(&keys.into_iter().map(stored).collect());
                assert_eq!(
                    answer.map(|answer: kv::SetIntersectionResponse| distinct(answer.values)),
                    expected
                );
            }
            Action::Query => {
                let answer = self.ask(link, kv::OP_SET_QUERY, &kv::SetQueryRequest { key });
                let answer = answer.map(|answer: kv::SetQueryResponse| distinct(answer.values));
                assert_eq!(answer, self.model.set_query(&full));
            }
            Action::Pass(seconds) => {
                self.seconds.fetch_add(seconds.into(), SeqCst);
                self.model.pass(seconds.into());
            }
            Action::Link(limit) => self.link(link, usize::from(limit) % MOST_ROOM),
        }
        assert_eq!((self.store.len(), self.store.used_bytes()), (self.model.len(), self.model.used()));
    }

    fn add(&mut self, link: usize, key: String, full: &str, value: i32) {
        let answer = self.ask(link, kv::OP_ADD, &kv::AddRequest { key, value });
        assert_eq!(answer.map(|answer: kv::AddResponse| answer.value), self.model.add(link, full, value));
    }
}

fn count(expected: Result<usize, Refused>) -> Result<i32, Refused> {
    expected.map(|count| i32::try_from(count).unwrap())
}

/// The members, none of which is there twice.
fn distinct(values: Vec<String>) -> BTreeSet<String> {
    let (count, values) = (values.len(), values.into_iter().collect::<BTreeSet<_>>());
    assert_eq!(count, values.len());
    values
}
