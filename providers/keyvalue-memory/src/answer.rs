//! Puts answers of any size together where nobody waits for it, and no larger than the call may carry.

use std::{collections::HashSet, sync::Arc};

use crate::{
    fault::Fault,
    value::{List, Set},
};

/// What an item of an answer takes at least, beside its text (MessagePack).
const PER_ITEM: usize = 1;

/// How many bytes of an answer were put together, and how many may be.
pub(crate) struct AnswerBudget {
    size: usize,
    limit: usize,
}

impl AnswerBudget {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { size: 0, limit: limit.unwrap_or(usize::MAX) }
    }

    /// A copy of one text.
    pub(crate) fn text(&mut self, text: &str) -> Result<String, Fault> {
        self.size = self.size.saturating_add(PER_ITEM + text.len());
        if self.size > self.limit {
            return Err(Fault::AnswerTooLarge { size: self.size, limit: self.limit });
        }
        Ok(text.to_owned())
    }

    /// Copies of all of them.
    pub(crate) fn texts<'a>(
        &mut self,
        texts: impl Iterator<Item = &'a Arc<str>>,
    ) -> Result<Vec<String>, Fault> {
        texts.map(|text| self.text(text)).collect()
    }
}

/// The items from `start` to `stop`, both included; negative positions count from the end, -1 being the last item.
pub(crate) fn range(items: &List, start: i32, stop: i32) -> impl Iterator<Item = &Arc<str>> {
    let from = position(start, items.len()).unwrap_or(0).min(items.len());
    let past = position(stop, items.len()).map_or(0, |last| last.saturating_add(1)).min(items.len());
    items.focus().narrow(from..past.max(from)).into_iter()
}

/// The members of any of the sets, each once.
pub(crate) fn union(sets: &[Set]) -> impl Iterator<Item = &Arc<str>> {
    let mut seen = HashSet::new();
    sets.iter().flatten().filter(move |member| seen.insert(&***member))
}

/// The members that all of the sets have.
pub(crate) fn intersection(sets: &[Set]) -> impl Iterator<Item = &Arc<str>> {
    let (smallest, others) = match sets.iter().min_by_key(|set| set.len()) {
        Some(smallest) => (Some(smallest), sets),
        None => (None, &[][..]),
    };
    smallest.into_iter().flatten().filter(move |member| others.iter().all(|set| set.contains(&***member)))
}

/// The place that an index from the start, or a negative one from the end, stands for; `None` when it is before the start.
fn position(index: i32, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}
