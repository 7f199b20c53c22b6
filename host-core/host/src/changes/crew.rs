//! Runs jobs on threads that stay as long as there is something to do for them, and a little longer: at most a number.

use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use system_limits::begin_thread;

/// How long a thread waits for the next to do before it ends.
const IDLE: Duration = Duration::from_secs(5);

/// Something to do.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The threads. Dropped, those at rest end, and the others when they have done what they are at.
pub(crate) struct Crew(Arc<Shift>);

struct Shift {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
    /// There is something to do, or it is over.
    work: Condvar,
    /// A thread is at rest, or one has ended.
    rests: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    resting: usize,
    threads: usize,
    over: bool,
}

/// Why nobody does it.
pub(crate) enum NotRun {
    /// All threads are in use.
    NoneFree,
    /// The system gave no thread.
    NoThread(io::Error),
}

impl Crew {
    /// No threads yet, and never more than `most`, of this name.
    pub(crate) fn new(name: &'static str, most: usize) -> Self {
        let (state, work, rests) = (Mutex::default(), Condvar::new(), Condvar::new());
        Self(Arc::new(Shift { name, most, state, work, rests }))
    }

    /// Gives the job to a thread at rest, or to a new one; waits for one no longer than `until`, and gives the job back then.
    pub(crate) fn run(
        &self,
        job: impl FnOnce() + Send + 'static,
        until: Instant,
    ) -> Result<(), (NotRun, Job)> {
        let shift = &self.0;
        let mut state = shift.state.lock();
        loop {
            if state.resting > state.jobs.len() {
                state.jobs.push_back(Box::new(job));
                shift.work.notify_one();
                return Ok(());
            }
            if state.threads < shift.most {
                break;
            }
            if shift.rests.wait_until(&mut state, until).timed_out() {
                return Err((NotRun::NoneFree, Box::new(job)));
            }
        }
        state.threads += 1;
        drop(state);
        shift.begin(Box::new(job))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.0.state.lock().over = true;
        self.0.work.notify_all();
    }
}

impl Shift {
    /// Begins a thread with this as its first job.
    fn begin(self: &Arc<Self>, job: Job) -> Result<(), (NotRun, Job)> {
        // What a thread that does not begin was given is lost.
        let job = Arc::new(Mutex::new(Some(job)));
        let (shift, first) = (Arc::clone(self), Arc::clone(&job));
        let begun = begin_thread(self.name, move || shift.work(first.lock().take()));
        begun.map(drop).map_err(|error| {
            self.state.lock().threads -= 1;
            self.rests.notify_one();
            let job = job.lock().take().expect("no thread took it");
            (NotRun::NoThread(error), job)
        })
    }

    fn work(&self, mut next: Option<Job>) {
        while let Some(job) = next {
            // Whatever becomes of the job, the thread is counted.
            let _panicked = catch_unwind(AssertUnwindSafe(job));
            next = self.rest();
        }
    }

    /// Waits for the next to do; nothing when the thread is to end.
    fn rest(&self) -> Option<Job> {
        let until = Instant::now() + IDLE;
        let mut state = self.state.lock();
        state.resting += 1;
        self.rests.notify_one();
        let next = loop {
            let next = state.jobs.pop_front();
            if next.is_some() || state.over {
                break next;
            }
            if self.work.wait_until(&mut state, until).timed_out() {
                break state.jobs.pop_front();
            }
        };
        state.resting -= 1;
        if next.is_none() {
            state.threads -= 1;
            self.rests.notify_one();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;

    #[test]
    fn a_thread_at_rest_does_the_next_and_a_job_for_which_there_is_none_comes_back() {
        let crew = Crew::new("test", 1);
        let (told, heard) = mpsc::channel();
        let long = Instant::now() + Duration::from_secs(60);
        for _ in 0..2 {
            let told = told.clone();
            assert!(crew.run(move || told.send(thread::current().id()).unwrap(), long).is_ok());
        }
        assert_eq!(heard.recv().unwrap(), heard.recv().unwrap());
        let (release, released) = mpsc::channel::<()>();
        assert!(crew.run(move || assert!(released.recv().is_err()), long).is_ok());
        let Err((NotRun::NoneFree, job)) = crew.run(move || drop(release), Instant::now()) else {
            panic!("there is no other thread")
        };
        job();
        assert!(crew.run(|| (), long).is_ok());
    }
}
