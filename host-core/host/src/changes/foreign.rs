//! Runs what is not the host's own (a provider's code, an actor's word) under a deadline, on threads that can be left behind.
//!
//! Whoever asks waits until the deadline and no longer. What has not come back by then is *abandoned*: it keeps its thread until it comes
//! back, is counted as long, and what it brings is given to whoever cleans up after it. There are at most [`MOST_THREADS`] threads, and one
//! provider has at most [`MOST_OF_ONE`] of them at once: whoever asks it for more waits for one that comes back, and is refused when all of
//! them are abandoned.

use std::{
    any::Any,
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
/// The most calls into one provider at once. When so many are abandoned, it is asked nothing more.
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

/// Whose code runs, as far as it is counted: how many of its calls are out, how many of those are abandoned, and how many may be.
#[derive(Clone)]
pub(crate) struct Account {
    out: Arc<Out>,
    abandoned: Arc<AtomicUsize>,
    most_out: usize,
    most_abandoned: usize,
}

#[derive(Default)]
struct Out {
    count: Mutex<usize>,
    /// One came back, or one more is abandoned.
    changed: Condvar,
}

/// One call that is out.
struct OneOut(Arc<Out>);

impl Drop for OneOut {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.changed.notify_one();
    }
}

impl Account {
    /// Any number of calls, until so many of them are abandoned.
    pub(crate) fn abandoning_up_to(most_abandoned: usize) -> Self {
        Self { out: Arc::default(), abandoned: Arc::default(), most_out: usize::MAX, most_abandoned }
    }

    /// One more call, as soon as there may be one; waits for that no longer than `until`.
    fn go_out(&self, until: Instant) -> Result<OneOut, Unanswered> {
        let mut out = self.out.count.lock();
        loop {
            if self.abandoned() >= self.most_abandoned {
                return Err(Unanswered::Stuck(self.abandoned()));
            }
            if *out < self.most_out {
                *out += 1;
                return Ok(OneOut(Arc::clone(&self.out)));
            }
            if self.out.changed.wait_until(&mut out, until).timed_out() && *out >= self.most_out {
                return Err(Unanswered::Stuck(*out));
            }
        }
    }

    /// How many calls are abandoned.
    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(SeqCst)
    }
}

/// One provider's.
impl Default for Account {
    fn default() -> Self {
        Self { most_out: MOST_OF_ONE, ..Self::abandoning_up_to(MOST_OF_ONE) }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It did not come back in time.
    Late,
    /// So many of its calls have not come back that it is asked nothing more.
    Stuck(usize),
    /// All threads are in use.
    NoneFree,
    /// The system gave no thread.
    NoThread(io::Error),
    /// It panicked, with this message.
    Panicked(String),
}

/// A call that runs. Dropped, it is abandoned.
pub(crate) struct Pending<T> {
    answer: Arc<Answer<T>>,
    counts: Counts,
}

/// Where a call that is abandoned is counted.
#[derive(Clone)]
struct Counts {
    all: Arc<AtomicUsize>,
    account: Account,
}

impl Counts {
    fn abandoned(&self) {
        self.all.fetch_add(1, SeqCst);
        let _waiting = self.account.out.count.lock();
        self.account.abandoned.fetch_add(1, SeqCst);
        self.account.out.changed.notify_all();
    }

    fn came_back(&self) {
        self.account.abandoned.fetch_sub(1, SeqCst);
        self.all.fetch_sub(1, SeqCst);
    }
}

struct Answer<T> {
    slot: Mutex<Slot<T>>,
    given: Condvar,
}

enum Slot<T> {
    Waiting,
    /// What came of it, or the message of its panic.
    Given(Result<T, String>),
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

    /// Begins to run `code` as [`call`](Self::call) does; waits until there may be one more call, and for a free thread, no longer than `until`.
    pub(crate) fn begin<T: Send + 'static>(
        &self,
        account: &Account,
        until: Instant,
        inside: Vec<Of>,
        code: impl FnOnce() -> T + Send + 'static,
        late: impl FnOnce(T) + Send + 'static,
    ) -> Result<Pending<T>, Unanswered> {
        let out = account.go_out(until)?;
        let answer = Arc::new(Answer { slot: Mutex::new(Slot::Waiting), given: Condvar::new() });
        let counts = Counts { all: Arc::clone(&self.abandoned), account: account.clone() };
        let (mine, counted) = (Arc::clone(&answer), counts.clone());
        let job = move || run_inside(inside, || mine.give(guard(code), late, &counted, out));
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
            Slot::Given(answer) => answer.map_err(Unanswered::Panicked),
            _ => {
                self.abandon(&mut slot);
                Err(Unanswered::Late)
            }
        }
    }

    fn abandon(&self, slot: &mut Slot<T>) {
        self.counts.abandoned();
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
    fn give(&self, answer: Result<T, String>, late: impl FnOnce(T), counts: &Counts, out: OneOut) {
        let mut slot = self.slot.lock();
        if matches!(*slot, Slot::Abandoned) {
            drop(slot);
            // Whatever happens to it, it has come back.
            let _panicked = answer.and_then(|answer| guard(|| late(answer)));
            drop(out);
            counts.came_back();
            return;
        }
        // What it holds is let go before anybody goes on.
        drop((late, out));
        *slot = Slot::Given(answer);
        self.given.notify_all();
    }
}

/// Runs foreign code; a panic comes back as its message. What the code leaves half done is its own (its locks recover or
/// poison by its own choice), so nothing of the host's is seen in a broken state.
pub(crate) fn guard<T>(foreign: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(foreign)).map_err(message_of)
}

fn message_of(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => match panic.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => "a panic without a message".to_owned(),
        },
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
    fn of_one_provider_only_so_many_run_at_once_and_the_next_waits_for_one_that_comes_back() {
        let (foreign, one) = (Foreign::default(), Account::default());
        let (release, released) = crossbeam_channel::bounded::<()>(0);
        let begin = |until| {
            let released = released.clone();
            foreign.begin(&one, until, vec![], move || _ = released.recv(), |()| ())
        };
        let held: Vec<_> = (0..MOST_OF_ONE).map(|_| begin(long()).unwrap()).collect();
        let refused = begin(soon()).map(|_| ());
        assert!(matches!(refused, Err(Unanswered::Stuck(MOST_OF_ONE))), "{refused:?}");
        foreign.call(&Account::default(), long(), vec![], || (), |()| ()).unwrap();
        assert_eq!((one.abandoned(), foreign.abandoned()), (0, 0), "nobody gave one up");
        std::thread::scope(|scope| {
            let next = scope.spawn(|| foreign.call(&one, long(), vec![], || (), |()| ()));
            release.send(()).unwrap();
            next.join().unwrap().unwrap();
        });
        drop(release);
        held.into_iter().for_each(|held| held.wait(long()).unwrap());
    }

    #[test]
    fn a_panic_is_told_and_has_come_back() {
        let (foreign, account) = (Foreign::default(), Account::default());
        let panics = || -> () { panic!("its own bug") };
        let told = foreign.call(&account, long(), vec![], panics, |()| ());
        assert!(matches!(&told, Err(Unanswered::Panicked(why)) if why == "its own bug"), "{told:?}");
        let (release, released) = mpsc::channel::<()>();
        let late = foreign.call(&account, soon(), vec![], move || released.recv().unwrap(), |()| ());
        assert!(matches!(late, Err(Unanswered::Late)), "{late:?}");
        drop(release);
        while foreign.abandoned() + account.abandoned() > 0 {
            std::thread::yield_now();
        }
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
