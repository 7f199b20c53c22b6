//! Waits for what answers later, no longer than a call may.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use crate::{context::CallContext, kind::ErrorKind};

/// Why a wait ended without a result: the call that waited was over before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// Its deadline came.
    #[error("the call's deadline came first")]
    DeadlineExceeded,
    /// It was cancelled.
    #[error("the call was cancelled")]
    Cancelled,
}

impl Interrupted {
    /// The kind of failure that it is.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::DeadlineExceeded => ErrorKind::DeadlineExceeded,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

/// Wakes a thread that is parked.
struct Parked {
    thread: Thread,
    /// Whether it was woken since it last looked. What it is unparked for may be used up inside of the future, by another wait.
    woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, SeqCst);
        self.thread.unpark();
    }
}

impl CallContext {
    /// Blocks this thread until the future is ready, and drops it when the call's deadline comes or the call is cancelled before. A future
    /// that is ready at once is taken even when the deadline has passed.
    ///
    /// The future is polled on this thread; what it waits for must be driven by somebody else, such as a runtime of its owner.
    ///
    /// # Errors
    /// [`Interrupted`] when the call was over first.
    ///
    /// ```
    /// use std::{future, time::Duration};
    /// use call_context::{CallContext, Interrupted};
    ///
    /// let call = CallContext::new().with_timeout(Duration::from_millis(5));
    /// assert_eq!(call.wait(async { 7 }), Ok(7));
    /// assert_eq!(call.wait(future::pending::<()>()), Err(Interrupted::DeadlineExceeded));
    /// ```
    pub fn wait<F: Future>(&self, future: F) -> Result<F::Output, Interrupted> {
        let mut future = pin!(future);
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Ok(output);
        }
        let parked = Arc::new(Parked { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&parked));
        let mut context = Context::from_waker(&waker);
        let _wakes = self.cancel().map(|token| {
            let waker = waker.clone();
            token.on_cancel(move || waker.wake_by_ref())
        });
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            if self.is_cancelled() {
                return Err(Interrupted::Cancelled);
            }
            let left = self.remaining();
            if left == Some(Duration::ZERO) {
                return Err(Interrupted::DeadlineExceeded);
            }
            if parked.woken.swap(false, SeqCst) {
                continue;
            }
            // A wake-up for something else is harmless: everything is checked again.
            left.map_or_else(thread::park, thread::park_timeout);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future, task::ready, time::Instant};

    use super::*;
    use crate::CancelToken;

    const LONG: Duration = Duration::from_secs(60);

    /// Sets it when it is dropped.
    struct Dropped(Arc<AtomicBool>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, SeqCst);
        }
    }

    #[test]
    fn what_is_woken_from_another_thread_is_waited_for() {
        let call = CallContext::new().with_timeout(LONG);
        let mut thread = None;
        let output = call.wait(future::poll_fn(|context| {
            let done = thread.get_or_insert_with(|| {
                let waker = context.waker().clone();
                thread::spawn(move || waker.wake())
            });
            if done.is_finished() {
                return Poll::Ready(7);
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        assert_eq!(output, Ok(7));
    }

    #[test]
    fn a_call_that_is_cancelled_lets_go() {
        let (token, dropped) = (CancelToken::new(), Arc::new(AtomicBool::new(false)));
        let call = CallContext::new().with_timeout(LONG).with_cancel(&token);
        let guard = Dropped(Arc::clone(&dropped));
        let began = Instant::now();
        thread::scope(|scope| {
            let mut canceller = Some(|| scope.spawn(|| token.cancel()));
            let output = call.wait(async move {
                let _guard = guard;
                let never = future::poll_fn(|_| {
                    if let Some(cancel) = canceller.take() {
                        cancel();
                    }
                    Poll::<()>::Pending
                });
                never.await;
            });
            assert_eq!(output, Err(Interrupted::Cancelled));
        });
        assert!(dropped.load(SeqCst) && began.elapsed() < LONG / 2);
        // It is let go at once when that happened before.
        assert_eq!(call.wait(future::pending::<()>()), Err(Interrupted::Cancelled));
        assert_eq!(
            call.wait(future::poll_fn(|context| Poll::Ready(ready!(pin!(async { 3 }).poll(context))))),
            Ok(3)
        );
    }

    /// What a future waits for itself, on the same thread, does not use up what the future is woken by.
    #[test]
    fn a_wake_up_is_not_lost_inside_of_the_future() {
        let call = CallContext::new().with_timeout(LONG);
        let (began, mut polls) = (Instant::now(), 0);
        let output = call.wait(future::poll_fn(|context| {
            polls += 1;
            if polls < 3 {
                context.waker().wake_by_ref();
                // As another wait would.
                thread::park_timeout(Duration::from_millis(1));
                return Poll::Pending;
            }
            Poll::Ready(polls)
        }));
        assert!(output == Ok(3) && began.elapsed() < LONG / 2);
    }

    #[test]
    fn a_future_that_wakes_itself_without_end_ends_at_the_deadline() {
        let call = CallContext::new().with_timeout(Duration::from_millis(10));
        let output = call.wait(future::poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        assert_eq!(output, Err(Interrupted::DeadlineExceeded));
    }
}
