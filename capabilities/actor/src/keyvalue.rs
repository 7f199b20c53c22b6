//! Keeps values, counters, lists and sets under keys through `wascc:keyvalue`.
//!
//! ```no_run
//! # use actor_sdk::{Error, keyvalue};
//! # fn example() -> Result<(), Error> {
//! let visits: i32 = keyvalue::default().add("visits", 1)?;
//! let title: Option<String> = keyvalue::link("archive").get("title")?;
//! # Ok(()) }
//! ```
//!
//! Every method fails with [`Error::Host`] when the store, or the host, answers with an error, and with [`Error::Codec`] when
//! its reply cannot be read.

use alloc::{string::String, vec::Vec};

use capability_contracts::keyvalue::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Error,
    call::{self, DEFAULT_LINK},
};

/// A key-value store behind a link.
#[derive(Debug, Clone, Copy)]
pub struct KeyValue<'a> {
    link: &'a str,
}

/// The store behind the link `default`.
#[must_use]
pub const fn default() -> KeyValue<'static> {
    link(DEFAULT_LINK)
}

/// The store behind the link of this name.
#[must_use]
pub const fn link(name: &str) -> KeyValue<'_> {
    KeyValue { link: name }
}

/// Values and counters.
#[allow(clippy::missing_errors_doc, reason = "the module says it once for all methods")]
impl KeyValue<'_> {
    /// Adds `value` to a counter in one step and returns the sum. A key without a value counts as 0; a sum that does not
    /// fit is an error and changes nothing.
    pub fn add(&self, key: &str, value: i32) -> Result<i32, Error> {
        let reply: AddResponse = self.request(OP_ADD, &AddRequest { key: key.into(), value })?;
        Ok(reply.value)
    }

    /// Reads a value.
    pub fn get(&self, key: &str) -> Result<Option<String>, Error> {
        let reply: GetResponse = self.request(OP_GET, &GetRequest { key: key.into() })?;
        Ok(reply.exists.then_some(reply.value))
    }

    /// Writes a value that stays.
    pub fn set(&self, key: &str, value: &str) -> Result<(), Error> {
        self.set_expiring(key, value, 0)
    }

    /// Writes a value that is gone after `seconds`; 0 means that it stays.
    pub fn set_expiring(&self, key: &str, value: &str, seconds: i32) -> Result<(), Error> {
        self.tell(OP_SET, &SetRequest { key: key.into(), value: value.into(), expires: seconds })
    }

    /// Removes a key and whatever is under it.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.tell(OP_DEL, &DelRequest { key: key.into() })
    }

    /// Whether there is anything under a key.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        let reply: KeyExistsResponse = self.request(OP_KEY_EXISTS, &KeyExistsRequest { key: key.into() })?;
        Ok(reply.exists)
    }
}

/// Lists.
#[allow(clippy::missing_errors_doc, reason = "the module says it once for all methods")]
impl KeyValue<'_> {
    /// Adds an item to the end of a list and returns how many there are now.
    pub fn push(&self, key: &str, item: &str) -> Result<i32, Error> {
        let reply: PushResponse =
            self.request(OP_PUSH, &PushRequest { key: key.into(), value: item.into() })?;
        Ok(reply.new_count)
    }

    /// Reads the items of a list from position `start` to `stop`, both included; negative positions count from the end.
    pub fn range(&self, key: &str, start: i32, stop: i32) -> Result<Vec<String>, Error> {
        let reply: RangeResponse = self.request(OP_RANGE, &RangeRequest { key: key.into(), start, stop })?;
        Ok(reply.values)
    }

    /// Removes every item that equals `item` and returns how many there are now.
    pub fn remove_item(&self, key: &str, item: &str) -> Result<i32, Error> {
        let message = ListItemDeleteRequest { key: key.into(), value: item.into() };
        let reply: ListItemDeleteResponse = self.request(OP_LIST_ITEM_DELETE, &message)?;
        Ok(reply.new_count)
    }

    /// Empties a list.
    pub fn clear(&self, key: &str) -> Result<(), Error> {
        self.tell(OP_CLEAR, &ClearRequest { key: key.into() })
    }
}

/// Sets.
#[allow(clippy::missing_errors_doc, reason = "the module says it once for all methods")]
impl KeyValue<'_> {
    /// Adds a member to a set and returns how many there are now.
    pub fn set_add(&self, key: &str, member: &str) -> Result<i32, Error> {
        let message = SetAddRequest { key: key.into(), value: member.into() };
        let reply: SetAddResponse = self.request(OP_SET_ADD, &message)?;
        Ok(reply.new_count)
    }

    /// Removes a member from a set and returns how many there are now.
    pub fn set_remove(&self, key: &str, member: &str) -> Result<i32, Error> {
        let message = SetRemoveRequest { key: key.into(), value: member.into() };
        let reply: SetRemoveResponse = self.request(OP_SET_REMOVE, &message)?;
        Ok(reply.new_count)
    }

    /// The members of a set, in no order.
    pub fn members(&self, key: &str) -> Result<Vec<String>, Error> {
        let reply: SetQueryResponse = self.request(OP_SET_QUERY, &SetQueryRequest { key: key.into() })?;
        Ok(reply.values)
    }

    /// The members of any of the sets, in no order.
    pub fn union(&self, keys: &[&str]) -> Result<Vec<String>, Error> {
        let reply: SetUnionResponse = self.request(OP_SET_UNION, &SetUnionRequest { keys: owned(keys) })?;
        Ok(reply.values)
    }

    /// The members that all of the sets have, in no order.
    pub fn intersection(&self, keys: &[&str]) -> Result<Vec<String>, Error> {
        let message = SetIntersectionRequest { keys: owned(keys) };
        let reply: SetIntersectionResponse = self.request(OP_SET_INTERSECTION, &message)?;
        Ok(reply.values)
    }
}

impl KeyValue<'_> {
    fn request<T: Serialize, R: DeserializeOwned>(&self, operation: &str, message: &T) -> Result<R, Error> {
        call::request(self.link, CAPABILITY, operation, message)
    }

    fn tell<T: Serialize>(&self, operation: &str, message: &T) -> Result<(), Error> {
        call::tell(self.link, CAPABILITY, operation, message)
    }
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| String::from(*key)).collect()
}
