//! Keeps which actors are linked, the prefix of each link's keys, and how much may be put there over it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use capability_provider::{ActorId, CapabilityCall, LinkConfig, LinkKey, LinkName, ProviderError};
use parking_lot::RwLock;

const PREFIX: &str = "prefix";
const LIMIT: &str = "limit";
/// How much of a key an error shows, in characters.
const LONGEST_NAME: usize = 200;

/// The links of one provider.
#[derive(Debug, Default)]
pub(crate) struct Links(RwLock<Table>);

type LinkId = (ActorId, LinkName);

#[derive(Debug, Default)]
struct Table {
    links: HashMap<LinkId, Link>,
    /// Those of links that are there, and of links that are gone and left something in the store.
    accounts: HashMap<LinkId, Weak<Account>>,
}

/// What the store knows of one link.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) account: Arc<Account>,
    pub(crate) prefix: Prefix,
}

/// How much is in the store that was put there over one link. Changed under the store's lock.
#[derive(Debug)]
pub(crate) struct Account {
    used: AtomicUsize,
    /// How much it may be, or [`Account::AS_ALL`].
    limit: AtomicUsize,
}

impl Account {
    /// Stands for a link whose configuration sets no limit.
    const AS_ALL: usize = usize::MAX;

    fn new() -> Self {
        Self { used: AtomicUsize::new(0), limit: AtomicUsize::new(Self::AS_ALL) }
    }

    /// In bytes.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    /// In bytes, where the link's configuration says so.
    pub(crate) fn limit(&self) -> Option<usize> {
        Some(self.limit.load(Relaxed)).filter(|limit| *limit != Self::AS_ALL)
    }

    pub(crate) fn set_limit(&self, limit: Option<usize>) {
        self.limit.store(limit.map_or(Self::AS_ALL, |limit| limit.min(Self::AS_ALL - 1)), Relaxed);
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.used.store(self.used() + bytes, Relaxed);
    }

    pub(crate) fn take(&self, bytes: usize) {
        self.used.store(self.used() - bytes, Relaxed);
    }
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
        let mut table = self.0.write();
        table.accounts.retain(|_, account| account.strong_count() > 0);
        // A link that is made again counts what it has, or left, in the store.
        let account =
            table.accounts.get(&id).and_then(Weak::upgrade).unwrap_or_else(|| Arc::new(Account::new()));
        account.set_limit(limit);
        table.accounts.insert(id.clone(), Arc::downgrade(&account));
        table.links.insert(id, Link { account, prefix });
        Ok(())
    }

    pub(crate) fn remove(&self, link: &LinkKey) {
        self.0.write().links.remove(&(link.actor.clone(), link.link.clone()));
    }

    /// The link over which `call` came.
    pub(crate) fn find(&self, call: &CapabilityCall<'_>, provider: &str) -> Result<Link, ProviderError> {
        let found = self.0.read().links.get(&(call.actor.clone(), call.link.clone())).cloned();
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
