//! Runs blocking work on a bounded number of threads, started when there is work and ended when there is none.

use std::{
    any::Any,
    collections::VecDeque,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use crate::threads::begin_thread;

/// How many threads there may be, and how much work may wait for them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerSettings {
    /// The name of each thread.
    pub name: &'static str,
    /// The most threads, and so the most work at once. At least one.
    pub threads: usize,
    /// How much work may wait for a thread.
    pub queue: usize,
    /// How long a thread waits for other work before it ends.
    pub idle_timeout: Duration,
}

impl WorkerSettings {
    /// At most so many threads, for which nothing waits, and which end after ten seconds without work.
    #[must_use]
    pub fn new(name: &'static str, threads: usize) -> Self {
        Self { name, threads: threads.max(1), queue: 0, idle_timeout: Duration::from_secs(10) }
    }
}

/// Work that may be given up before it is begun.
pub trait Job: Send + 'static {
    /// Whether nobody waits for it any more, so that it need not be done.
    fn is_given_up(&self) -> bool;

    /// Does it, and returns what tells the outcome to whoever waits. The thread counts as free before that is done, so that whoever is told
    /// finds it free.
    fn run(self) -> Tell;
}

/// Tells the outcome of work.
pub type Tell = Box<dyn FnOnce()>;

/// Why work was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// All threads are busy, and as much waits as may.
    #[error("all {threads} threads are busy and {queue} wait; try again later")]
    Full {
        /// The most threads.
        threads: usize,
        /// How much may wait.
        queue: usize,
    },
    /// The system gave no thread.
    #[error("there is no thread for it: {0}")]
    NoThread(#[source] io::Error),
}

/// A worker pool. After it is dropped, its threads finish the work that waits, and end.
pub struct Workers<J: Job> {
    pool: Arc<WorkerPool<J>>,
}

struct WorkerPool<J> {
    settings: WorkerSettings,
    state: Mutex<State<J>>,
    work: Condvar,
    /// Told when a thread ends.
    ended: Condvar,
}

/// Waits for the end of [`Workers`] that were dropped.
pub struct WorkersEnd<J: Job>(Arc<WorkerPool<J>>);

impl<J: Job> WorkersEnd<J> {
    /// Waits until all that was taken is done and every thread has ended, but not past `deadline`; returns how many threads are left
    /// behind. A thread that is left behind ends with its work.
    #[must_use]
    pub fn wait(&self, deadline: Instant) -> usize {
        let mut state = self.0.state.lock();
        while !(state.closed && state.threads == 0) {
            if self.0.ended.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.threads
    }
}

impl<J: Job> fmt::Debug for WorkersEnd<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkersEnd").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

struct State<J> {
    queue: VecDeque<J>,
    /// How many of the first in the queue are waited for by other work.
    nested: usize,
    threads: usize,
    /// How many of them have nothing to do, or are about to begin.
    free: usize,
    closed: bool,
}

impl<J: Job> Workers<J> {
    /// None yet: they are started when there is work.
    #[must_use]
    pub fn new(mut settings: WorkerSettings) -> Self {
        settings.threads = settings.threads.max(1);
        let state =
            Mutex::new(State { queue: VecDeque::new(), nested: 0, threads: 0, free: 0, closed: false });
        let (work, ended) = (Condvar::new(), Condvar::new());
        Self { pool: Arc::new(WorkerPool { settings, state, work, ended }) }
    }

    /// Their settings.
    #[must_use]
    pub fn settings(&self) -> &WorkerSettings {
        &self.pool.settings
    }

    /// A handle that waits for their end.
    #[must_use]
    pub fn end(&self) -> WorkersEnd<J> {
        WorkersEnd(Arc::clone(&self.pool))
    }

    /// How many threads there are now.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.state.lock().threads
    }

    /// Takes work for one of the threads, and starts another one if none is free. Never waits for the work of others.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn submit(&self, job: J) -> Result<(), NotTaken> {
        let mut state = self.pool.state.lock();
        let given_up = self.grow(&mut state)?;
        state.queue.push_back(job);
        drop(state);
        self.pool.work.notify_one();
        // Dropping them tells whoever waits, which is not done under the lock.
        drop(given_up);
        Ok(())
    }

    /// Takes work that other work waits for, which may hold all threads: it does not queue behind anything, and there may be up to `extra` more
    /// threads for such work.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn submit_nested(&self, job: J, extra: usize) -> Result<(), NotTaken> {
        let most = self.pool.settings.threads.saturating_add(extra);
        let mut state = self.pool.state.lock();
        if state.queue.len() >= state.free {
            if state.threads >= most {
                return Err(NotTaken::Full { threads: most, queue: 0 });
            }
            self.start(&mut state).map_err(NotTaken::NoThread)?;
        }
        let at = state.nested;
        state.queue.insert(at, job);
        state.nested += 1;
        drop(state);
        self.pool.work.notify_one();
        Ok(())
    }

    /// Makes sure that one more piece of work can be taken, and returns the work in the queue that was given up.
    fn grow(&self, state: &mut State<J>) -> Result<Vec<J>, NotTaken> {
        let settings = &self.pool.settings;
        if state.queue.len() < state.free {
            return Ok(Vec::new());
        }
        if state.threads < settings.threads {
            match self.start(state) {
                Ok(()) => return Ok(Vec::new()),
                Err(error) if state.threads == 0 => return Err(NotTaken::NoThread(error)),
                Err(error) => {
                    log::warn!("{} threads `{}` do the work of more: {error}", state.threads, settings.name)
                }
            }
        }
        let full = |state: &State<J>| state.queue.len() >= state.free + settings.queue;
        let given_up = if full(state) { state.give_up() } else { Vec::new() };
        if full(state) {
            return Err(NotTaken::Full { threads: settings.threads, queue: settings.queue });
        }
        Ok(given_up)
    }

    fn start(&self, state: &mut State<J>) -> io::Result<()> {
        let pool = self.pool.clone();
        begin_thread(self.pool.settings.name, move || pool.run())?;
        state.threads += 1;
        state.free += 1;
        Ok(())
    }
}

impl<J: Job> Drop for Workers<J> {
    fn drop(&mut self) {
        self.pool.state.lock().closed = true;
        self.pool.work.notify_all();
        self.pool.ended.notify_all();
    }
}

impl<J: Job> fmt::Debug for Workers<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("settings", self.settings())
            .field("threads", &self.threads())
            .finish()
    }
}

impl<J: Job> State<J> {
    /// Takes the work out of the queue that was given up.
    fn give_up(&mut self) -> Vec<J> {
        let nested = self.queue.iter().take(self.nested).filter(|job| !job.is_given_up()).count();
        let (given_up, waiting): (VecDeque<_>, _) = self.queue.drain(..).partition(Job::is_given_up);
        (self.queue, self.nested) = (waiting, nested);
        Vec::from(given_up)
    }
}

impl<J: Job> WorkerPool<J> {
    fn run(&self) {
        while let Some(job) = self.next() {
            // A panic ends this piece of work, and whoever waits for it is told; the thread goes on.
            let outcome = catch_unwind(AssertUnwindSafe(|| job.run()));
            self.state.lock().free += 1;
            let told = outcome.and_then(|tell| catch_unwind(AssertUnwindSafe(tell)));
            if let Err(panic) = told {
                log::error!("a thread `{}` did work that panicked: {}", self.settings.name, message(&*panic));
            }
        }
    }

    /// The next piece of work; `None` when the thread is to end. It counts as free when it comes here.
    fn next(&self) -> Option<J> {
        let mut state = self.state.lock();
        let mut waited_long = false;
        loop {
            // A thread that was begun for nested work does nothing else.
            let is_extra = state.threads > self.settings.threads;
            if (state.nested > 0 || !is_extra)
                && let Some(job) = state.queue.pop_front()
            {
                state.nested = state.nested.saturating_sub(1);
                state.free -= 1;
                return Some(job);
            }
            if state.closed || waited_long || is_extra {
                state.free -= 1;
                state.threads -= 1;
                self.ended.notify_all();
                return None;
            }
            waited_long = self.work.wait_for(&mut state, self.settings.idle_timeout).timed_out();
        }
    }
}

/// What a panic said, when it was a text.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something that is no text")
}
