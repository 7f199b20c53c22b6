//! Leads from a provider to the actor of one link.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use capability_claims::Access;
use capability_provider::{CallContext, Caller, Dispatch, DispatchError, LinkKey, ProviderError};

use crate::{
    actors::{
        actor::Actor,
        generation::{Admitted, Generation},
    },
    calls::call::{Call, Target},
    error::Error,
    links::{place::Place, wiring::Delivery},
    shared::Shared,
};

/// What a provider's handle leads to. It holds the host and the actor weakly: a provider that keeps its handle for ever
/// keeps neither alive.
pub(crate) struct LinkDispatch {
    key: LinkKey,
    /// Who it is that calls.
    caller: Caller,
    actor: Weak<Actor>,
    host: Weak<Shared>,
    delivery: Arc<Delivery>,
}

impl LinkDispatch {
    pub(crate) fn new(key: LinkKey, actor: Weak<Actor>, host: Weak<Shared>) -> Self {
        let caller = Caller::provider(Place::of(&key).to_string());
        Self { key, caller, actor, host, delivery: Arc::default() }
    }

    /// For whoever ends the link, as long as the provider keeps this.
    pub(crate) fn delivery(&self) -> Weak<Delivery> {
        Arc::downgrade(&self.delivery)
    }

    fn deliver(&self, context: &CallContext, operation: &str, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let gone = || Error::UnknownLink { link: self.key.clone() };
        let host = self.host.upgrade().ok_or(Error::ShuttingDown)?;
        let _root = host.begin()?;
        if self.delivery.has_ended() {
            return Err(gone());
        }
        let actor = self.actor.upgrade().ok_or_else(gone)?;
        let now = host.policy.now();
        let LinkKey { capability, link, .. } = &self.key;
        let access = Access::capability(capability.as_str(), link.as_str(), operation);
        let is_granted = |generation: &Generation| generation.rights.allow_delivery(&access, now);
        // Layers may take any time before the call is let in, and whoever ends the link waits for those who are in.
        let enter = || actor.enter().filter(|_| !self.delivery.has_ended());
        let admit = || Admitted::find(enter, is_granted).ok_or_else(gone)?;
        let target = Target::Actor(actor.id.as_str());
        let call = Call { target, caller: None, operation, payload, context };
        let mut reply = Vec::new();
        host.invoke(&call, admit, &mut reply)?;
        Ok(reply)
    }

    fn ask_health(&self) -> Result<(), Error> {
        let gone = || Error::UnknownLink { link: self.key.clone() };
        let host = self.host.upgrade().ok_or(Error::ShuttingDown)?;
        let _root = host.begin()?;
        if self.delivery.has_ended() {
            return Err(gone());
        }
        let actor = self.actor.upgrade().ok_or_else(gone)?;
        host.actor_health(&actor)
    }

    fn explain(&self, error: Error) -> DispatchError {
        if let Some(missing) = error.unavailable() {
            return DispatchError::CapabilityUnavailable {
                capability: missing.capability.to_owned(),
                link: missing.link.to_owned(),
                reason: missing.reason.to_owned(),
            };
        }
        if let Some(Error::Provider {
            capability,
            link,
            source: ProviderError::TooLarge { size, limit, .. },
        }) = error.inner()
        {
            return DispatchError::InputTooLarge {
                actor: self.key.actor.clone(),
                capability: capability.as_str().to_owned(),
                link: link.as_str().to_owned(),
                size: *size,
                limit: *limit,
            };
        }
        match error {
            Error::UnknownActor { .. } | Error::UnknownLink { .. } => {
                DispatchError::Gone { link: self.key.clone() }
            }
            Error::ShuttingDown
            | Error::NoLongerValid { .. }
            | Error::NotGranted { .. }
            | Error::BeyondPolicy { .. }
            | Error::NotAdmitted { .. }
            | Error::NotRecorded { .. } => {
                DispatchError::Refused { actor: self.key.actor.clone(), reason: error.to_string() }
            }
            Error::Guest { text, .. } => DispatchError::Actor { text },
            Error::DeadlineExceeded { actor, limit, .. } => DispatchError::DeadlineExceeded { actor, limit },
            Error::Busy { actor, max, .. } => DispatchError::Busy { actor, max },
            Error::Ended { actor, .. } => DispatchError::Cancelled { actor },
            Error::PayloadTooLarge { actor, size, limit, .. } => {
                DispatchError::TooLarge { actor, size, limit }
            }
            other => DispatchError::Failed {
                actor: self.key.actor.clone(),
                kind: other.kind(),
                reason: other.to_string(),
            },
        }
    }
}

impl Dispatch for LinkDispatch {
    fn call(&self, context: CallContext, operation: &str, payload: &[u8]) -> Result<Bytes, DispatchError> {
        let context = context.called_by(self.caller.clone());
        self.deliver(&context, operation, payload).map(Bytes::from).map_err(|error| self.explain(error))
    }

    fn health(&self) -> Result<(), DispatchError> {
        self.ask_health().map_err(|error| self.explain(error))
    }
}
