//! Leads from an operation's bytes to the store and back: the provider.

use std::{fmt, time::Instant};

use bytes::Bytes;
use capability_contracts::{CodecError, decode, encode, keyvalue as kv};
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    answer::{self, AnswerBudget},
    fault::Fault,
    limits::Limits,
    links::{Link, Links},
    store::{Store, expiry},
    value::{List, item_cost},
};

const NAME: &str = "keyvalue-memory";
/// How often a change is tried that others may overtake.
const TRIES: usize = 100;

/// Where the store takes the time from.
type TimeSource = Box<dyn Fn() -> Instant + Send + Sync>;

/// The `wascc:keyvalue` capability in memory.
///
/// Every link shares one store: two actors that use the same key see the same value, unless the configuration of a link
/// gives its keys a `prefix`. Each operation is done whole or not at all, and none sees another half done.
pub struct MemoryKeyValue {
    store: Mutex<Store>,
    links: Links,
    clock: TimeSource,
}

impl MemoryKeyValue {
    /// An empty store with the default [`Limits`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// An empty store that holds no more than `limits` allow.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Self {
        Self { store: Mutex::new(Store::new(limits)), links: Links::default(), clock: Box::new(Instant::now) }
    }

    /// The same store, by whose `clock` values expire. The clock must not go backwards.
    ///
    /// ```
    /// use std::{sync::{Arc, Mutex}, time::{Duration, Instant}};
    /// use provider_keyvalue_memory::MemoryKeyValue;
    ///
    /// let now = Arc::new(Mutex::new(Instant::now()));
    /// let hands = Arc::clone(&now);
    /// let store = MemoryKeyValue::new().with_clock(move || *hands.lock().unwrap());
    /// *now.lock().unwrap() += Duration::from_secs(60); // a minute passes in the store
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The text or counter under `key`, its link's prefix included; `None` when there is none or it is a list or a set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        self.with_store(|store, _| store.text(key)).ok().flatten().map(|text| text.to_string())
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with_store(|store, _| store.len())
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes the store counts as used, of [`Limits::total_bytes`].
    #[must_use]
    pub fn used_bytes(&self) -> usize {
        self.with_store(|store, _| store.used())
    }

    /// Lets `act` see the store as it is at this moment, without what has expired.
    fn with_store<T>(&self, act: impl FnOnce(&mut Store, Instant) -> T) -> T {
        let mut store = self.store.lock();
        let now = (self.clock)();
        store.collect(now);
        let done = act(&mut store, now);
        let taken = store.taken();
        drop(store);
        // Freeing a large value takes time, so it is done outside of the lock.
        drop(taken);
        done
    }

    /// Reads the request, lets `act` do what it asks for and `tell` put the answer together.
    fn answer<Q: DeserializeOwned, T, A: Serialize>(
        &self,
        call: &CapabilityCall<'_>,
        link: &Link,
        act: impl FnOnce(&mut Store, &Q, Instant) -> Result<T, Fault>,
        tell: impl FnOnce(Q, T, &mut AnswerBudget) -> Result<A, Fault>,
    ) -> Result<Bytes, ProviderError> {
        self.answer_at_leisure(call, link, |request, budget| {
            let done = self.with_store(|store, now| act(store, &request, now))?;
            tell(request, done, budget)
        })
    }

    /// Reads the request, and lets `act` answer it, which takes the lock only when it has to.
    fn answer_at_leisure<Q: DeserializeOwned, A: Serialize>(
        &self,
        call: &CapabilityCall<'_>,
        link: &Link,
        act: impl FnOnce(Q, &mut AnswerBudget) -> Result<A, Fault>,
    ) -> Result<Bytes, ProviderError> {
        let request = decode(call.operation, call.payload).map_err(|error| unreadable(call, &error))?;
        let answer = act(request, &mut AnswerBudget::new(call.reply_limit))
            .map_err(|fault| fault.into_error(call.operation, &link.prefix))?;
        let bytes = encode(&answer).map(Bytes::from).map_err(|error| ProviderError::Failed {
            operation: call.operation.to_owned(),
            source: error.into(),
        })?;
        call.check_reply(bytes.len()).map(|()| bytes)
    }

    fn texts(&self, call: &CapabilityCall<'_>, link: &Link) -> Result<Bytes, ProviderError> {
        let key = |key: &str| link.prefix.apply(key);
        match call.operation {
            kv::OP_ADD => self.answer(
                call,
                link,
                |store, q: &kv::AddRequest, _| store.add(link, &key(&q.key), q.value),
                |_, value, _| Ok(kv::AddResponse { value }),
            ),
            kv::OP_GET => self.answer(
                call,
                link,
                |store, q: &kv::GetRequest, _| store.text(&key(&q.key)),
                |_, text, budget| {
                    let value = budget.text(text.as_deref().unwrap_or_default())?;
                    Ok(kv::GetResponse { value, exists: text.is_some() })
                },
            ),
            kv::OP_SET => self.answer(
                call,
                link,
                |store, q: &kv::SetRequest, now| {
                    let key = key(&q.key);
                    let expires = expiry(&key, q.expires, now)?;
                    store.set(link, &key, &q.value, expires)
                },
                |q, (), _| Ok(kv::SetResponse { value: q.value }),
            ),
            kv::OP_DEL => self.answer(
                call,
                link,
                |store, q: &kv::DelRequest, _| {
                    store.delete(&key(&q.key));
                    Ok(())
                },
                |q, (), _| Ok(kv::DelResponse { key: q.key }),
            ),
            kv::OP_KEY_EXISTS => self.answer(
                call,
                link,
                |store, q: &kv::KeyExistsRequest, _| {
                    let key = key(&q.key);
                    // A list or a set is there, and has no text.
                    Ok((store.text(&key).ok().flatten(), store.exists(&key)))
                },
                |_, (text, exists), budget| {
                    let value = budget.text(text.as_deref().unwrap_or_default())?;
                    Ok(kv::KeyExistsResponse { value, exists })
                },
            ),
            _ => self.lists(call, link),
        }
    }

    fn lists(&self, call: &CapabilityCall<'_>, link: &Link) -> Result<Bytes, ProviderError> {
        let key = |key: &str| link.prefix.apply(key);
        match call.operation {
            kv::OP_CLEAR => self.answer(
                call,
                link,
                |store, q: &kv::ClearRequest, _| store.clear(&key(&q.key)),
                |q, (), _| Ok(kv::ClearResponse { key: q.key }),
            ),
            kv::OP_PUSH => self.answer(
                call,
                link,
                |store, q: &kv::PushRequest, _| store.push(link, &key(&q.key), q.value.clone()),
                |_, length, _| Ok(kv::PushResponse { new_count: count(length) }),
            ),
            kv::OP_LIST_ITEM_DELETE => {
                self.answer_at_leisure(call, link, |q: kv::ListItemDeleteRequest, _| {
                    let length = self.delete_items(&key(&q.key), &q.value)?;
                    Ok(kv::ListItemDeleteResponse { new_count: count(length) })
                })
            }
            kv::OP_RANGE => self.answer(
                call,
                link,
                |store, q: &kv::RangeRequest, _| store.list(&key(&q.key)),
                |q, items, budget| {
                    let values = budget.texts(answer::range(&items, q.start, q.stop))?;
                    Ok(kv::RangeResponse { values })
                },
            ),
            _ => self.sets(call, link),
        }
    }

    /// Takes every item that equals `item` out of a list and returns its new length.
    fn delete_items(&self, key: &str, item: &str) -> Result<usize, Fault> {
        for _ in 0..TRIES {
            let (items, version) = self.with_store(|store, _| store.list_and_version(key))?;
            let kept: List = items.iter().filter(|other| &***other != item).cloned().collect();
            let (length, removed) = (kept.len(), (items.len() - kept.len()) * item_cost(item));
            if removed == 0 || self.with_store(|store, _| store.exchange(key, version, kept, removed)) {
                return Ok(length);
            }
        }
        Err(Fault::Contended { key: key.to_owned() })
    }

    fn sets(&self, call: &CapabilityCall<'_>, link: &Link) -> Result<Bytes, ProviderError> {
        let key = |key: &str| link.prefix.apply(key);
        let keys = |keys: &[String]| keys.iter().map(|key| link.prefix.apply(key)).collect::<Vec<_>>();
        match call.operation {
            kv::OP_SET_ADD => self.answer(
                call,
                link,
                |store, q: &kv::SetAddRequest, _| store.set_add(link, &key(&q.key), q.value.clone()),
                |_, size, _| Ok(kv::SetAddResponse { new_count: count(size) }),
            ),
            kv::OP_SET_REMOVE => self.answer(
                call,
                link,
                |store, q: &kv::SetRemoveRequest, _| store.set_remove(link, &key(&q.key), &q.value),
                |_, size, _| Ok(kv::SetRemoveResponse { new_count: count(size) }),
            ),
            kv::OP_SET_UNION => self.answer(
                call,
                link,
                |store, q: &kv::SetUnionRequest, _| store.sets(&keys(&q.keys)),
                |_, sets, budget| Ok(kv::SetUnionResponse { values: budget.texts(answer::union(&sets))? }),
            ),
            kv::OP_SET_INTERSECTION => self.answer(
                call,
                link,
                |store, q: &kv::SetIntersectionRequest, _| store.sets(&keys(&q.keys)),
                |_, sets, budget| {
                    Ok(kv::SetIntersectionResponse { values: budget.texts(answer::intersection(&sets))? })
                },
            ),
            kv::OP_SET_QUERY => self.answer(
                call,
                link,
                |store, q: &kv::SetQueryRequest, _| store.set_of(&key(&q.key)),
                |_, members, budget| Ok(kv::SetQueryResponse { values: budget.texts(members.iter())? }),
            ),
            unknown => Err(ProviderError::UnknownOperation {
                capability: kv::CAPABILITY.to_owned(),
                operation: unknown.to_owned(),
            }),
        }
    }
}

impl Provider for MemoryKeyValue {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(kv::CAPABILITY).expect("the contract's id is a valid capability id")
    }

    fn name(&self) -> &str {
        NAME
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        self.links.add(link, config)
    }

    fn unlink(&self, link: &LinkKey) {
        self.links.remove(link);
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        let link = self.links.find(call, NAME)?;
        self.texts(call, &link).map(Reply::Now)
    }
}

impl Default for MemoryKeyValue {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryKeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What actors keep in the store is nobody else's business.
        f.debug_struct("MemoryKeyValue").field("links", &self.links).finish_non_exhaustive()
    }
}

fn unreadable(call: &CapabilityCall<'_>, error: &CodecError) -> ProviderError {
    ProviderError::InvalidPayload {
        operation: call.operation.to_owned(),
        size: call.payload.len(),
        reason: error.to_string(),
    }
}

/// The contract counts in 32 bits; the largest number stands for all above it, which take more memory than there is.
fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
