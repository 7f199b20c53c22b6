//! Which actors are linked, the prefix of each link's keys, and how much may be put there over it.

use std::{collections::HashMap, sync::Arc};

use capability_provider::{ActorId, CapabilityCall, LinkConfig, LinkKey, LinkName, ProviderError};
use parking_lot::RwLock;

const PREFIX: &str = "prefix";
const LIMIT: &str = "limit";
/// How much of a key an error shows, in characters.
const LONGEST_NAME: usize = 200;

/// The links of one provider.
#[derive(Debug, Default)]
pub(crate) struct Links(RwLock<HashMap<LinkId, Link>>);

/// Whose keys are counted together.
pub(crate) type LinkId = (ActorId, LinkName);

/// What the store knows of one link.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) id: Arc<LinkId>,
    pub(crate) prefix: Prefix,
    /// How many bytes may be put there over it, where its configuration says so.
    pub(crate) limit: Option<usize>,
}

/// What comes before every key of a link.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefix(Arc<str>);

impl Links {
    pub(crate) fn add(&self, link: &LinkKey, config: &LinkConfig) -> Result<(), ProviderError> {
        config.only(&[PREFIX, LIMIT])?;
        let prefix = Prefix(config.value(PREFIX).unwrap_or_default().into());
        let limit = config.value(LIMIT).map(bytes).transpose()?;
        let id = (link.actor.clone(), link.link.clone());
        self.0.write().insert(id.clone(), Link { id: Arc::new(id), prefix, limit });
        Ok(())
    }

    pub(crate) fn remove(&self, link: &LinkKey) {
        self.0.write().remove(&(link.actor.clone(), link.link.clone()));
    }

    /// The link over which `call` came.
    pub(crate) fn find(&self, call: &CapabilityCall<'_>, provider: &str) -> Result<Link, ProviderError> {
        let found = self.0.read().get(&(call.actor.clone(), call.link.clone())).cloned();
        found.ok_or_else(|| ProviderError::NotLinked {
            link: format!("link `{}` of {}", call.link, call.actor),
            provider: provider.to_owned(),
        })
    }
}

fn bytes(text: &str) -> Result<usize, ProviderError> {
    text.parse().map_err(|_| ProviderError::InvalidConfig {
        key: LIMIT.to_owned(),
        reason: format!("`{}` is no number of bytes", text.chars().take(LONGEST_NAME).collect::<String>()),
    })
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
