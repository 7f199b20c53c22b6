//! The provider: from an operation's bytes to the store and back.

use std::{fmt, time::Instant};

use bytes::Bytes;
use capability_contracts::{CodecError, decode, encode, keyvalue as kv};
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError,
};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    fault::Fault,
    limits::Limits,
    links::{Links, Prefix},
    store::{Store, expiry},
};

const NAME: &str = "keyvalue-memory";

/// Where the store takes the time from.
type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

/// The `wascc:keyvalue` capability in memory.
///
/// Every link shares one store: two actors that use the same key see the same value, unless the configuration of a link
/// gives its keys a `prefix`. Each operation is done whole or not at all, and none sees another half done.
pub struct MemoryKeyValue {
    store: Mutex<Store>,
    links: Links,
    clock: Clock,
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
        self.with_store(|store, _| store.text(key).ok().flatten().map(str::to_owned))
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
        act(&mut store, now)
    }

    /// Reads the request, lets `act` answer it, and writes the answer.
    fn answer<Q: DeserializeOwned, A: Serialize>(
        &self,
        call: &CapabilityCall<'_>,
        prefix: &Prefix,
        act: impl FnOnce(&mut Store, Q, Instant) -> Result<A, Fault>,
    ) -> Result<Bytes, ProviderError> {
        let request = decode(call.operation, call.payload).map_err(|error| unreadable(call, &error))?;
        let answer = self
            .with_store(|store, now| act(store, request, now))
            .map_err(|fault| fault.into_error(call.operation, prefix))?;
        encode(&answer).map(Bytes::from).map_err(|error| ProviderError::Failed {
            operation: call.operation.to_owned(),
            source: error.into(),
        })
    }

    fn texts(&self, call: &CapabilityCall<'_>, prefix: &Prefix) -> Result<Bytes, ProviderError> {
        let key = |key: &str| prefix.apply(key);
        match call.operation {
            kv::OP_ADD => self.answer(call, prefix, |store, q: kv::AddRequest, _| {
                store.add(&key(&q.key), q.value).map(|value| kv::AddResponse { value })
            }),
            kv::OP_GET => self.answer(call, prefix, |store, q: kv::GetRequest, _| {
                let text = store.text(&key(&q.key))?;
                Ok(kv::GetResponse { value: text.unwrap_or_default().to_owned(), exists: text.is_some() })
            }),
            kv::OP_SET => self.answer(call, prefix, |store, q: kv::SetRequest, now| {
                let key = key(&q.key);
                let expires = expiry(&key, q.expires, now)?;
                store.set(&key, q.value.clone(), expires)?;
                Ok(kv::SetResponse { value: q.value })
            }),
            kv::OP_DEL => self.answer(call, prefix, |store, q: kv::DelRequest, _| {
                store.delete(&key(&q.key));
                Ok(kv::DelResponse { key: q.key })
            }),
            kv::OP_KEY_EXISTS => self.answer(call, prefix, |store, q: kv::KeyExistsRequest, _| {
                let key = key(&q.key);
                // A list or a set is there, and has no text.
                let value = store.text(&key).ok().flatten().unwrap_or_default().to_owned();
                Ok(kv::KeyExistsResponse { value, exists: store.exists(&key) })
            }),
            _ => self.lists(call, prefix),
        }
    }

    fn lists(&self, call: &CapabilityCall<'_>, prefix: &Prefix) -> Result<Bytes, ProviderError> {
        let key = |key: &str| prefix.apply(key);
        match call.operation {
            kv::OP_CLEAR => self.answer(call, prefix, |store, q: kv::ClearRequest, _| {
                store.clear(&key(&q.key))?;
                Ok(kv::ClearResponse { key: q.key })
            }),
            kv::OP_PUSH => self.answer(call, prefix, |store, q: kv::PushRequest, _| {
                let length = store.push(&key(&q.key), q.value)?;
                Ok(kv::PushResponse { new_count: count(length) })
            }),
            kv::OP_LIST_ITEM_DELETE => self.answer(call, prefix, |store, q: kv::ListItemDeleteRequest, _| {
                let length = store.list_delete(&key(&q.key), &q.value)?;
                Ok(kv::ListItemDeleteResponse { new_count: count(length) })
            }),
            kv::OP_RANGE => self.answer(call, prefix, |store, q: kv::RangeRequest, _| {
                store.range(&key(&q.key), q.start, q.stop).map(|values| kv::RangeResponse { values })
            }),
            _ => self.sets(call, prefix),
        }
    }

    fn sets(&self, call: &CapabilityCall<'_>, prefix: &Prefix) -> Result<Bytes, ProviderError> {
        let key = |key: &str| prefix.apply(key);
        let keys = |keys: &[String]| keys.iter().map(|key| prefix.apply(key)).collect::<Vec<_>>();
        match call.operation {
            kv::OP_SET_ADD => self.answer(call, prefix, |store, q: kv::SetAddRequest, _| {
                let size = store.set_add(&key(&q.key), q.value)?;
                Ok(kv::SetAddResponse { new_count: count(size) })
            }),
            kv::OP_SET_REMOVE => self.answer(call, prefix, |store, q: kv::SetRemoveRequest, _| {
                let size = store.set_remove(&key(&q.key), &q.value)?;
                Ok(kv::SetRemoveResponse { new_count: count(size) })
            }),
            kv::OP_SET_UNION => self.answer(call, prefix, |store, q: kv::SetUnionRequest, _| {
                store.union(&keys(&q.keys)).map(|values| kv::SetUnionResponse { values })
            }),
            kv::OP_SET_INTERSECTION => {
                self.answer(call, prefix, |store, q: kv::SetIntersectionRequest, _| {
                    store.intersection(&keys(&q.keys)).map(|values| kv::SetIntersectionResponse { values })
                })
            }
            kv::OP_SET_QUERY => self.answer(call, prefix, |store, q: kv::SetQueryRequest, _| {
                store.query(&key(&q.key)).map(|values| kv::SetQueryResponse { values })
            }),
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

    fn handle(&self, call: &CapabilityCall<'_>) -> Result<Bytes, ProviderError> {
        let prefix = self.links.prefix(call, NAME)?;
        self.texts(call, &prefix)
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
