//! Numbers calls that come from outside, so that errors and logs tell one from another.

use std::{
    cell::Cell,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many numbers a thread takes at once, so that threads do not wait for each other.
const BLOCK: u64 = 1 << 16;

/// The id of a call that came from outside, and of all calls inside it. No two calls of a process have the same; it is written as 16
/// hexadecimal digits, and tells nothing of how many calls there were before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u64);

impl CallId {
    /// The id of nothing that was ever called.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn next() -> Self {
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(0) };
        }
        let next = NEXT.get();
        let number = if next.is_multiple_of(BLOCK) { first_of_block() } else { next };
        NEXT.set(number + 1);
        Self(number)
    }
}

/// The first number of a block that no thread has.
#[cold]
fn first_of_block() -> u64 {
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    // The first number of all belongs to no call, and the first of a block is where a thread looks for another one.
    BLOCKS.fetch_add(1, Relaxed).wrapping_mul(BLOCK).wrapping_add(1)
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A keyed hash tells a stranger neither the order of calls nor how many there were.
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        write!(f, "{:016x}", KEY.hash_one(self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let take = || (0..2 * BLOCK + 3).map(|_| CallId::next()).collect::<Vec<_>>();
        let ids: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert!(!different.contains(&CallId::NONE));
        let texts: HashSet<_> = ids.iter().take(1000).map(CallId::to_string).collect();
        assert!(texts.len() == 1000 && texts.iter().all(|text| text.len() == 16));
    }
}
