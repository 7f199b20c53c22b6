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
    counts: Mutex<Counts>,
    done: Condvar,
}

#[derive(Default)]
struct Counts {
    all: usize,
    /// Of which so many may still be closing fronts.
    fronts: usize,
}

/// One that runs: from the switch on, so that the end of the host waits for it.
pub(crate) struct OneMore {
    running: Arc<Running>,
    closes_fronts: bool,
}

impl OneMore {
    /// Its fronts are closed; what goes on are calls that are in flight and the ends of links and providers.
    pub(crate) fn closed_fronts(&mut self) {
        if std::mem::take(&mut self.closes_fronts) {
            self.running.counts.lock().fronts -= 1;
            self.running.done.notify_all();
        }
    }
}

impl Drop for OneMore {
    fn drop(&mut self) {
        self.closed_fronts();
        self.running.counts.lock().all -= 1;
        self.running.done.notify_all();
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
        self.running.counts.lock().all
    }

    /// Something is past its switch and has more to do.
    pub(crate) fn one_more(&self) -> OneMore {
        let mut counts = self.running.counts.lock();
        counts.all += 1;
        counts.fronts += 1;
        OneMore { running: Arc::clone(&self.running), closes_fronts: true }
    }

    /// Has this go on, on a thread of its own as long as there are not too many of them.
    pub(crate) fn go_on(&self, mut one: OneMore, job: impl FnOnce(&mut OneMore) + Send + 'static) {
        let job: Job = Box::new(move || job(&mut one));
        let Some(job) = steps::behind(job) else { return };
        if let Err((why, job)) = self.crew.run(job, Instant::now()) {
            if let NotRun::NoThread(error) = why {
                log::warn!("what is left is ended at once, for there is no thread to do so behind: {error}");
            }
            job();
        }
    }

    /// Waits until all fronts are closed of what is past its switch; false when `until` came first.
    pub(crate) fn wait_fronts(&self, until: Instant) -> bool {
        self.wait(|counts| counts.fronts == 0, until)
    }

    /// Waits until nothing goes on; false when `until` came first.
    pub(crate) fn wait_done(&self, until: Instant) -> bool {
        self.wait(|counts| counts.all == 0, until)
    }

    fn wait(&self, is_over: impl Fn(&Counts) -> bool, until: Instant) -> bool {
        let mut counts = self.running.counts.lock();
        while !is_over(&counts) {
            if self.running.done.wait_until(&mut counts, until).timed_out() {
                return is_over(&counts);
            }
        }
        true
    }
}
