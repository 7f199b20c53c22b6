//! Counts what keeps each provider, so that it is shut down once: when nothing keeps it any more.

use std::collections::HashMap;

use parking_lot::Mutex;

/// What keeps each provider (its address): the places where it stands, drains or is about to stand, and the links of actors that leave it has
/// yet to end.
#[derive(Default)]
pub(crate) struct Standing(Mutex<HashMap<usize, Kept>>);

#[derive(Default)]
struct Kept {
    times: usize,
    /// Whether it stood in a place, so that it is shut down. One that never did is still its owner's.
    stood: bool,
}

impl Standing {
    /// Something more keeps the provider.
    pub(crate) fn keep(&self, provider: usize) {
        self.0.lock().entry(provider).or_default().times += 1;
    }

    /// The provider, which is [kept](Self::keep), stands in a place.
    pub(crate) fn stands(&self, provider: usize) {
        if let Some(kept) = self.0.lock().get_mut(&provider) {
            kept.stood = true;
        }
    }

    /// Something keeps the provider no longer. Whether it is to be shut down, because nothing else does: that is told once.
    pub(crate) fn has_left(&self, provider: usize) -> bool {
        let mut all = self.0.lock();
        let Some(kept) = all.get_mut(&provider) else { return false };
        kept.times -= 1;
        kept.times == 0 && all.remove(&provider).is_some_and(|kept| kept.stood)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_shut_down_once_when_nothing_keeps_it_and_only_if_it_stood() {
        let standing = Standing::default();
        standing.keep(1);
        standing.stands(1);
        // It comes to another place, and leaves the first meanwhile.
        standing.keep(1);
        assert!(!standing.has_left(1));
        assert!(standing.has_left(1));
        assert!(!standing.has_left(1), "it was told");
        standing.keep(2);
        assert!(!standing.has_left(2), "it stood nowhere");
    }
}
