//! Counts what happens too often to be recorded one by one.

use capability_claims::Access;

use crate::trust::uses::cut;

/// After so many seconds by the host's clock a count is written, and so many more each time: up to [`LONGEST_WAIT`].
pub(crate) const FIRST_WAIT: u64 = 60;
pub(crate) const LONGEST_WAIT: u64 = 3600;

/// What was counted since the last time that it was written.
#[derive(Default)]
pub(crate) struct Tally {
    /// Whether the log knows that it is counted.
    told: bool,
    count: u64,
    last: Option<Asked>,
    /// When the count is due, in seconds since 1970.
    due: u64,
    wait: u64,
}

/// What was asked for last, each word cut.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) capability: Box<str>,
    pub(crate) link: Option<Box<str>>,
    pub(crate) operation: Box<str>,
}

/// What is to be written after something was counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// That it is counted from here on.
    Begin,
    /// The count, later.
    Wait,
    /// The count, now.
    Write,
}

impl Tally {
    pub(crate) fn add(&mut self, access: &Access<'_>, now: u64) -> Next {
        self.count = self.count.saturating_add(1);
        self.last = Some(Asked {
            capability: cut(access.capability).into(),
            link: access.link.map(|link| cut(link).into()),
            operation: cut(access.operation).into(),
        });
        if !self.told {
            (self.told, self.wait) = (true, FIRST_WAIT);
            self.due = now.saturating_add(FIRST_WAIT);
            return Next::Begin;
        }
        if now >= self.due { Next::Write } else { Next::Wait }
    }

    /// Takes what was counted, when there is something and it is due.
    pub(crate) fn take(&mut self, now: u64, due: bool) -> Option<(u64, Asked)> {
        if self.count == 0 || (due && now < self.due) {
            return None;
        }
        self.wait = (self.wait * 2).clamp(FIRST_WAIT, LONGEST_WAIT);
        self.due = now.saturating_add(self.wait);
        let count = std::mem::take(&mut self.count);
        Some((count, self.last.take()?))
    }

    /// The seconds until the count is due, when there is one.
    pub(crate) fn wait(&self, now: u64) -> Option<u64> {
        (self.count > 0).then(|| self.due.saturating_sub(now))
    }

    /// The log could not be told that it is counted from here on, and what was to be counted does not happen.
    pub(crate) fn take_back(&mut self) {
        self.told = false;
        self.count = self.count.saturating_sub(1);
    }

    /// Another policy decides: what comes is recorded one by one again at first.
    pub(crate) fn begin_anew(&mut self) {
        self.told = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_written_at_intervals_that_grow_to_an_hour_and_loses_nothing() {
        let (mut tally, mut written, mut times) = (Tally::default(), 0, Vec::new());
        let access = Access::capability("test:store", "default", "Work");
        for now in 0..20_000 {
            if tally.add(&access, now) == Next::Write {
                let (count, last) = tally.take(now, true).unwrap();
                assert_eq!(&*last.operation, "Work");
                written += count;
                times.push(now);
            }
        }
        assert_eq!(times, [60, 180, 420, 900, 1860, 3780, 7380, 10_980, 14_580, 18_180]);
        written += tally.take(20_000, false).unwrap().0;
        assert_eq!(written, 20_000);
        assert!(tally.take(20_000, false).is_none(), "nothing is left");
    }
}
