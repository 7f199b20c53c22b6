//! Ends what was replaced or removed, behind whoever asked for it: fronts are closed first, then calls in flight are waited for, then links
//! are ended, then a provider that stands nowhere any more is shut down.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Weak},
    time::Instant,
};

use capability_provider::{LinkKey, deadline_after};
use parking_lot::Mutex;

use crate::{
    actors::actor::Actor,
    changes::{
        behind::{LAST_GRACE, OneMore},
        foreign::{Account, MOST_OF_ONE, Pending, Unanswered},
        management::{Of, Turn, Turns, inside, run_inside},
    },
    links::{
        place::Place,
        providers::{Served, UNLINK},
        standing::Standing,
        wiring::{Delivery, Line, Made, cut},
    },
    shared::Shared,
    steps::step,
};

/// A line that is to be ended, in its turn at its provider: a link of the same key is made there only afterwards.
#[derive(Clone)]
pub(crate) struct End {
    line: Line,
    turn: Whose,
    /// Whether it keeps its provider until then.
    keeps: bool,
}

/// Who has the turn in which a line is to be ended.
#[derive(Clone)]
enum Whose {
    Ours(Arc<Turn>),
    /// Whoever causes the end acts inside of it.
    Around,
    /// The provider has not come back yet from what it was asked for in it.
    Anothers(Arc<Turns>, Of),
}

impl Whose {
    fn wait(self) -> Self {
        match self {
            Self::Anothers(turns, of) => {
                turns.take(of, &[]).map_or(Self::Around, |turn| Self::Ours(Arc::new(turn)))
            }
            other => other,
        }
    }

    /// This turn and those around it, as far as we have it.
    fn all(&self) -> Vec<Of> {
        match self {
            Self::Ours(turn) => turn.all(),
            Self::Around | Self::Anothers(..) => Vec::new(),
        }
    }
}

impl End {
    pub(crate) fn of(Made { line, turn }: Made) -> Self {
        Self { line, turn: Whose::Ours(turn), keeps: false }
    }

    pub(crate) fn place(&self) -> Place {
        Place::of(&self.line.key)
    }
}

/// The lines of one provider over which it may deliver, which it ends several at once.
struct Queue {
    provider: String,
    account: Account,
    at_once: usize,
    ends: Arc<Mutex<VecDeque<End>>>,
}

impl Queue {
    /// Of lines of the same provider, of which there is one at least.
    fn new(ends: VecDeque<End>) -> Self {
        let served = &ends[0].line.served;
        let (provider, account) = (served.name.clone(), served.account.clone());
        Self { provider, account, at_once: ends.len().min(MOST_OF_ONE), ends: Arc::new(Mutex::new(ends)) }
    }
}

fn next(ends: &Mutex<VecDeque<End>>) -> Option<End> {
    ends.lock().pop_front()
}

/// A provider that ends links.
struct Ending {
    provider: String,
    /// Its handles. The lines would keep it, and whoever waits is not to be the last who does, for its own end may take any time.
    handles: Vec<Weak<Delivery>>,
    begun: Begun,
    /// How often it is kept until then.
    keeps: usize,
}

/// Whether a provider was told.
enum Begun {
    Yes(Pending<()>),
    /// There is no thread for it that could be left behind, so that it is told by one of those that drain.
    Behind,
    No(Unanswered),
}

impl Shared {
    /// These lines, which nobody else knows any more, with their turns; a turn that is not free before `until` is waited for by whoever ends
    /// the line.
    pub(crate) fn ends(&self, within: &[Of], lines: Vec<Line>, until: Instant) -> Vec<End> {
        let end = |line: Line| {
            let of = Of::Line { provider: line.served.address(), link: line.key.clone() };
            let turn = match self.turns.take_until(of.clone(), within, Some(until)) {
                Ok(Some(turn)) => Whose::Ours(Arc::new(turn)),
                Ok(None) => Whose::Anothers(Arc::clone(&self.turns), of),
                // Inside of the same turn it is the provider itself that causes this, and it is told all the same.
                Err(_) => Whose::Around,
            };
            End { line, turn, keeps: false }
        };
        lines.into_iter().map(end).collect()
    }

    /// The same of an actor that [left](crate::links::wiring::Wiring::leave).
    pub(crate) fn ends_of_leaving(&self, within: &[Of], lines: Vec<Line>, until: Instant) -> Vec<End> {
        self.ends(within, lines, until).into_iter().map(|end| End { keeps: true, ..end }).collect()
    }

    /// Ends one line.
    pub(crate) fn end_line(self: &Arc<Self>, made: Made) {
        self.end_lines(vec![End::of(made)], deadline_after(self.limits.provider_deadline));
    }

    /// Ends lines, those of different providers at once, and waits for it until `until`.
    pub(crate) fn end_lines(self: &Arc<Self>, ends: Vec<End>, until: Instant) {
        let mut providers: BTreeMap<usize, Vec<End>> = BTreeMap::new();
        for end in ends {
            providers.entry(end.line.served.address()).or_default().push(end);
        }
        let endings: Vec<_> = (providers.into_values())
            .map(|ends| {
                let served = Arc::clone(&ends[0].line.served);
                let ending = self.begin_ending(&served, ends, false, until);
                self.give_up_unless_begun(&served, &ending);
                ending
            })
            .collect();
        self.wait_ended(endings, until);
    }

    /// Ends lines, behind.
    pub(crate) fn end_behind(self: &Arc<Self>, ends: Vec<End>) {
        if !ends.is_empty() {
            let host = Arc::clone(self);
            let end = move || host.end_lines(ends, deadline_after(host.limits.provider_deadline));
            self.behind.go_on(self.behind.one_more(), move |_| end());
        }
    }

    /// Ends the lines over which providers may deliver, all at once, and waits for it until `until`: for so long the requests that came over
    /// them are answered. Returns the other lines, and those for which there was no thread.
    pub(crate) fn close_fronts(self: &Arc<Self>, ends: Vec<End>, until: Instant) -> Vec<End> {
        let (fronts, mut others): (Vec<_>, Vec<_>) = ends.into_iter().partition(|end| end.line.delivers());
        let handles: Vec<_> = fronts.iter().map(|end| end.line.delivery.clone()).collect();
        let mut providers: BTreeMap<usize, VecDeque<End>> = BTreeMap::new();
        for end in fronts {
            let queue = providers.entry(end.line.served.address()).or_default();
            // Those for which somebody has to come back first keep no other waiting.
            match end.turn {
                Whose::Anothers(..) => queue.push_back(end),
                _ => queue.push_front(end),
            }
        }
        let queues: Vec<_> = providers.into_values().map(Queue::new).collect();
        // Nobody is waited for while another could be told already.
        let now = Instant::now();
        let (mut closing, mut waiting) = (Vec::new(), Vec::new());
        for queue in &queues {
            let mut told = (0..queue.at_once).map_while(|_| self.close_some(queue, now).ok()).peekable();
            match told.peek() {
                Some(_) => closing.extend(told.map(|pending| (queue, pending))),
                None => waiting.push(queue),
            }
        }
        for queue in waiting {
            match self.close_some(queue, until) {
                Ok(pending) => closing.push((queue, pending)),
                Err(why) => log::error!("{}", self.unanswered(&queue.provider, UNLINK, why)),
            }
        }
        for (queue, pending) in closing {
            if let Some(why) = pending.and_then(|pending| pending.wait(until).err()) {
                log::error!("{}", self.unanswered(&queue.provider, UNLINK, why));
            }
        }
        others.extend(queues.iter().flat_map(|queue| std::mem::take(&mut *queue.ends.lock())));
        // Whatever the provider does with its handles: they lead nowhere any more.
        handles.iter().for_each(cut);
        others
    }

    /// Has a provider end one after the other of these lines, as long as there are any. Nothing comes back where there is no thread for it that
    /// could be left behind, so that it is told by one of those that drain.
    fn close_some(&self, queue: &Queue, until: Instant) -> Result<Option<Pending<()>>, Unanswered> {
        let close = || {
            let (standing, ends) = (Arc::clone(&self.wiring.standing), Arc::clone(&queue.ends));
            move || {
                while let Some(end) = next(&ends) {
                    let turns = end.turn.all();
                    let (served, keeps) = (Arc::clone(&end.line.served), usize::from(end.keeps));
                    run_inside(turns, || end_all(&standing, &served, vec![end], keeps));
                }
            }
        };
        match self.foreign.begin(&queue.account, until, inside(), close(), drop) {
            Ok(pending) => Ok(Some(pending)),
            Err(why @ Unanswered::NoThread(_)) => {
                log::warn!("{}", self.unanswered(&queue.provider, UNLINK, why));
                let close = close();
                self.behind.go_on(self.behind.one_more(), move |_| close());
                Ok(None)
            }
            Err(why) => Err(why),
        }
    }

    /// Lets a provider that was taken out of its place finish its calls until `drained`, ends its links, and shuts it down unless it stands
    /// in another place too: all behind.
    pub(crate) fn dismiss(
        self: &Arc<Self>,
        served: Arc<Served>,
        ends: Vec<End>,
        drained: Instant,
        one: OneMore,
    ) {
        served.close();
        let host = Arc::clone(self);
        self.behind.go_on(one, move |one| {
            let ends = host.close_fronts(ends, drained);
            one.closed_fronts();
            served.drain(drained);
            let until = deadline_after(host.limits.provider_deadline);
            let ending = host.begin_ending(&served, ends, true, until);
            host.give_up_unless_begun(&served, &ending);
            // From here on the provider is let go where it is shut down, for its own end may take any time too.
            drop(served);
            host.wait_ended(vec![ending], until);
        });
    }

    /// Waits for the calls in flight of an actor that was removed, ends them when their time is over, and then ends its links: all behind.
    pub(crate) fn see_off(
        self: &Arc<Self>,
        actor: Arc<Actor>,
        links: Vec<LinkKey>,
        ends: Vec<End>,
        drained: Instant,
        one: OneMore,
    ) {
        let host = Arc::clone(self);
        self.behind.go_on(one, move |_| {
            step("waits for the calls in flight");
            actor.drain(drained);
            actor.end(drained + LAST_GRACE);
            actor.conclude();
            host.wiring.gone(&actor, links.iter());
            host.end_lines(ends, deadline_after(host.limits.provider_deadline));
        });
    }

    /// Ends the lines of providers that leave or do not come to their place after all, shuts down those that stand nowhere any more, and waits for all until `until`.
    pub(crate) fn dismiss_all(self: &Arc<Self>, leaving: Vec<(Arc<Served>, Vec<End>)>, until: Instant) {
        let leave = |(served, ends)| {
            let ending = self.begin_ending(&served, ends, true, until);
            self.give_up_unless_begun(&served, &ending);
            ending
        };
        let endings = leaving.into_iter().map(leave).collect();
        self.wait_ended(endings, until);
    }

    /// Has a provider end these lines one after the other. When it `leaves` its place with that and stands in no other, it is shut down.
    fn begin_ending(
        self: &Arc<Self>,
        served: &Arc<Served>,
        ends: Vec<End>,
        leaves: bool,
        until: Instant,
    ) -> Ending {
        let handles = ends.iter().map(|end| end.line.delivery.clone()).collect();
        let keeps = ends.iter().filter(|end| end.keeps).count() + usize::from(leaves);
        let inside = ends.iter().flat_map(|end| end.turn.all()).collect();
        let (standing, its, spare) = (Arc::clone(&self.wiring.standing), Arc::clone(served), ends.clone());
        let end = move || end_all(&standing, &its, ends, keeps);
        let begun = match self.foreign.begin(&served.account, until, inside, end, drop) {
            Ok(pending) => Begun::Yes(pending),
            Err(why @ Unanswered::NoThread(_)) => {
                log::warn!("{}", self.unanswered(&served.name, UNLINK, why));
                let (standing, its) = (Arc::clone(&self.wiring.standing), Arc::clone(served));
                self.behind.go_on(self.behind.one_more(), move |_| end_all(&standing, &its, spare, keeps));
                Begun::Behind
            }
            Err(why) => Begun::No(why),
        };
        Ending { provider: served.name.clone(), handles, begun, keeps }
    }

    /// A provider that cannot be told to end anything is kept by it no longer.
    fn give_up_unless_begun(&self, served: &Served, ending: &Ending) {
        if matches!(ending.begun, Begun::No(_)) {
            for _ in 0..ending.keeps {
                self.wiring.standing.has_left(served.address());
            }
        }
    }

    fn wait_ended(&self, endings: Vec<Ending>, until: Instant) {
        for Ending { provider, handles, begun, .. } in endings {
            let why = match begun {
                Begun::Yes(pending) => pending.wait(until).err(),
                Begun::Behind => None,
                Begun::No(why) => Some(why),
            };
            if let Some(why) = why {
                log::error!("{}", self.unanswered(&provider, UNLINK, why));
            }
            // Whatever the provider does with its handles: they lead nowhere any more.
            handles.iter().for_each(cut);
        }
    }
}

/// Ends these lines one after the other; and then the provider, if it was kept by them alone.
fn end_all(standing: &Standing, served: &Served, ends: Vec<End>, keeps: usize) {
    // Those for which somebody has to come back first keep no other waiting.
    let (later, now): (Vec<_>, Vec<_>) =
        ends.into_iter().partition(|end| matches!(end.turn, Whose::Anothers(..)));
    for End { line, turn, .. } in now.into_iter().chain(later) {
        let turn = turn.wait();
        served.unlink(&line.key);
        line.cut();
        drop((line, turn));
    }
    if (0..keeps).any(|_| standing.has_left(served.address())) {
        served.shutdown();
    }
}
