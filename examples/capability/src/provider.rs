//! Keeps a dictionary in memory.

use std::collections::BTreeMap;

use capability_contracts::{decode, encode};
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};

use crate::contract::{CAPABILITY, LookUpRequest, LookUpResponse, OP_LOOK_UP};

// region provider
/// A dictionary of words that are given to it once, the same for all links.
#[derive(Debug, Clone)]
pub struct WordList {
    meanings: BTreeMap<String, String>,
}

impl WordList {
    /// A dictionary of words, each with its meaning.
    pub fn new<W: Into<String>, M: Into<String>>(words: impl IntoIterator<Item = (W, M)>) -> Self {
        let entry = |(word, meaning): (W, M)| (word.into().to_lowercase(), meaning.into());
        Self { meanings: words.into_iter().map(entry).collect() }
    }

    fn look_up(&self, call: &CapabilityCall<'_>) -> Result<LookUpResponse, ProviderError> {
        let request: LookUpRequest =
            decode(call.operation, call.payload).map_err(|error| ProviderError::InvalidPayload {
                operation: call.operation.to_owned(),
                size: call.payload.len(),
                reason: error.to_string(),
            })?;
        if request.word.is_empty() {
            return Err(ProviderError::Rejected {
                operation: call.operation.to_owned(),
                key: request.word,
                reason: "the word is empty".to_owned(),
            });
        }
        Ok(LookUpResponse { meaning: self.meanings.get(&request.word.to_lowercase()).cloned() })
    }
}

impl Provider for WordList {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(CAPABILITY).expect("the contract's id is valid")
    }

    fn name(&self) -> &str {
        "word-list"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        if call.operation != OP_LOOK_UP {
            return Err(ProviderError::UnknownOperation {
                capability: CAPABILITY.to_owned(),
                operation: call.operation.to_owned(),
            });
        }
        let reply = encode(&self.look_up(call)?).expect("a text can always be written");
        call.check_reply(reply.len())?;
        Ok(reply.into())
    }
}
// endregion provider
