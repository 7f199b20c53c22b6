//! Has threads take their steps one at a time, in an order that is chosen, and tries one order after the other.

use std::{
    cell::RefCell,
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use system_limits::begin_thread;

use crate::changes::crew::Job;

/// The name of whatever goes on behind an operation.
pub(super) const BEHIND: &str = "behind";

/// Longer than any step takes.
const LONG: Duration = Duration::from_secs(60);

thread_local! {
    /// Where this thread takes its steps, and which of the parties it is.
    static PLACE: RefCell<Option<(Arc<Stage>, usize)>> = const { RefCell::new(None) };
}

/// The end of a step.
pub(crate) fn step(next: &'static str) {
    pause(next, None);
}

/// The end of a step, if the next one waits until this is so. Whatever ends such a wait otherwise, as a deadline does, never happens here.
pub(crate) fn wait(ready: impl Fn() -> bool) {
    if !ready() {
        pause("goes on, as it can again", Some(&ready));
    }
}

/// Has a party of its own go on with this; gives it back where nobody takes steps.
pub(crate) fn behind(job: Job) -> Option<Job> {
    let Some((stage, _)) = PLACE.with_borrow(Clone::clone) else { return Some(job) };
    let me = stage.join(BEHIND);
    let thread = begin_thread(BEHIND, move || stage.take_part(me, job));
    thread.expect("there is room for a thread");
    None
}

/// Takes a lock that is held over the end of a step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    wait(|| !mutex.is_locked());
    mutex.lock()
}

fn pause(next: &'static str, ready: Option<&dyn Fn() -> bool>) {
    let place = PLACE.with_borrow(Clone::clone);
    if let Some((stage, me)) = place {
        stage.pause(me, next, ready);
    }
}

/// One thread of an order.
pub(super) struct Party<'a> {
    pub(super) name: &'static str,
    pub(super) body: Box<dyn FnOnce() + Send + 'a>,
}

/// What each step of each order is held against.
pub(super) trait Watch {
    /// The party is about to take this step.
    fn before(&mut self, party: &'static str, step: &'static str);

    /// Everybody stands still.
    fn look(&mut self);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// Waits for its turn, before this step.
    Paused {
        next: &'static str,
        conditional: bool,
    },
    /// Is to tell whether it can go on.
    Asked,
    Answered(bool),
    Ended,
}

/// Where the threads of one order meet.
#[derive(Default)]
struct Stage {
    scene: Mutex<Scene>,
    changed: Condvar,
}

#[derive(Default)]
struct Scene {
    states: Vec<State>,
    names: Vec<&'static str>,
    /// One for each party.
    called: Vec<Arc<Condvar>>,
    /// Whether everybody runs on by himself, for the order is over or has failed.
    released: bool,
}

/// Releases everybody.
struct Release<'a>(&'a Stage);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        let mut scene = self.0.scene.lock();
        scene.released = true;
        scene.called.iter().for_each(|called| {
            called.notify_one();
        });
    }
}

/// The thread takes no more steps.
struct End(Arc<Stage>, usize);

impl Drop for End {
    fn drop(&mut self) {
        PLACE.set(None);
        self.0.scene.lock().states[self.1] = State::Ended;
        self.0.changed.notify_one();
    }
}

impl Stage {
    /// One more party, which runs. Returns its number.
    fn join(&self, name: &'static str) -> usize {
        let mut scene = self.scene.lock();
        scene.states.push(State::Running);
        scene.names.push(name);
        scene.called.push(Arc::default());
        scene.states.len() - 1
    }

    /// Has this thread be the party of this number.
    fn take_part(self: Arc<Self>, me: usize, body: impl FnOnce()) {
        let _end = End(Arc::clone(&self), me);
        PLACE.set(Some((self, me)));
        step("begins");
        body();
    }

    fn pause(&self, me: usize, next: &'static str, ready: Option<&dyn Fn() -> bool>) {
        let mut scene = self.scene.lock();
        let called = Arc::clone(&scene.called[me]);
        scene.states[me] = State::Paused { next, conditional: ready.is_some() };
        self.changed.notify_one();
        while !scene.released {
            match scene.states[me] {
                State::Running => return,
                State::Asked => {
                    scene.states[me] = State::Answered(ready.is_none_or(|ready| ready()));
                    self.changed.notify_one();
                }
                State::Answered(_) | State::Paused { .. } | State::Ended => {
                    called.wait(&mut scene);
                }
            }
        }
    }

    /// Waits until nobody runs.
    fn still(&self) -> MutexGuard<'_, Scene> {
        let mut scene = self.scene.lock();
        while scene.states.iter().any(|state| matches!(state, State::Running | State::Asked)) {
            let waited = self.changed.wait_for(&mut scene, LONG);
            assert!(!waited.timed_out(), "somebody waits for a lock that another holds between two steps");
        }
        scene
    }

    /// Those who can take a step once nobody runs, each with what it is; `None` when all have ended.
    fn open(&self) -> Option<Vec<(usize, &'static str)>> {
        let states = self.still().states.clone();
        if states.iter().all(|state| *state == State::Ended) {
            return None;
        }
        let mut open = Vec::new();
        for (party, state) in states.into_iter().enumerate() {
            let State::Paused { next, conditional } = state else { continue };
            if !conditional || self.ask(party, state) {
                open.push((party, next));
            }
        }
        Some(open)
    }

    fn ask(&self, party: usize, paused: State) -> bool {
        self.tell(party, State::Asked);
        let mut scene = self.still();
        let answer = scene.states[party] == State::Answered(true);
        scene.states[party] = paused;
        answer
    }

    fn tell(&self, party: usize, state: State) {
        let mut scene = self.scene.lock();
        scene.states[party] = state;
        scene.called[party].notify_one();
    }
}

/// Chooses among those who can take a step. `current` is who took the last one, if he can go on.
pub(super) trait Choose {
    /// The place of the chosen one in the list.
    fn choose(&mut self, open: &[usize], current: Option<usize>) -> usize;
}

/// Takes the steps of all in one order. A failure is told with the order.
pub(super) fn in_one_order(parties: Vec<Party<'_>>, choose: &mut dyn Choose, watch: &mut dyn Watch) {
    let mut order = String::new();
    let done = catch_unwind(AssertUnwindSafe(|| take_steps(parties, choose, watch, &mut order)));
    if let Err(failure) = done {
        eprintln!("the order that failed:\n{order}");
        resume_unwind(failure);
    }
}

fn take_steps(parties: Vec<Party<'_>>, choose: &mut dyn Choose, watch: &mut dyn Watch, order: &mut String) {
    let stage = Arc::new(Stage::default());
    thread::scope(|scope| {
        let release = Release(&stage);
        let threads: Vec<_> = (parties.into_iter())
            .map(|party| {
                let (stage, me) = (Arc::clone(&stage), stage.join(party.name));
                scope.spawn(move || stage.take_part(me, party.body))
            })
            .collect();
        let mut current = None;
        while let Some(open) = stage.open() {
            watch.look();
            assert!(!open.is_empty(), "nobody can go on");
            let parties: Vec<_> = open.iter().map(|(party, _)| *party).collect();
            let (party, next) = open[choose.choose(&parties, current.filter(|one| parties.contains(one)))];
            let name = stage.scene.lock().names[party];
            writeln!(order, "  {name}: {next}").expect("a text takes all");
            watch.before(name, next);
            stage.tell(party, State::Running);
            current = Some(party);
        }
        watch.look();
        drop(release);
        for thread in threads {
            thread.join().unwrap_or_else(|failure| resume_unwind(failure));
        }
    });
}

/// Every order in which it changes from one who could go on to another no more than so often.
pub(super) struct EveryOrder {
    most_changes: usize,
    changes: usize,
    /// What was chosen, and among how many.
    chosen: Vec<(usize, usize)>,
    at: usize,
}

impl EveryOrder {
    /// Has `run` go through each of the orders; returns how many there are.
    pub(super) fn go_through(most_changes: usize, mut run: impl FnMut(&mut dyn Choose)) -> usize {
        let mut every = Self { most_changes, changes: 0, chosen: Vec::new(), at: 0 };
        let mut orders = 0;
        loop {
            (every.changes, every.at) = (0, 0);
            run(&mut every);
            orders += 1;
            while let Some((chosen, among)) = every.chosen.pop() {
                if chosen + 1 < among {
                    every.chosen.push((chosen + 1, among));
                    break;
                }
            }
            if every.chosen.is_empty() {
                return orders;
            }
        }
    }
}

impl Choose for EveryOrder {
    fn choose(&mut self, open: &[usize], current: Option<usize>) -> usize {
        // Who is at it comes first.
        let first = current.map_or(0, |current| open.iter().position(|one| *one == current).unwrap_or(0));
        let among = if current.is_some() && self.changes == self.most_changes { 1 } else { open.len() };
        if self.at == self.chosen.len() {
            self.chosen.push((0, among));
        }
        let (chosen, before) = self.chosen[self.at];
        assert_eq!(among, before, "the same steps led elsewhere");
        self.at += 1;
        self.changes += usize::from(current.is_some() && chosen > 0);
        match chosen {
            0 => first,
            chosen if chosen <= first => chosen - 1,
            chosen => chosen,
        }
    }
}

/// Some order, the same for the same seed (xorshift).
pub(super) struct SomeOrder(pub(super) u64);

impl Choose for SomeOrder {
    fn choose(&mut self, open: &[usize], _: Option<usize>) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % open.len() as u64) as usize
    }
}
