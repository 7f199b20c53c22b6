//! Cancels calls from any thread.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use parking_lot::Mutex;

/// Cancels the calls that carry it, from any thread: those that wait, those that are under way, and those that are yet to come.
/// Clones are the same token.
///
/// A guest that waits for a host call is ended when that returns, or lets go of what it waits for. One that is being started is ended when
/// its start section is over, or its deadline comes. Without the feature `host-interrupt` any guest is ended when it next calls the
/// host.
///
/// ```
/// use call_context::{CallContext, CancelToken};
///
/// let token = CancelToken::new();
/// let call = CallContext::new().with_cancel(&token);
/// token.cancel();
/// // Every call with this context is refused from now on.
/// assert!(call.is_cancelled());
/// ```
#[derive(Clone, Default)]
pub struct CancelToken {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    cancelled: AtomicBool,
    actions: Mutex<Actions>,
}

#[derive(Default)]
struct Actions {
    next: u64,
    registered: Vec<(u64, Action)>,
}

type Action = Box<dyn Fn() + Send>;

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls that have this token, now and for good.
    pub fn cancel(&self) {
        self.inner.cancelled.store(true, SeqCst);
        // The lock keeps these calls from ending meanwhile, or an action could reach the next call instead of its own. Inner calls
        // are ended first, for those around them cannot end before.
        let actions = self.inner.actions.lock();
        actions.registered.iter().rev().for_each(|(_, action)| action());
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(SeqCst)
    }

    /// The flag that is raised when the token is cancelled, before any action runs.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.inner.cancelled
    }

    /// Runs `action` when the token is cancelled, at once if it is cancelled already, perhaps twice, until the registration is
    /// dropped and never after.
    ///
    /// The action is short and does not touch the token, for it is done under a lock of the token's. The registration must not be
    /// dropped inside an action, nor under a lock that `action` takes.
    #[must_use = "the action is forgotten when the registration is dropped"]
    pub fn on_cancel(&self, action: impl Fn() + Send + 'static) -> Registration<'_> {
        let id = {
            let mut actions = self.inner.actions.lock();
            actions.next += 1;
            let id = actions.next;
            actions.registered.push((id, Box::new(action)));
            id
        };
        if self.is_cancelled() {
            self.cancel();
        }
        Registration { token: self, id }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// An action that waits for its token to be cancelled.
#[derive(Debug)]
pub struct Registration<'a> {
    token: &'a CancelToken,
    id: u64,
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut actions = self.token.inner.actions.lock();
        let position = actions.registered.iter().position(|(id, _)| *id == self.id);
        let action = position.map(|position| actions.registered.remove(position));
        // The action may hold the last reference to something, which is not dropped under the lock.
        drop(actions);
        drop(action);
    }
}
