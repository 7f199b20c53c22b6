//! Asks providers and actors whether they are well: several at once, each once at a time, all before one deadline.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::{
    actors::actor::{Actor, Unwell, Word},
    changes::{foreign::guard, management::inside},
    error::Error,
    links::providers::Served,
    reports::question::Asked,
    shared::Shared,
};

/// How long everybody together may take to answer when they are asked for their health.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// How much longer is waited for an actor's call to be ended when its time is over, so that it is told what came of it.
const MOMENT: Duration = Duration::from_millis(250);
/// How many are asked at once.
const ASKED_AT_ONCE: usize = 16;

/// What came of asking a provider: why it is not well, if it is not.
type Answer = Result<(), String>;

/// One question that is to be asked.
enum Ask {
    Provider(Arc<Served>, Arc<Asked<Answer>>),
    Actor(Arc<Actor>, Arc<Asked<Word>>),
}

impl Ask {
    fn ask(self, host: &Shared, until: Instant) {
        match self {
            Self::Provider(served, asked) => asked.tell(served.health()),
            Self::Actor(actor, asked) => {
                // A layer around the call is foreign code too.
                let word = guard(|| host.check_actor(&actor, None, until));
                asked.tell(match word {
                    Ok(word) => word.map_err(|error| Unwell {
                        refused: matches!(error, Error::NoLongerValid { .. }),
                        detail: error.to_string(),
                    }),
                    Err(message) => {
                        Err(Unwell { refused: false, detail: format!("asking it panicked: {message}") })
                    }
                });
            }
        }
    }

    fn withdraw(self) {
        match self {
            Self::Provider(_, asked) => asked.withdraw(),
            Self::Actor(_, asked) => asked.withdraw(),
        }
    }
}

/// Questions that are asked on several threads at once, before one deadline.
#[derive(Default)]
pub(crate) struct Round {
    asks: VecDeque<Ask>,
    providers: Vec<(Arc<Served>, Arc<Asked<Answer>>)>,
    actors: Vec<Arc<Asked<Word>>>,
}

/// What the providers of some links said; a provider is told by where it lies.
pub(crate) type Answers = HashMap<*const Served, Answer>;

impl Round {
    /// Whoever has been asked already and has not answered is not asked again.
    pub(crate) fn add_providers<'a>(&mut self, served: impl Iterator<Item = &'a Arc<Served>>) {
        let mut known = HashSet::new();
        for served in served.filter(|served| known.insert(Arc::as_ptr(served))) {
            let (asked, new) = served.well.ask();
            if new {
                self.asks.push_back(Ask::Provider(Arc::clone(served), Arc::clone(&asked)));
            }
            self.providers.push((Arc::clone(served), asked));
        }
    }

    pub(crate) fn add_actors(&mut self, actors: &[Arc<Actor>]) {
        for actor in actors {
            let (asked, new) = actor.well.ask();
            if new {
                self.asks.push_back(Ask::Actor(Arc::clone(actor), Arc::clone(&asked)));
            }
            self.actors.push(asked);
        }
    }

    /// Asks all and waits for the answers until `until`.
    pub(crate) fn run(self, host: &Arc<Shared>, until: Instant) -> (Answers, Vec<Word>) {
        let Self { asks, providers, actors } = self;
        let threads = asks.len().min(ASKED_AT_ONCE);
        let asks = Arc::new(Mutex::new(asks));
        let ask = || {
            let (asks, host) = (Arc::clone(&asks), Arc::clone(host));
            move || {
                while Instant::now() < until
                    && let Some(next) = take(&asks)
                {
                    next.ask(&host, until);
                }
            }
        };
        let begin = |_| host.foreign.begin(&host.asking, until, inside(), ask(), drop);
        let asking: Vec<_> = (0..threads).map(begin).collect();
        let end = until + MOMENT;
        let late = format!("it did not answer within {PATIENCE:?}");
        // Whoever could not be asked is asked by the next who wants to know.
        let all_out = asking.iter().all(Result::is_err);
        let withdraw = || std::iter::from_fn(|| take(&asks)).for_each(Ask::withdraw);
        if all_out {
            withdraw();
        }
        let answered = |answer: Option<Answer>| answer.unwrap_or_else(|| Err(late.clone()));
        let answers: Answers = (providers.iter())
            .map(|(served, asked)| (Arc::as_ptr(served), answered(asked.wait(end))))
            .collect();
        let unwell = || Err(Unwell { refused: false, detail: late.clone() });
        let words = actors.iter().map(|asked| asked.wait(end).unwrap_or_else(unwell)).collect();
        withdraw();
        for asking in asking.into_iter().flatten() {
            // What has not come back is counted from here on.
            let _late = asking.wait(end);
        }
        (answers, words)
    }
}

fn take(asks: &Mutex<VecDeque<Ask>>) -> Option<Ask> {
    asks.lock().pop_front()
}
