//! A provider whose replies come later, if at all.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, Provider, ProviderError, Reply,
};
use parking_lot::Mutex;

use super::STORE;

/// Replies with what it was sent when it is told to.
#[derive(Default)]
pub(crate) struct Waiting {
    begun: AtomicUsize,
    dropped: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
    answered: Mutex<bool>,
}

impl Waiting {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// How many replies were waited for.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(SeqCst)
    }

    /// How many of them nobody waits for any more.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.load(SeqCst)
    }

    /// Lets all replies come; false when nobody waits for one.
    pub(crate) fn answer(&self) -> bool {
        if self.wakers.lock().is_empty() {
            return false;
        }
        *self.answered.lock() = true;
        self.wakers.lock().drain(..).for_each(Waker::wake);
        true
    }
}

struct Later<'a> {
    provider: &'a Waiting,
    payload: &'a [u8],
}

impl Future for Later<'_> {
    type Output = Result<Bytes, ProviderError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.provider.wakers.lock().push(context.waker().clone());
        match *self.provider.answered.lock() {
            true => Poll::Ready(Ok([self.payload, b", later"].concat().into())),
            false => Poll::Pending,
        }
    }
}

impl Drop for Later<'_> {
    fn drop(&mut self) {
        self.provider.dropped.fetch_add(1, SeqCst);
    }
}

impl Provider for Waiting {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(STORE).unwrap()
    }

    fn name(&self) -> &str {
        "waiting"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        self.begun.fetch_add(1, SeqCst);
        Ok(Reply::later(Later { provider: self, payload: call.payload }))
    }
}
