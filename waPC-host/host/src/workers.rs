//! A bounded number of threads for work that blocks, started when there is work and ended when there is none.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};
use system_limits::begin_thread;
use wapc_engine::HostPanic;

use crate::CancelToken;

/// How many threads there may be, and how much work may wait for them.
#[derive(Debug, Clone)]
pub(crate) struct WorkerSettings {
    pub(crate) threads: usize,
    pub(crate) queue: usize,
    pub(crate) idle_timeout: Duration,
}

/// Work that may be given up before it is begun.
pub(crate) struct Job {
    pub(crate) cancel: CancelToken,
    pub(crate) run: Box<dyn FnOnce() + Send>,
}

/// Why work was not taken.
pub(crate) enum NotTaken {
    Full,
    NoThread(io::Error),
}

/// The threads. They end, when they are done with what waits, after this was dropped.
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    settings: WorkerSettings,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    /// How many of them have nothing to do, or are about to begin.
    free: usize,
    closed: bool,
}

impl Workers {
    pub(crate) fn new(mut settings: WorkerSettings) -> Self {
        settings.threads = settings.threads.max(1);
        Self { shared: Arc::new(Shared { settings, state: Mutex::default(), work: Condvar::new() }) }
    }

    pub(crate) fn settings(&self) -> &WorkerSettings {
        &self.shared.settings
    }

    /// How many threads there are now.
    pub(crate) fn threads(&self) -> usize {
        self.shared.state.lock().threads
    }

    /// Takes work for one of the threads, and starts another one if none is free. Never waits for the work of others.
    pub(crate) fn submit(&self, job: Job) -> Result<(), NotTaken> {
        let mut state = self.shared.state.lock();
        let given_up = self.grow(&mut state)?;
        state.queue.push_back(job);
        drop(state);
        self.shared.work.notify_one();
        // Whoever waits for these is told, and that is not done under the lock.
        drop(given_up);
        Ok(())
    }

    /// Sees to it that one more piece of work can be taken, and gives back what was given up in the queue.
    fn grow(&self, state: &mut State) -> Result<Vec<Job>, NotTaken> {
        let settings = &self.shared.settings;
        if state.queue.len() < state.free {
            return Ok(Vec::new());
        }
        if state.threads < settings.threads {
            match self.start(state) {
                Ok(()) => return Ok(Vec::new()),
                Err(error) if state.threads == 0 => return Err(NotTaken::NoThread(error)),
                Err(error) => log::warn!("the calls share {} threads: {error}", state.threads),
            }
        }
        let full = |state: &State| state.queue.len() >= state.free + settings.queue;
        let given_up = if full(state) { state.give_up() } else { Vec::new() };
        if full(state) { Err(NotTaken::Full) } else { Ok(given_up) }
    }

    fn start(&self, state: &mut State) -> io::Result<()> {
        let shared = self.shared.clone();
        begin_thread("wapc-call", move || shared.run())?;
        state.threads += 1;
        state.free += 1;
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl State {
    /// Takes the work out of the queue that was given up.
    fn give_up(&mut self) -> Vec<Job> {
        let (given_up, waiting): (VecDeque<_>, _) =
            self.queue.drain(..).partition(|job| job.cancel.is_cancelled());
        self.queue = waiting;
        Vec::from(given_up)
    }
}

impl Shared {
    fn run(&self) {
        while let Some(job) = self.next() {
            // A panic ends this piece of work, and whoever waits for it is told; the thread goes on.
            let panicked = catch_unwind(AssertUnwindSafe(job.run)).map_err(HostPanic::caught);
            self.state.lock().free += 1;
            if let Err(panic) = panicked {
                log::error!("a call of a guest panicked: {panic}");
            }
        }
    }

    /// The next piece of work; `None` when the thread is to end. It counts as free when it comes here.
    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let mut waited_long = false;
        loop {
            if let Some(job) = state.queue.pop_front() {
                state.free -= 1;
                return Some(job);
            }
            if state.closed || waited_long {
                state.free -= 1;
                state.threads -= 1;
                return None;
            }
            waited_long = self.work.wait_for(&mut state, self.settings.idle_timeout).timed_out();
        }
    }
}
