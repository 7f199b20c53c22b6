//! Writes actors' lines to the log: the provider.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use capability_contracts::{
    CodecError, decode,
    logging::{CAPABILITY, LEVEL_DEBUG, LEVEL_ERROR, LEVEL_INFO, LEVEL_TRACE, LEVEL_WARN},
    logging::{OP_WRITE_LOG, WriteLogRequest},
};
use capability_provider::{
    ActorHandle, ActorId, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError, Reply,
};
use log::Level;
use parking_lot::RwLock;

use crate::line::harmless;

const NAME: &str = "logging";

/// Writes what actors say to the [`log`] facade.
///
/// A link has no configuration. The operation answers with no bytes.
#[derive(Debug, Default)]
pub struct LogProvider {
    /// The target under which each link's lines are written.
    targets: RwLock<HashMap<(ActorId, LinkName), Arc<str>>>,
}

impl LogProvider {
    /// A provider without any link yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn write(&self, call: &CapabilityCall<'_>) -> Result<(), ProviderError> {
        let found = self.targets.read().get(&(call.actor.clone(), call.link.clone())).cloned();
        let target = found.ok_or_else(|| ProviderError::NotLinked {
            link: format!("link `{}` of {}", call.link, call.actor),
            provider: NAME.to_owned(),
        })?;
        let request: WriteLogRequest =
            decode(call.operation, call.payload).map_err(|error| unreadable(call, &error))?;
        let Some(level) = level(call.operation, request.level)? else {
            return Ok(());
        };
        if log::log_enabled!(target: &target, level) {
            log::log!(target: &target, level, "{}", harmless(&request.body));
        }
        Ok(())
    }
}

impl Provider for LogProvider {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(CAPABILITY).expect("the contract's id is a valid capability id")
    }

    fn name(&self) -> &str {
        NAME
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        config.only(&[])?;
        let target = format!("actor::{}", link.actor).into();
        self.targets.write().insert((link.actor.clone(), link.link.clone()), target);
        Ok(())
    }

    fn unlink(&self, link: &LinkKey) {
        self.targets.write().remove(&(link.actor.clone(), link.link.clone()));
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        match call.operation {
            OP_WRITE_LOG => self.write(call).map(|()| Reply::Now(Bytes::new())),
            unknown => Err(ProviderError::UnknownOperation {
                capability: CAPABILITY.to_owned(),
                operation: unknown.to_owned(),
            }),
        }
    }
}

/// The level that a number of the contract stands for; 0 stands for none.
fn level(operation: &str, number: u32) -> Result<Option<Level>, ProviderError> {
    match number {
        0 => Ok(None),
        LEVEL_ERROR => Ok(Some(Level::Error)),
        LEVEL_WARN => Ok(Some(Level::Warn)),
        LEVEL_INFO => Ok(Some(Level::Info)),
        LEVEL_DEBUG => Ok(Some(Level::Debug)),
        LEVEL_TRACE => Ok(Some(Level::Trace)),
        other => Err(ProviderError::Rejected {
            operation: operation.to_owned(),
            key: format!("level {other}"),
            reason: format!("levels go from {LEVEL_ERROR} (error) to {LEVEL_TRACE} (trace)"),
        }),
    }
}

fn unreadable(call: &CapabilityCall<'_>, error: &CodecError) -> ProviderError {
    ProviderError::InvalidPayload {
        operation: call.operation.to_owned(),
        size: call.payload.len(),
        reason: error.to_string(),
    }
}
