//! Appends records so that each is there as a whole or not at all.

use std::io;

use crate::{
    event::{Event, Notice},
    hash::Head,
    record,
    verify::Walk,
};

/// Where a log's bytes lie.
pub(crate) trait Storage {
    /// How many there are.
    fn length(&self) -> Result<u64, Failure>;

    /// Adds bytes at the end and makes sure that they stay. When this fails some of them may be there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes away all after the first `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// A log that grows.
#[derive(Debug)]
pub(crate) struct Journal<S> {
    storage: S,
    head: Head,
    /// The bytes of all whole records.
    length: u64,
    /// Whether there may be a part of a record behind them.
    torn: bool,
    /// The bytes of the part of a record that was found when the log was opened, until the log says so.
    partial: u64,
    /// The records that could not be written since the last one.
    lost: Option<Lost>,
}

/// Records that could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) count: u64,
    /// When the first of them was to be written.
    pub(crate) since: u64,
}

/// Why a record was not written.
#[derive(Debug)]
pub(crate) enum Failure {
    Storage(io::Error),
    Changed { expected: u64, actual: u64 },
    Removed,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Storage(error)
    }
}

impl<S: Storage> Journal<S> {
    /// Goes on where a walk through what is stored ended.
    pub(crate) fn after(walk: &Walk, storage: S) -> Self {
        let Walk { head, length, partial, .. } = *walk;
        Self { storage, head, length, torn: partial > 0, partial, lost: None }
    }

    pub(crate) fn record(&mut self, at: u64, event: &Event<'_>) -> Result<(), Failure> {
        let recorded = self.record_again(at, event);
        if recorded.is_err() {
            let Lost { count, since } = self.lost.unwrap_or(Lost { count: 0, since: at });
            self.lost = Some(Lost { count: count.saturating_add(1), since });
        }
        recorded
    }

    /// As [`record`](Self::record), for one that is counted as lost already.
    pub(crate) fn record_again(&mut self, at: u64, event: &Event<'_>) -> Result<(), Failure> {
        self.settle()?;
        self.append(at, event)?;
        self.lost = None;
        Ok(())
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// Makes sure that the storage ends with the last whole record.
    pub(crate) fn settle(&mut self) -> Result<(), Failure> {
        let actual = self.storage.length()?;
        if actual > self.length && self.torn {
            self.storage.cut(self.length)?;
        } else if actual != self.length {
            return Err(Failure::Changed { expected: self.length, actual });
        }
        self.torn = false;
        Ok(())
    }

    /// Appends the record and, before it, what the log has to say of itself.
    fn append(&mut self, at: u64, event: &Event<'_>) -> Result<(), Failure> {
        let mut lines = Vec::new();
        let mut head = self.head;
        if self.partial > 0 {
            head =
                record::append(&mut lines, head, at, &Notice::PartialRecordRemoved { bytes: self.partial });
        }
        if let Some(Lost { count, since }) = self.lost {
            head = record::append(&mut lines, head, at, &Notice::RecordsLost { count, since });
        }
        head = record::append(&mut lines, head, at, event);
        if let Err(error) = self.storage.append(&lines) {
            // What cannot be cut off now is cut off before the next record.
            self.torn = self.storage.cut(self.length).is_err();
            return Err(error.into());
        }
        self.head = head;
        self.length += lines.len() as u64;
        self.partial = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{VerifyError, verify};

    /// Memory with so much room, which cannot always be cut.
    #[derive(Debug)]
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        cuts: bool,
    }

    impl Storage for Disk {
        fn length(&self) -> Result<u64, Failure> {
            Ok(self.bytes.len() as u64)
        }

        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fitting = bytes.len().min(self.room - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..fitting]);
            if fitting == bytes.len() { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            if !self.cuts {
                return Err(io::ErrorKind::Other.into());
            }
            self.bytes.truncate(length as usize);
            Ok(())
        }
    }

    const EVENT: Event<'_> = Event::ActorRemoved { actor: "M" };

    fn journal(bytes: Vec<u8>) -> Journal<Disk> {
        let walk = Walk::through(&*bytes, None).unwrap();
        Journal::after(&walk, Disk { bytes, room: usize::MAX, cuts: true })
    }

    fn of_three_records() -> Vec<u8> {
        let mut journal = journal(Vec::new());
        (0..3).for_each(|at| journal.record(at, &EVENT).unwrap());
        journal.storage.bytes
    }

    fn events(bytes: &[u8]) -> Vec<(String, Option<u64>)> {
        let event = |line: &[u8]| {
            let value: serde_json::Value = serde_json::from_slice(line).unwrap();
            let number = value.get("count").or(value.get("bytes")).and_then(|number| number.as_u64());
            (value["event"].as_str().unwrap().to_owned(), number)
        };
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(event).collect()
    }

    #[test]
    fn wherever_a_disk_is_full_what_is_there_stays_whole() {
        let full = of_three_records();
        for room in 0..full.len() {
            let mut journal = journal(Vec::new());
            journal.storage.room = room;
            let written = (0..3).take_while(|at| journal.record(*at, &EVENT).is_ok()).count() as u64;
            let summary = verify(&*journal.storage.bytes).unwrap();
            assert_eq!((summary.records, summary.head), (written, journal.head().hash), "room for {room}");
            assert!(journal.record(3, &EVENT).is_err());
            // The first one that did not fit, and the one that was tried after it.
            assert_eq!(journal.lost(), Some(Lost { count: 2, since: written }));

            journal.storage.room = usize::MAX;
            journal.record(4, &EVENT).unwrap();
            assert_eq!(verify(&*journal.storage.bytes).unwrap().records, written + 2);
            let told = events(&journal.storage.bytes);
            assert_eq!(told[written as usize], ("records_lost".to_owned(), Some(2)));
            let line = format!(r#""event":"records_lost","count":2,"since":{written},"hash""#);
            let text = String::from_utf8_lossy(&journal.storage.bytes);
            assert!(text.lines().nth(written as usize).unwrap().contains(&line), "{text}");
            assert_eq!(journal.lost(), None);
        }
    }

    #[test]
    fn what_cannot_be_cut_off_at_once_is_cut_off_before_the_next_record() {
        let mut journal = journal(of_three_records());
        let length = journal.storage.bytes.len();
        journal.storage.room = length + 10;
        journal.storage.cuts = false;
        assert!(journal.record(3, &EVENT).is_err());
        assert_eq!(journal.storage.bytes.len(), length + 10, "a half record is there");
        journal.storage.room = usize::MAX;
        assert!(journal.record(4, &EVENT).is_err(), "nothing may follow it");
        assert!(matches!(verify(&*journal.storage.bytes), Err(VerifyError::Partial { bytes: 10, .. })));

        journal.storage.cuts = true;
        journal.record(5, &EVENT).unwrap();
        verify(&*journal.storage.bytes).unwrap();
        let told = events(&journal.storage.bytes);
        assert_eq!((told.len(), told[3].clone()), (5, ("records_lost".to_owned(), Some(2))));
    }

    #[test]
    fn a_record_that_a_crash_cut_short_is_removed_and_told() {
        let full = of_three_records();
        let last_line = full[..full.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        for end in last_line + 1..full.len() {
            let mut journal = journal(full[..end].to_vec());
            journal.record(9, &EVENT).unwrap();
            assert_eq!(verify(&*journal.storage.bytes).unwrap().records, 4);
            let bytes = (end - last_line) as u64;
            let told = events(&journal.storage.bytes);
            assert_eq!(told[2], ("partial_record_removed".to_owned(), Some(bytes)));
            assert_eq!(told[3].0, "actor_removed");
        }
    }

    #[test]
    fn what_somebody_else_wrote_or_cut_is_left_as_it_is() {
        let full = of_three_records();
        for changed in [full[..full.len() - 1].to_vec(), [&full[..], b"x"].concat(), Vec::new()] {
            let mut journal = journal(full.clone());
            journal.storage.bytes.clone_from(&changed);
            let expected = full.len() as u64;
            let refused = journal.record(3, &EVENT).unwrap_err();
            assert!(
                matches!(refused, Failure::Changed { expected: e, actual } if e == expected && actual == changed.len() as u64)
            );
            assert_eq!(journal.storage.bytes, changed);
        }
    }
}
