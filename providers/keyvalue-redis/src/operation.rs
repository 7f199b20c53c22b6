//! Carries out one operation of the contract on the link's server.

use std::collections::BTreeSet;

use bytes::Bytes;
use capability_contracts::{CodecError, decode, encode, keyvalue as kv};
use capability_provider::{CapabilityCall, ProviderError};
use redis::{Cmd, FromRedisValue};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    command,
    provider::Link,
    reply::{Subject, is_wrong_type},
    server::{Budget, Repeat, Reply},
};

/// The most different keys that one union or intersection may name, so that no call keeps the server from others for long.
const MOST_KEYS: usize = 1000;

type Done = Result<Bytes, ProviderError>;

/// One call, with the link over which it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    call: &'a CapabilityCall<'a>,
    link: &'a Link,
    budget: Budget<'a>,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(call: &'a CapabilityCall<'a>, link: &'a Link) -> Self {
        Self { call, link, budget: Budget::of(call, &link.server.settings()) }
    }

    pub(crate) fn carry_out(&self) -> Done {
        match self.call.operation {
            kv::OP_ADD => self.add(self.request()?),
            kv::OP_GET => self.get(self.request()?),
            kv::OP_SET => self.set(self.request()?),
            kv::OP_DEL => self.delete(self.request()?),
            kv::OP_KEY_EXISTS => self.exists(self.request()?),
            kv::OP_CLEAR => self.clear(self.request()?),
            kv::OP_PUSH => self.push(self.request()?),
            kv::OP_LIST_ITEM_DELETE => self.list_delete(self.request()?),
            kv::OP_RANGE => self.range(self.request()?),
            kv::OP_SET_ADD => self.set_add(self.request()?),
            kv::OP_SET_REMOVE => self.set_remove(self.request()?),
            kv::OP_SET_UNION => self.union(self.request()?),
            kv::OP_SET_INTERSECTION => self.intersection(self.request()?),
            kv::OP_SET_QUERY => self.query(self.request()?),
            unknown => Err(ProviderError::UnknownOperation {
                capability: kv::CAPABILITY.to_owned(),
                operation: unknown.to_owned(),
            }),
        }
    }

    fn add(&self, request: kv::AddRequest) -> Done {
        let command = command::add(&self.key(&request.key), request.value);
        let subject = self.about(&request.key);
        let sum: i64 = self.once(&command, &subject)?;
        self.answer(&kv::AddResponse { value: subject.count(sum)? })
    }

    fn get(&self, request: kv::GetRequest) -> Done {
        let subject = self.about(&request.key);
        let text: Option<Vec<u8>> = self.send(&command::get(&self.key(&request.key)), &subject)?;
        let exists = text.is_some();
        self.answer(&kv::GetResponse { value: subject.text(text.unwrap_or_default())?, exists })
    }

    fn set(&self, request: kv::SetRequest) -> Done {
        let subject = self.about(&request.key);
        let seconds = u32::try_from(request.expires).map_err(|_| {
            let expires = request.expires;
            subject.rejected(format!("a value cannot expire in {expires} seconds; 0 stands for never"))
        })?;
        let command = command::set(&self.key(&request.key), &request.value, seconds);
        self.send::<()>(&command, &subject)?;
        self.answer(&kv::SetResponse { value: request.value })
    }

    fn delete(&self, request: kv::DelRequest) -> Done {
        self.send::<()>(&command::delete(&self.key(&request.key)), &self.about(&request.key))?;
        self.answer(&kv::DelResponse { key: request.key })
    }

    /// One GET tells it all: a refusal because of the kind of value says that there is one, without a text.
    fn exists(&self, request: kv::KeyExistsRequest) -> Done {
        let command = command::get(&self.key(&request.key));
        let (value, exists) = match self.reply::<Option<Vec<u8>>>(&command, Repeat::Harmless)? {
            Ok(None) => (String::new(), false),
            Ok(Some(text)) => (String::from_utf8(text).unwrap_or_default(), true),
            Err(error) if is_wrong_type(&error) => (String::new(), true),
            Err(error) => return Err(self.about(&request.key).error(&error)),
        };
        self.answer(&kv::KeyExistsResponse { value, exists })
    }

    fn clear(&self, request: kv::ClearRequest) -> Done {
        self.send::<()>(&command::clear(&self.key(&request.key)), &self.about(&request.key))?;
        self.answer(&kv::ClearResponse { key: request.key })
    }

    fn push(&self, request: kv::PushRequest) -> Done {
        let command = command::push(&self.key(&request.key), &request.value);
        let subject = self.about(&request.key);
        let length: i64 = self.once(&command, &subject)?;
        self.answer(&kv::PushResponse { new_count: subject.count(length)? })
    }

    fn list_delete(&self, request: kv::ListItemDeleteRequest) -> Done {
        let command = command::list_delete(&self.key(&request.key), &request.value);
        let subject = self.about(&request.key);
        let length: i64 = self.send(&command, &subject)?;
        self.answer(&kv::ListItemDeleteResponse { new_count: subject.count(length)? })
    }

    fn range(&self, request: kv::RangeRequest) -> Done {
        let command = command::range(&self.key(&request.key), request.start, request.stop);
        let subject = self.about(&request.key);
        let values = self.send(&command, &subject)?;
        self.answer(&kv::RangeResponse { values: subject.texts(values)? })
    }

    fn set_add(&self, request: kv::SetAddRequest) -> Done {
        let command = command::set_add(&self.key(&request.key), &request.value);
        let subject = self.about(&request.key);
        let size: i64 = self.send(&command, &subject)?;
        self.answer(&kv::SetAddResponse { new_count: subject.count(size)? })
    }

    fn set_remove(&self, request: kv::SetRemoveRequest) -> Done {
        let command = command::set_remove(&self.key(&request.key), &request.value);
        let subject = self.about(&request.key);
        let size: i64 = self.send(&command, &subject)?;
        self.answer(&kv::SetRemoveResponse { new_count: subject.count(size)? })
    }

    fn union(&self, request: kv::SetUnionRequest) -> Done {
        let values = self.members(&request.keys, command::union)?;
        self.answer(&kv::SetUnionResponse { values })
    }

    fn intersection(&self, request: kv::SetIntersectionRequest) -> Done {
        let values = self.members(&request.keys, command::intersection)?;
        self.answer(&kv::SetIntersectionResponse { values })
    }

    fn query(&self, request: kv::SetQueryRequest) -> Done {
        let subject = self.about(&request.key);
        let values = self.send(&command::query(&self.key(&request.key)), &subject)?;
        self.answer(&kv::SetQueryResponse { values: subject.texts(values)? })
    }

    fn members(&self, keys: &[String], command: fn(&[String]) -> Cmd) -> Result<Vec<String>, ProviderError> {
        let subject = self.about(keys.first().map_or("", String::as_str));
        if keys.is_empty() {
            return Err(subject.rejected("name at least one key"));
        }
        // The server would look through a set once for each time that it is named.
        let distinct: BTreeSet<_> = keys.iter().collect();
        if distinct.len() > MOST_KEYS {
            return Err(subject.rejected(format!("name at most {MOST_KEYS} keys, not {}", distinct.len())));
        }
        let keys: Vec<_> = distinct.into_iter().map(|key| self.key(key)).collect();
        subject.texts(self.send(&command(&keys), &subject)?)
    }

    /// The key as the server knows it.
    fn key(&self, key: &str) -> String {
        [&self.link.prefix, key].concat()
    }

    fn about<'k>(&self, key: &'k str) -> Subject<'k>
    where
        'a: 'k,
    {
        Subject { server: &self.link.server, operation: self.call.operation, key }
    }

    /// Sends a command that does no harm when it is carried out twice.
    fn send<T: FromRedisValue>(&self, command: &Cmd, subject: &Subject<'_>) -> Result<T, ProviderError> {
        self.reply(command, Repeat::Harmless)?.map_err(|error| subject.error(&error))
    }

    /// Sends a command that must not be carried out twice.
    fn once<T: FromRedisValue>(&self, command: &Cmd, subject: &Subject<'_>) -> Result<T, ProviderError> {
        self.reply(command, Repeat::Never)?.map_err(|error| subject.error(&error))
    }

    fn reply<T: FromRedisValue>(&self, command: &Cmd, repeat: Repeat) -> Result<Reply<T>, ProviderError> {
        self.link.server.run(&self.budget, repeat, command)
    }

    fn request<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        let CapabilityCall { operation, payload, .. } = *self.call;
        decode(operation, payload).map_err(|error: CodecError| ProviderError::InvalidPayload {
            operation: operation.to_owned(),
            size: payload.len(),
            reason: error.to_string(),
        })
    }

    fn answer<T: Serialize>(&self, answer: &T) -> Done {
        let bytes = encode(answer).map_err(|error| ProviderError::Failed {
            operation: self.call.operation.to_owned(),
            source: error.into(),
        })?;
        self.call.check_reply(bytes.len()).map(|()| bytes.into())
    }
}
