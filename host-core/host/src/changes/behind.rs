//! Runs what goes on behind whoever asked for it, and waits until nothing does.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::{
    changes::crew::{Crew, Job, NotRun},
    steps,
};

/// How long calls that were told to end may take to notice it, before they are left behind.
pub(crate) const LAST_GRACE: Duration = Duration::from_millis(500);

/// How many drains have threads of their own. Whoever causes more waits for his.
const MOST_BEHIND: usize = 64;

/// What goes on behind those who asked for it.
pub(crate) struct Behind {
    running: Arc<Running>,
    crew: Crew,
}

#[derive(Default)]
struct Running {
    count: Mutex<usize>,
    done: Condvar,
}

/// One that runs.
struct OneMore(Arc<Running>);

impl Drop for OneMore {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.done.notify_all();
    }
}

impl Default for Behind {
    fn default() -> Self {
        Self { running: Arc::default(), crew: Crew::new("wascc-drain", MOST_BEHIND) }
    }
}

impl Behind {
    /// How much goes on.
    pub(crate) fn running(&self) -> usize {
        *self.running.count.lock()
    }

    /// Has this go on, on a thread of its own as long as there are not too many of them.
    pub(crate) fn go_on(&self, job: impl FnOnce() + Send + 'static) {
        *self.running.count.lock() += 1;
        let one = OneMore(Arc::clone(&self.running));
        let job: Job = Box::new(move || {
            job();
            drop(one);
        });
        let Some(job) = steps::behind(job) else { return };
        if let Err((why, job)) = self.crew.run(job, Instant::now()) {
            if let NotRun::NoThread(error) = why {
                log::warn!("what is left is ended at once, for there is no thread to do so behind: {error}");
            }
            job();
        }
    }

    /// Waits until nothing goes on; false when `until` came first.
    pub(crate) fn wait_done(&self, until: Instant) -> bool {
        let mut count = self.running.count.lock();
        while *count > 0 {
            if self.running.done.wait_until(&mut count, until).timed_out() {
                return *count == 0;
            }
        }
        true
    }
}
