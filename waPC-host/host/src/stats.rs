//! Counts what a pool of instances did.

use crate::guest::Fault;

/// What a pool did and has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// How many instances there may be.
    pub max: usize,
    /// How many wait for a call.
    pub idle: usize,
    /// How many are in a call, or being made for one.
    pub in_use: usize,
    /// How many calls got an instance.
    pub calls: u64,
    /// How many of them got an idle one.
    pub reused: u64,
    /// How many instances were made since the beginning, with the one that was there before the first call.
    pub created: u64,
    /// How many of them were made for one call alone, and thrown away after it.
    pub fresh: u64,
    /// How many were thrown away because of what happened in them: the sum of the three that follow.
    pub discarded: u64,
    /// A call ended in a trap: the guest's own, an abort or exit, too much memory, or a panic of the handler.
    pub trapped: u64,
    /// A call was ended from outside: by its deadline, a cancellation, or for want of fuel.
    pub interrupted: u64,
    /// The guest broke the protocol.
    pub violated: u64,
    /// How many were dropped because nobody used them.
    pub released: u64,
    /// How many calls had to wait for an instance.
    pub waited: u64,
    /// How many of them got none.
    pub exhausted: u64,
}

/// What a pool counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) reused: u64,
    /// Instances that were made for a call.
    pub(crate) made: u64,
    /// Instances that were made before there was a call.
    pub(crate) prepared: u64,
    pub(crate) fresh: u64,
    pub(crate) released: u64,
    pub(crate) waited: u64,
    pub(crate) exhausted: u64,
    trapped: u64,
    interrupted: u64,
    violated: u64,
}

impl Counters {
    pub(crate) fn created(&self) -> u64 {
        self.prepared + self.made
    }

    pub(crate) fn discarded(&mut self, fault: Fault) {
        match fault {
            Fault::Trapped => self.trapped += 1,
            Fault::Interrupted => self.interrupted += 1,
            Fault::Violated => self.violated += 1,
        }
    }

    /// With the calls that `found` their instance where they had left it, and how many instances there may be, are idle and
    /// are in use.
    pub(crate) fn stats(&self, found: u64, (max, idle, in_use): (usize, usize, usize)) -> PoolStats {
        let reused = self.reused + found;
        PoolStats {
            max,
            idle,
            in_use,
            calls: reused + self.made,
            reused,
            created: self.created(),
            fresh: self.fresh,
            discarded: self.trapped + self.interrupted + self.violated,
            trapped: self.trapped,
            interrupted: self.interrupted,
            violated: self.violated,
            released: self.released,
            waited: self.waited,
            exhausted: self.exhausted,
        }
    }
}
