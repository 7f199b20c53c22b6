//! Which actors are linked, and the prefix of each link's keys.

use std::{collections::HashMap, sync::Arc};

use capability_provider::{ActorId, CapabilityCall, LinkConfig, LinkKey, LinkName, ProviderError};
use parking_lot::RwLock;

const PREFIX: &str = "prefix";
/// How much of a key an error shows, in characters.
const LONGEST_NAME: usize = 200;

/// The links of one provider.
#[derive(Debug, Default)]
pub(crate) struct Links(RwLock<HashMap<(ActorId, LinkName), Prefix>>);

/// What comes before every key of a link.
#[derive(Debug, Clone)]
pub(crate) struct Prefix(Arc<str>);

impl Links {
    pub(crate) fn add(&self, link: &LinkKey, config: &LinkConfig) -> Result<(), ProviderError> {
        config.only(&[PREFIX])?;
        let prefix = Prefix(config.value(PREFIX).unwrap_or_default().into());
        self.0.write().insert((link.actor.clone(), link.link.clone()), prefix);
        Ok(())
    }

    pub(crate) fn remove(&self, link: &LinkKey) {
        self.0.write().remove(&(link.actor.clone(), link.link.clone()));
    }

    /// The prefix of the link over which `call` came.
    pub(crate) fn prefix(&self, call: &CapabilityCall<'_>, provider: &str) -> Result<Prefix, ProviderError> {
        let found = self.0.read().get(&(call.actor.clone(), call.link.clone())).cloned();
        found.ok_or_else(|| ProviderError::NotLinked {
            link: format!("link `{}` of {}", call.link, call.actor),
            provider: provider.to_owned(),
        })
    }
}

impl Prefix {
    /// The key as the store knows it.
    pub(crate) fn apply(&self, key: &str) -> String {
        [&*self.0, key].concat()
    }

    /// The key as the actor named it, cut to a length fit for a message.
    pub(crate) fn unapply(&self, key: &str) -> String {
        key.strip_prefix(&*self.0).unwrap_or(key).chars().take(LONGEST_NAME).collect()
    }
}
