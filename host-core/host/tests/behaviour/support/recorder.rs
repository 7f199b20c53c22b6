//! A provider that records what it is asked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use bytes::Bytes;
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use parking_lot::Mutex;

use super::STORE;

type Handle = Box<dyn Fn(&CapabilityCall<'_>) -> Result<Bytes, ProviderError> + Send + Sync>;
type OnLink = Box<dyn Fn(&LinkKey, &ActorHandle) -> Result<(), ProviderError> + Send + Sync>;
type OnUnlink = Box<dyn Fn(&LinkKey) + Send + Sync>;

/// What a provider was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Link(LinkKey, LinkConfig),
    Unlink(LinkKey),
    Shutdown,
}

/// A provider of the store (or of another capability) that answers `NAME: PAYLOAD`, or as it is told.
///
/// Like a real one it refuses calls over links that it does not have.
pub(crate) struct Recorder {
    name: &'static str,
    capability: &'static str,
    handle: Handle,
    on_link: OnLink,
    on_unlink: OnUnlink,
    on_health: Box<dyn Fn() + Send + Sync>,
    keeps_handles: bool,
    panics_at_the_end: bool,
    pub(crate) events: Mutex<Vec<Event>>,
    pub(crate) handles: Mutex<Vec<ActorHandle>>,
    links: Mutex<Vec<LinkKey>>,
    calls: AtomicUsize,
    pub(crate) ill: AtomicBool,
}

impl Recorder {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self::draft(name))
    }

    /// A provider that keeps the handles of its links and so can deliver.
    pub(crate) fn delivering(name: &'static str) -> Arc<Self> {
        Arc::new(Self { keeps_handles: true, ..Self::draft(name) })
    }

    pub(crate) fn of(capability: &'static str, name: &'static str) -> Arc<Self> {
        Arc::new(Self { capability, ..Self::draft(name) })
    }

    /// A provider of another capability that can deliver.
    pub(crate) fn delivering_of(capability: &'static str, name: &'static str) -> Arc<Self> {
        Arc::new(Self { capability, keeps_handles: true, ..Self::draft(name) })
    }

    /// A provider that panics when it is shut down.
    pub(crate) fn rude() -> Arc<Self> {
        Arc::new(Self { panics_at_the_end: true, ..Self::draft("rude") })
    }

    pub(crate) fn answering(
        name: &'static str,
        handle: impl Fn(&CapabilityCall<'_>) -> Result<Bytes, ProviderError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { handle: Box::new(handle), ..Self::draft(name) })
    }

    /// A provider that keeps the handles of its links, and answers as it is told.
    pub(crate) fn delivering_and(
        name: &'static str,
        handle: impl Fn(&CapabilityCall<'_>) -> Result<Bytes, ProviderError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { handle: Box::new(handle), keeps_handles: true, ..Self::draft(name) })
    }

    pub(crate) fn linking(
        name: &'static str,
        on_link: impl Fn(&LinkKey, &ActorHandle) -> Result<(), ProviderError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { on_link: Box::new(on_link), ..Self::draft(name) })
    }

    /// A provider that does this before it ends a link.
    pub(crate) fn unlinking(
        name: &'static str,
        on_unlink: impl Fn(&LinkKey) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { on_unlink: Box::new(on_unlink), ..Self::draft(name) })
    }

    /// Such a provider of another capability.
    pub(crate) fn unlinking_of(
        capability: &'static str,
        name: &'static str,
        on_unlink: impl Fn(&LinkKey) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { capability, on_unlink: Box::new(on_unlink), ..Self::draft(name) })
    }

    /// A provider that can deliver and does this before it ends a link.
    pub(crate) fn front(
        name: &'static str,
        on_unlink: impl Fn(&LinkKey) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { on_unlink: Box::new(on_unlink), keeps_handles: true, ..Self::draft(name) })
    }

    /// Such a provider of another capability.
    pub(crate) fn front_of(
        capability: &'static str,
        name: &'static str,
        on_unlink: impl Fn(&LinkKey) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let on_unlink = Box::new(on_unlink);
        Arc::new(Self { capability, on_unlink, keeps_handles: true, ..Self::draft(name) })
    }

    /// A provider of another capability that does this before it makes a link.
    pub(crate) fn linking_of(
        capability: &'static str,
        name: &'static str,
        on_link: impl Fn(&LinkKey, &ActorHandle) -> Result<(), ProviderError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { capability, on_link: Box::new(on_link), ..Self::draft(name) })
    }

    /// A provider that does this before it tells its health.
    pub(crate) fn asked(name: &'static str, on_health: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { on_health: Box::new(on_health), ..Self::draft(name) })
    }

    fn draft(name: &'static str) -> Self {
        Self {
            name,
            capability: STORE,
            handle: Box::new(move |call| Ok([name.as_bytes(), b": ", call.payload].concat().into())),
            on_link: Box::new(|_, _| Ok(())),
            on_unlink: Box::new(|_| ()),
            on_health: Box::new(|| ()),
            keeps_handles: false,
            panics_at_the_end: false,
            events: Mutex::default(),
            handles: Mutex::default(),
            links: Mutex::default(),
            calls: AtomicUsize::new(0),
            ill: AtomicBool::new(false),
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().clone()
    }

    /// How many calls of actors came in.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn shutdowns(&self) -> usize {
        self.events.lock().iter().filter(|event| **event == Event::Shutdown).count()
    }

    pub(crate) fn handle_of(&self, link: &LinkKey) -> ActorHandle {
        self.handles.lock().iter().find(|handle| handle.link() == link).expect("it was linked").clone()
    }
}

impl Provider for Recorder {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(self.capability).unwrap()
    }

    fn name(&self) -> &str {
        self.name
    }

    fn link(&self, link: &LinkKey, config: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError> {
        (self.on_link)(link, &actor)?;
        self.events.lock().push(Event::Link(link.clone(), config.clone()));
        self.links.lock().push(link.clone());
        if self.keeps_handles {
            self.handles.lock().push(actor);
        }
        Ok(())
    }

    fn unlink(&self, link: &LinkKey) {
        (self.on_unlink)(link);
        self.events.lock().push(Event::Unlink(link.clone()));
        self.links.lock().retain(|there| there != link);
    }

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let linked = |link: &LinkKey| link.actor == *call.actor && link.link == *call.link;
        if !self.links.lock().iter().any(linked) {
            return Err(ProviderError::NotLinked {
                link: call.link.to_string(),
                provider: self.name.to_owned(),
            });
        }
        (self.handle)(call).map(Reply::Now)
    }

    fn health(&self) -> Result<(), ProviderError> {
        (self.on_health)();
        match self.ill.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(ProviderError::Unavailable {
                resource: "the test's server".to_owned(),
                reason: "it is ill".to_owned(),
            }),
        }
    }

    fn shutdown(&self) {
        self.events.lock().push(Event::Shutdown);
        assert!(!self.panics_at_the_end, "the provider's own bug");
    }
}
