//! Asks a question once at a time: whoever asks while it is out waits for the same answer.

use std::{sync::Arc, time::Instant};

use parking_lot::{Condvar, Mutex};

/// The question, with those who wait for its answer.
pub(crate) struct Question<T>(Mutex<Option<Arc<Asked<T>>>>);

/// One time that it is asked.
pub(crate) struct Asked<T> {
    state: Mutex<State<T>>,
    told: Condvar,
}

enum State<T> {
    Out,
    Told(T),
    /// It was not asked after all.
    Withdrawn,
}

impl<T> Default for Question<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Question<T> {
    /// Where the answer is to come, and whether the caller has to see to it that it does, because it is not out yet.
    pub(crate) fn ask(&self) -> (Arc<Asked<T>>, bool) {
        let mut asked = self.0.lock();
        match asked.as_ref().filter(|asked| matches!(*asked.state.lock(), State::Out)) {
            Some(out) => (Arc::clone(out), false),
            None => {
                let new = Arc::new(Asked { state: Mutex::new(State::Out), told: Condvar::new() });
                (Arc::clone(asked.insert(new)), true)
            }
        }
    }
}

impl<T: Clone> Asked<T> {
    pub(crate) fn tell(&self, answer: T) {
        self.set(State::Told(answer));
    }

    /// Nobody sees to the answer: the question is asked anew by whoever comes next.
    pub(crate) fn withdraw(&self) {
        self.set(State::Withdrawn);
    }

    fn set(&self, state: State<T>) {
        *self.state.lock() = state;
        self.told.notify_all();
    }

    /// Waits for the answer until `until`; nothing when there is none.
    pub(crate) fn wait(&self, until: Instant) -> Option<T> {
        let mut state = self.state.lock();
        while matches!(*state, State::Out) && !self.told.wait_until(&mut state, until).timed_out() {}
        match &*state {
            State::Told(answer) => Some(answer.clone()),
            State::Out | State::Withdrawn => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_is_out_once_and_answered_to_all_who_ask() {
        let question = Question::default();
        let (first, mine) = question.ask();
        let (second, other) = question.ask();
        assert!(mine && !other);
        assert_eq!(second.wait(Instant::now()), None);
        first.tell("well");
        let long = Instant::now() + Duration::from_secs(60);
        assert_eq!([first.wait(long), second.wait(long)], [Some("well"); 2]);
        let (anew, mine) = question.ask();
        assert!(mine);
        anew.withdraw();
        assert_eq!(anew.wait(long), None);
        assert!(question.ask().1);
    }
}
