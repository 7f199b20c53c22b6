//! Holds the policies that decide at this moment, and knows everybody whose rights they decide.

use std::{
    mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use capability_claims::{Clock, ModuleHash, TrustPolicy};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    error::Error,
    steps::{self, step},
    trust::{decision::Trust, rights::Rights},
};

/// The owner's policy together with the clock that it is judged by.
///
/// Whoever gets rights is [enrolled](Self::enrol) in the moment in which they are made, under the lock under which the policy is
/// replaced: so a change finds every one of them, whether its module still starts, serves, drains, or was taken away.
pub(crate) struct Policy {
    /// Held for a look or a change of what is inside, never while something is decided or recorded.
    state: Mutex<State>,
    /// Held while everybody is given the terms of the newest policy, so that the newest come last.
    spreading: Mutex<()>,
    /// Held while policies are recorded, in the order in which they were given.
    recording: Mutex<()>,
    /// Whether it is seen to that those that wait are recorded later.
    seen_to: AtomicBool,
    clock: Arc<dyn Clock>,
}

struct State {
    /// The policy that is recorded.
    recorded: Arc<TrustPolicy>,
    /// Those that were given after it and have no record yet.
    waiting: Vec<Waiting>,
    /// All of these as one decision.
    trust: Trust,
    enrolled: Vec<Weak<Rights>>,
    /// With so many enrolled, those who are gone are forgotten.
    forget_at: usize,
}

/// A policy that has no record yet.
#[derive(Clone)]
struct Waiting {
    policy: Arc<TrustPolicy>,
    hash: ModuleHash,
    /// Whether a record was tried.
    tried: bool,
}

/// The most policies that wait for a record.
const MOST_WAITING: usize = 16;

const FORGET_AT_LEAST: usize = 64;

impl Policy {
    pub(crate) fn new(trust: TrustPolicy, clock: Arc<dyn Clock>) -> Self {
        let recorded = Arc::new(trust);
        let trust = Trust::of(Arc::clone(&recorded));
        let state =
            State { recorded, waiting: Vec::new(), trust, enrolled: Vec::new(), forget_at: FORGET_AT_LEAST };
        Self {
            state: Mutex::new(state),
            spreading: Mutex::default(),
            recording: Mutex::default(),
            seen_to: AtomicBool::new(false),
            clock,
        }
    }

    /// What decides at this moment.
    pub(crate) fn trust(&self) -> Trust {
        self.state.lock().trust.clone()
    }

    /// How many policies wait for a record.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// The time, in seconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Makes rights under what decides now, and lets every change from here on reach them.
    pub(crate) fn enrol(&self, rights: impl FnOnce(Trust) -> Rights) -> Arc<Rights> {
        let mut state = self.state.lock();
        let rights = Arc::new(rights(state.trust.clone()));
        state.enrolled.push(Arc::downgrade(&rights));
        if state.enrolled.len() >= state.forget_at {
            state.enrolled.retain(|rights| rights.strong_count() > 0);
            state.forget_at = FORGET_AT_LEAST.max(2 * state.enrolled.len());
        }
        rights
    }

    /// From here on this policy decides alone.
    pub(crate) fn replace(&self, policy: TrustPolicy) {
        self.state.lock().decide_by(Arc::new(policy));
    }

    /// From here on this policy has to agree as well; alone it decides when it [is recorded](Self::record). One that is given again while
    /// it waits is not another, and more than [`MOST_WAITING`] do not wait, so that whoever gives one every minute does not make each
    /// decision longer by that. What is left out for it was never recorded, and never decided alone. Returns its hash.
    pub(crate) fn narrow(&self, policy: TrustPolicy) -> ModuleHash {
        let hash = policy.hash();
        let mut state = self.state.lock();
        if state.waiting.last().is_some_and(|last| last.hash == hash) {
            return hash;
        }
        // The first stays where it is, for it may be about to be recorded.
        let again = state.waiting.iter().skip(1).position(|waiting| waiting.hash == hash);
        let left_out = again.or((state.waiting.len() >= MOST_WAITING).then_some(0));
        if let Some(at) = left_out {
            state.waiting.remove(at + 1);
        }
        state.waiting.push(Waiting { policy: Arc::new(policy), hash, tried: false });
        state.decide();
        hash
    }

    /// Whether somebody is to see to it that those that wait are recorded later: nobody does yet. From here on somebody does.
    pub(crate) fn sees_to_it(&self) -> bool {
        !self.seen_to.swap(true, SeqCst)
    }

    /// Nobody sees to it any more.
    pub(crate) fn saw_to_it(&self) {
        self.seen_to.store(false, SeqCst);
    }

    /// Records the policies that wait, in their order, until that of this hash waits no more, or all of them: a later one whose record
    /// fails does not concern whoever gave this. `record` is told whether it was tried before. Each that is recorded takes the place
    /// of those before it.
    ///
    /// # Errors
    /// That of the first record that fails; its policy and those behind it go on to wait.
    pub(crate) fn record(
        &self,
        until: Option<ModuleHash>,
        mut record: impl FnMut(&TrustPolicy, bool) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let _in_order = steps::lock(&self.recording);
        while let Some(Waiting { policy, tried, .. }) = self.next_to_record(until) {
            record(&policy, tried)?;
            step("has the recorded policy decide alone");
            self.state.lock().is_recorded();
        }
        Ok(())
    }

    fn next_to_record(&self, until: Option<ModuleHash>) -> Option<Waiting> {
        let mut state = self.state.lock();
        if until.is_some_and(|hash| state.waiting.iter().all(|waiting| waiting.hash != hash)) {
            return None;
        }
        let next = state.waiting.first_mut()?;
        let before = next.clone();
        next.tried = true;
        Some(before)
    }

    /// Gives everybody the terms of what decides now.
    pub(crate) fn spread(&self, now: u64) {
        // Whoever was taken away meanwhile is dropped after the lock, for then the last of him is written to the disk.
        let (trust, enrolled);
        let _newest_last = steps::lock(&self.spreading);
        (trust, enrolled) = self.enrolled();
        for rights in &enrolled {
            rights.adopt(&trust, now);
        }
    }

    /// What decides now, and everybody who is here.
    pub(crate) fn enrolled(&self) -> (Trust, Vec<Arc<Rights>>) {
        let state: MutexGuard<'_, State> = self.state.lock();
        (state.trust.clone(), state.enrolled.iter().filter_map(Weak::upgrade).collect())
    }
}

impl State {
    fn decide_by(&mut self, policy: Arc<TrustPolicy>) {
        self.waiting.clear();
        self.trust = Trust::of(Arc::clone(&policy));
        self.recorded = policy;
    }

    /// The first of those that wait is recorded.
    fn is_recorded(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = mem::take(&mut self.waiting);
        let (recorded, waiting) = waiting.split_first().expect("it was looked at");
        self.recorded = Arc::clone(&recorded.policy);
        self.waiting = waiting.to_vec();
        self.decide();
    }

    /// What is recorded and all that wait decide together.
    fn decide(&mut self) {
        let waiting = self.waiting.iter().map(|next| Arc::clone(&next.policy));
        self.trust = Trust::of_all(Arc::clone(&self.recorded), waiting);
    }
}

#[cfg(test)]
mod tests {
    use capability_claims::{KeyKind, KeyPair, ManualClock};

    use super::*;

    fn policies<const N: usize>() -> [TrustPolicy; N] {
        [(); N].map(|()| {
            TrustPolicy::nobody().account(KeyPair::generate(KeyKind::Account).unwrap().public_key())
        })
    }

    #[test]
    fn nobody_is_told_how_the_record_of_a_later_policy_went() {
        let policies = policies::<2>();
        let policy = Policy::new(TrustPolicy::nobody(), Arc::new(ManualClock::new(0)));
        let [first, second] = policies.clone().map(|next| policy.narrow(next));
        let fails = |next: &TrustPolicy, _: bool| match next.hash() == policies[1].hash() {
            true => Err(Error::ShuttingDown),
            false => Ok(()),
        };
        policy.record(Some(first), fails).unwrap();
        assert_eq!(policy.waiting(), 1);
        policy.record(Some(second), fails).unwrap_err();
        let tried_again = |_: &TrustPolicy, tried: bool| {
            assert!(tried);
            Ok(())
        };
        policy.record(None, tried_again).unwrap();
        assert_eq!(policy.waiting(), 0);
    }

    #[test]
    fn whoever_gave_a_policy_that_is_given_again_is_told_when_it_is_recorded() {
        let [first, second, third] = policies();
        let policy = Policy::new(TrustPolicy::nobody(), Arc::new(ManualClock::new(0)));
        policy.narrow(first);
        let given = policy.narrow(second.clone());
        policy.narrow(third);
        assert_eq!(policy.narrow(second), given);
        policy.record(Some(given), |_, _| Ok(())).unwrap();
        assert_eq!(policy.waiting(), 0);
    }
}
