//! Runs what is not the host's own (a provider's code, an actor's word) under a deadline, on threads that can be left behind.
//!
//! Whoever asks waits until the deadline and no longer. What has not come back by then is *abandoned*: it keeps its thread until it comes
//! back, is counted as long, and what it brings is given to whoever cleans up after it. There are at most [`MOST_THREADS`] threads, and of
//! one provider at most [`MOST_OF_ONE`] are abandoned; then whoever asks is refused.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use parking_lot::{Condvar, Mutex};

use crate::changes::{
    crew::{Crew, NotRun},
    management::{Of, run_inside},
};

/// The most threads that run foreign code at once.
pub(crate) const MOST_THREADS: usize = 128;
/// The most calls of one provider that may be abandoned before it is asked nothing more.
pub(crate) const MOST_OF_ONE: usize = 16;
/// How many questions for health may be out that have not been answered in time, before nobody is asked any more.
pub(crate) const MOST_QUESTIONS: usize = 32;

/// The threads, and how many calls are abandoned.
pub(crate) struct Foreign {
    crew: Crew,
    abandoned: Arc<AtomicUsize>,
}

impl Default for Foreign {
    fn default() -> Self {
        Self { crew: Crew::new("wascc-provider", MOST_THREADS), abandoned: Arc::default() }
    }
}

/// Whose code runs, as far as it is counted: how many of its calls are abandoned, and how many may be.
#[derive(Clone)]
pub(crate) struct Account {
    abandoned: Arc<AtomicUsize>,
    most: usize,
}

impl Account {
    pub(crate) fn up_to(most: usize) -> Self {
        Self { abandoned: Arc::default(), most }
    }

    /// How many calls are abandoned.
    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(SeqCst)
    }
}

/// One provider's.
impl Default for Account {
    fn default() -> Self {
        Self::up_to(MOST_OF_ONE)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It did not come back in time.
    Late,
    /// So many of its calls are abandoned that it is asked nothing more.
    Stuck(usize),
    /// All threads are in use.
    NoneFree,
    /// The system gave no thread.
    NoThread(io::Error),
}

/// A call that runs. Dropped, it is abandoned.
pub(crate) struct Pending<T> {
    answer: Arc<Answer<T>>,
    /// All that are abandoned, and those of this account.
    counts: [Arc<AtomicUsize>; 2],
}

struct Answer<T> {
    slot: Mutex<Slot<T>>,
    given: Condvar,
}

enum Slot<T> {
    Waiting,
    Given(T),
    Abandoned,
    Taken,
}

impl Foreign {
    /// How many calls outlasted their deadline and have not come back.
    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(SeqCst)
    }

    /// Runs `code` inside of these turns and waits for it until `until`. When it comes back later, `late` is given what it brought.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        account: &Account,
        until: Instant,
        inside: Vec<Of>,
        code: impl FnOnce() -> T + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
    ) -> Result<T, Unanswered> {
        self.begin(account, until, inside, code, late)?.wait(until)
    }

    /// Begins to run `code` as [`call`](Self::call) does; waits for a free thread no longer than `until`.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        account: &Account,
        until: Instant,
        inside: Vec<Of>,
        code: impl FnOnce() -> T + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
    ) -> Result<Pending<T>, Unanswered> {
        if account.abandoned() >= account.most {
            return Err(Unanswered::Stuck(account.abandoned()));
        }
        let answer = Arc::new(Answer { slot: Mutex::new(Slot::Waiting), given: Condvar::new() });
        let counts = [&self.abandoned, &account.abandoned].map(Arc::clone);
        let (mine, counted) = (Arc::clone(&answer), counts.clone());
        let job = move || run_inside(inside, || mine.give(code(), late, &counted));
        self.crew.run(job, until).map_err(|(why, _job)| match why {
            NotRun::NoneFree => Unanswered::NoneFree,
            NotRun::NoThread(error) => Unanswered::NoThread(error),
        })?;
        Ok(Pending { answer, counts })
    }
}

impl<T> Pending<T> {
    /// Waits for the answer until `until`.
    pub(crate) fn wait(self, until: Instant) -> Result<T, Unanswered> {
        let mut slot = self.answer.slot.lock();
        while matches!(*slot, Slot::Waiting) {
            if self.answer.given.wait_until(&mut slot, until).timed_out() {
                break;
            }
        }
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::Given(answer) => Ok(answer),
            _ => {
                self.abandon(&mut slot);
                Err(Unanswered::Late)
            }
        }
    }

    fn abandon(&self, slot: &mut Slot<T>) {
        for count in &self.counts {
            count.fetch_add(1, SeqCst);
        }
        *slot = Slot::Abandoned;
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let mut slot = self.answer.slot.lock();
        if matches!(*slot, Slot::Waiting) {
            self.abandon(&mut slot);
        }
    }
}

impl<T> Answer<T> {
    fn give(&self, answer: T, late: impl FnOnce(T), counts: &[Arc<AtomicUsize>; 2]) {
        let mut slot = self.slot.lock();
        if matches!(*slot, Slot::Abandoned) {
            drop(slot);
            // Whatever happens to it, it has come back.
            let _panicked = catch_unwind(AssertUnwindSafe(|| late(answer)));
            for count in counts {
                count.fetch_sub(1, SeqCst);
            }
            return;
        }
        // What it holds is let go before anybody goes on.
        drop(late);
        *slot = Slot::Given(answer);
        self.given.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    fn long() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_comes_back_late_is_counted_until_then_and_cleaned_up() {
        let (foreign, account) = (Foreign::default(), Account::default());
        assert_eq!(foreign.call(&account, long(), vec![], || 1, |_| ()).unwrap(), 1);
        let (release, released) = mpsc::channel::<()>();
        let (cleaned, is_clean) = mpsc::channel();
        let hangs = move || released.recv().unwrap();
        let late = foreign.call(&account, soon(), vec![], hangs, move |()| cleaned.send(()).unwrap());
        assert!(matches!(late, Err(Unanswered::Late)), "{late:?}");
        assert_eq!((foreign.abandoned(), account.abandoned()), (1, 1));
        release.send(()).unwrap();
        is_clean.recv().unwrap();
        while foreign.abandoned() + account.abandoned() > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn of_one_provider_only_so_many_are_abandoned_and_others_go_on() {
        let (foreign, [one, other]) = (Foreign::default(), [(); 2].map(|()| Account::default()));
        let (release, released) = crossbeam_channel::bounded::<()>(0);
        for _ in 0..MOST_OF_ONE {
            let released = released.clone();
            let hangs = move || assert!(released.recv().is_err());
            let late = foreign.call(&one, Instant::now(), vec![], hangs, |()| ());
            assert!(matches!(late, Err(Unanswered::Late)), "{late:?}");
        }
        let refused = foreign.call(&one, long(), vec![], || (), |()| ());
        assert!(matches!(refused, Err(Unanswered::Stuck(MOST_OF_ONE))), "{refused:?}");
        foreign.call(&other, long(), vec![], || (), |()| ()).unwrap();
        drop(release);
        while foreign.abandoned() > 0 {
            std::thread::yield_now();
        }
        foreign.call(&one, long(), vec![], || (), |()| ()).unwrap();
    }

    #[test]
    fn there_are_only_so_many_threads_and_whoever_finds_none_is_told() {
        let foreign = Foreign::default();
        let (release, released) = crossbeam_channel::bounded::<()>(0);
        let mut held = Vec::new();
        for _ in 0..MOST_THREADS {
            let released = released.clone();
            let hangs = move || assert!(released.recv().is_err());
            held.push(foreign.begin(&Account::default(), long(), vec![], hangs, |()| ()).unwrap());
        }
        let none = foreign.begin(&Account::default(), soon(), vec![], || (), |()| ());
        assert!(matches!(none, Err(Unanswered::NoneFree)));
        drop(release);
        held.into_iter().for_each(|held| held.wait(long()).unwrap());
        foreign.call(&Account::default(), long(), vec![], || (), |()| ()).unwrap();
    }
}
