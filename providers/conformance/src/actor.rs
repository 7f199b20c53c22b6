//! Plays an actor as a provider sees one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use capability_contracts::{decode, encode};
use capability_provider::{
    ActorHandle, ActorId, CallContext, CapabilityCall, Dispatch, DispatchError, LinkConfig, LinkKey,
    LinkName, Provider, ProviderError,
};
use serde::{Serialize, de::DeserializeOwned};

/// Far more than any operation needs, and little enough that a provider which hangs does not hold up a whole test run.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A test's end of a link: sends a provider what an actor would send.
#[derive(Debug, Clone)]
pub struct TestActor {
    key: LinkKey,
}

impl TestActor {
    /// The actor whose key is `M` and then 55 times `letter`, on the default link to the capability of `provider`.
    ///
    /// # Panics
    /// When `letter` is not from `A` to `Z`.
    #[must_use]
    pub fn new(provider: &dyn Provider, letter: char) -> Self {
        let actor = ActorId::new(&format!("M{}", letter.to_string().repeat(55)));
        let actor = actor.unwrap_or_else(|error| panic!("{letter:?} does not make an actor's id: {error}"));
        Self { key: LinkKey::new(actor, provider.capability(), LinkName::default()) }
    }

    /// The key of its link.
    #[must_use]
    pub fn key(&self) -> &LinkKey {
        &self.key
    }

    /// Makes its link. What the provider sends to the actor over it is refused.
    ///
    /// # Errors
    /// What the provider answers.
    pub fn link(&self, provider: &dyn Provider, config: &LinkConfig) -> Result<(), ProviderError> {
        let dispatch = Arc::new(NoActor { link: self.key.clone() });
        provider.link(&self.key, config, ActorHandle::new(self.key.clone(), dispatch))
    }

    /// Ends its link.
    pub fn unlink(&self, provider: &dyn Provider) {
        provider.unlink(&self.key);
    }

    /// Sends `request` and reads the answer.
    ///
    /// # Errors
    /// What the provider answers; [`ProviderError::Failed`] when its answer cannot be read.
    pub fn call<Q: Serialize, A: DeserializeOwned>(
        &self,
        provider: &dyn Provider,
        operation: &str,
        request: &Q,
    ) -> Result<A, ProviderError> {
        let failed = |error: capability_contracts::CodecError| ProviderError::Failed {
            operation: operation.to_owned(),
            source: error.into(),
        };
        let reply = self.send(provider, operation, &encode(request).map_err(failed)?)?;
        decode(operation, &reply).map_err(failed)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What the provider answers.
    pub fn send(
        &self,
        provider: &dyn Provider,
        operation: &str,
        payload: &[u8],
    ) -> Result<Bytes, ProviderError> {
        let LinkKey { actor, link, .. } = &self.key;
        let context = CallContext::new().with_timeout(TIME_LIMIT);
        let call = CapabilityCall::new(actor, link, operation, payload).within(&context);
        call.send_to(provider)
    }
}

/// The way to an actor that is not there: every call is refused.
struct NoActor {
    link: LinkKey,
}

impl Dispatch for NoActor {
    fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        Err(DispatchError::Gone { link: self.link.clone() })
    }

    fn health(&self) -> Result<(), DispatchError> {
        Err(DispatchError::Gone { link: self.link.clone() })
    }
}
