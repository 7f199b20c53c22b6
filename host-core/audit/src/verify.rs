//! Checks that a log is whole, and reads it on the way.

use std::{
    io::{BufRead, Read},
    ops::ControlFlow,
};

use serde::Serialize;
use untrusted_text::Shown;

use crate::{
    error::VerifyError,
    hash::{Head, RecordHash},
    record::{self, Envelope, LONGEST_LINE},
};

/// What a log that is whole amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The number of records.
    pub records: u64,
    /// The newest record's hash, or [`RecordHash::GENESIS`] when there is none. Keep it where nobody who may write the log can
    /// reach it, and give it to [`verify_against`] the next time.
    pub head: RecordHash,
    /// The time of the first record, in seconds since 1970.
    pub first_at: Option<u64>,
    /// The time of the newest record, in seconds since 1970.
    pub last_at: Option<u64>,
    /// The record whose hash is the head that was asked for: all up to this one is as it was when that head was remembered.
    pub vouched: Option<u64>,
}

/// A record that was found to be the one that belongs in its place, with all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// Its number, from 1 on.
    pub seq: u64,
    /// When it was written, in seconds since 1970, by the host's clock.
    pub at: u64,
    /// The kind of its event, such as `actor_loaded`; a later version may have others than [`Event`](crate::Event).
    pub event: &'a str,
    /// The whole line without its end: a JSON object in ASCII, whose fields the README tells. What strangers wrote is in its texts.
    pub json: &'a str,
}

/// Checks every record of a log, from the first to the newest.
///
/// The log is read as a stream, and no more than one line of it is kept, which has at most 1 MiB.
///
/// # Errors
/// The first thing that does not hold, each with its own variant of [`VerifyError`] and with its line. That the newest records are not
/// there, and that the log was written anew by somebody who computed all hashes, is not seen: see [`verify_against`].
pub fn verify(log: impl BufRead) -> Result<Summary, VerifyError> {
    Walk::through(log, None)?.whole()
}

/// As [`verify`], and gives each record to `each` as soon as it is checked, in the order of the log. Ends early, with what `each` says,
/// when that breaks off.
///
/// # Errors
/// Those of [`verify`]; what was given to `each` before is whole all the same.
///
/// ```
/// use std::ops::ControlFlow;
/// use host_audit::verify_each;
///
/// let log = include_bytes!("../tests/format.log");
/// let mut loaded = Vec::new();
/// let read = verify_each(&log[..], |record| {
///     if record.event == "actor_loaded" {
///         loaded.push(record.seq);
///     }
///     ControlFlow::<()>::Continue(())
/// })?;
/// assert_eq!(loaded, [3]);
/// assert!(matches!(read, ControlFlow::Continue(summary) if summary.records == 23));
/// # Ok::<(), host_audit::VerifyError>(())
/// ```
pub fn verify_each<B>(
    log: impl BufRead,
    mut each: impl FnMut(Record<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B, Summary>, VerifyError> {
    let mut broken_off = None;
    let walk = Walk::through_each(log, None, |record| match each(record) {
        ControlFlow::Continue(()) => true,
        ControlFlow::Break(reason) => {
            broken_off = Some(reason);
            false
        }
    })?;
    match broken_off {
        Some(reason) => Ok(ControlFlow::Break(reason)),
        None => walk.whole().map(ControlFlow::Continue),
    }
}

/// As [`verify`], and one of the records must have this hash, which was the head of the log at some time before: the newest record's, or that
/// of an earlier one when the log has grown since.
///
/// # Errors
/// Those of [`verify`], and [`VerifyError::HeadMissing`] when records were cut off or written anew.
pub fn verify_against(log: impl BufRead, head: RecordHash) -> Result<Summary, VerifyError> {
    let summary = Walk::through(log, Some(head))?.whole()?;
    match summary.vouched {
        Some(_) => Ok(summary),
        None => Err(VerifyError::HeadMissing { head, records: summary.records, actual: summary.head }),
    }
}

/// What was seen of a log on the way through it.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) head: Head,
    /// The bytes of all whole records.
    pub(crate) length: u64,
    /// The bytes after the last whole record.
    pub(crate) partial: u64,
    first_at: Option<u64>,
    last_at: Option<u64>,
    vouched: Option<u64>,
}

impl Walk {
    /// Checks all lines but a last one that has no end, which is not judged.
    pub(crate) fn through(log: impl BufRead, wanted: Option<RecordHash>) -> Result<Self, VerifyError> {
        Self::through_each(log, wanted, |_| true)
    }

    /// As [`through`](Self::through), up to the first record after which `goes_on` says no.
    fn through_each(
        mut log: impl BufRead,
        wanted: Option<RecordHash>,
        mut goes_on: impl FnMut(Record<'_>) -> bool,
    ) -> Result<Self, VerifyError> {
        let mut walk = Self {
            head: Head::START,
            length: 0,
            partial: 0,
            first_at: None,
            last_at: None,
            vouched: (wanted == Some(RecordHash::GENESIS)).then_some(0),
        };
        let mut line = Vec::new();
        loop {
            let number = walk.head.records + 1;
            line.clear();
            let most = LONGEST_LINE as u64 + 1;
            let read = log.by_ref().take(most).read_until(b'\n', &mut line);
            let size = read.map_err(|source| VerifyError::Read { line: number, source })? as u64;
            let Some(record) = line.strip_suffix(b"\n") else {
                if size == most {
                    return Err(VerifyError::LineTooLong { line: number, limit: LONGEST_LINE });
                }
                walk.partial = size;
                return Ok(walk);
            };
            let goes_on = walk.step(record, &mut goes_on)?;
            walk.length += size;
            if wanted == Some(walk.head.hash) {
                walk.vouched = Some(number);
            }
            if !goes_on {
                return Ok(walk);
            }
        }
    }

    /// Goes on to the next record, when it is the one that belongs here, and says what `goes_on` says of it.
    fn step(
        &mut self,
        text: &[u8],
        goes_on: &mut impl FnMut(Record<'_>) -> bool,
    ) -> Result<bool, VerifyError> {
        let line = self.head.records + 1;
        let malformed =
            |reason: &str| VerifyError::Malformed { line, reason: Shown::words(reason).to_string().into() };
        let (hashed, said) = record::split(text).ok_or_else(|| malformed("it does not end with a hash"))?;
        let hash = RecordHash::of(hashed);
        if hash != said {
            return Err(VerifyError::Altered { line, said, actual: hash });
        }
        let json = str::from_utf8(text)
            .ok()
            .filter(|text| text.is_ascii())
            .ok_or_else(|| malformed("it is not in ASCII"))?;
        let record: Envelope = serde_json::from_str(json).map_err(|error| malformed(&error.to_string()))?;
        if record.seq > line {
            return Err(VerifyError::Missing { line, expected: line, found: record.seq });
        }
        if record.seq < line {
            return Err(VerifyError::OutOfPlace { line, found: record.seq });
        }
        if record.prev != self.head.hash {
            return Err(VerifyError::Unlinked { line, expected: self.head.hash, found: record.prev });
        }
        self.head = Head { records: line, hash };
        self.first_at.get_or_insert(record.at);
        self.last_at = Some(record.at);
        Ok(goes_on(Record { seq: record.seq, at: record.at, event: &record.event, json }))
    }

    fn whole(self) -> Result<Summary, VerifyError> {
        let Head { records, hash } = self.head;
        if self.partial > 0 {
            return Err(VerifyError::Partial { line: records + 1, bytes: self.partial, head: self.head });
        }
        let Self { first_at, last_at, vouched, .. } = self;
        Ok(Summary { records, head: hash, first_at, last_at, vouched })
    }
}
