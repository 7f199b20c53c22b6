//! Says why something could not be recorded, and how a log can be broken.

use std::{io, path::PathBuf};

use trusted_files::FileError;
use untrusted_text::ShownOf;

use crate::hash::{Head, RecordHash};

/// Why a log could not be opened or a record not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file could not be opened, made or locked.
    #[error("cannot open the audit log {}: {source}; name a file in a directory that this user may write", ShownOf(path.display()))]
    Open {
        /// The log.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What stands there is a directory, a device or a pipe, from which nothing can be cut back and nothing verified.
    #[error("the audit log {} is not a regular file; name one, or one that is not there yet", ShownOf(path.display()))]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Somebody else could have written the file, or put another in its place.
    #[error("an audit log would prove nothing there: {source}")]
    Untrusted {
        /// What is wrong with the file or with a directory on the way to it, whose that is, and what to do.
        #[source]
        source: FileError,
    },
    /// Another host writes here. A log has one writer at a time.
    #[error("the audit log {} is in use by another host; name another file, or end that host", ShownOf(path.display()))]
    InUse {
        /// The log.
        path: PathBuf,
    },
    /// What is there already is not a log that is whole, so nothing is appended to it.
    #[error("the audit log {} is not continued: {source}; keep it as evidence and name another file", ShownOf(path.display()))]
    Broken {
        /// The log.
        path: PathBuf,
        /// Where it breaks.
        #[source]
        source: VerifyError,
    },
    /// The record could not be written. Nothing of it is left in the file, or else is cut off before the next one.
    #[error("cannot write to the audit log {}: {source}; make room, or see to the disk", ShownOf(path.display()))]
    Write {
        /// The log.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody else wrote to the file, or cut it, while it was open here. Nothing is appended to it any more.
    #[error(
        "somebody else changed the audit log {}: it has {actual} bytes where {expected} were left; verify it, keep it as evidence, and open another file",
        ShownOf(path.display())
    )]
    Changed {
        /// The log.
        path: PathBuf,
        /// How long it should be, in bytes.
        expected: u64,
        /// How long it is.
        actual: u64,
    },
    /// Somebody removed the file while it was open here. Whatever were written to it would be gone.
    #[error("somebody removed the audit log {} while it was in use; look for a copy, and start the host anew", ShownOf(path.display()))]
    Removed {
        /// The log.
        path: PathBuf,
    },
}

/// Where and how a log is broken. Lines are counted from 1; all records before the line are whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The log could not be read.
    #[error("line {line}: cannot read: {source}")]
    Read {
        /// The line that was to be read.
        line: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A line that no host wrote, for it is too long.
    #[error(
        "line {line} has more than {limit} bytes, so it is no record: this is not an audit log, or something was put in"
    )]
    LineTooLong {
        /// The line.
        line: u64,
        /// The most bytes that a line can have.
        limit: usize,
    },
    /// A line that is not a record.
    #[error("line {line} is no record: {reason}; it was changed or put in, or this is not an audit log")]
    Malformed {
        /// The line.
        line: u64,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// A record was changed after it was written.
    #[error("line {line} was changed: its hash is {actual}, and it says {said}")]
    Altered {
        /// The line.
        line: u64,
        /// The hash that the record says it has.
        said: RecordHash,
        /// The hash that it has.
        actual: RecordHash,
    },
    /// Records are not there any more.
    #[error("line {line} is the record {found} where {expected} belongs: records before it were removed")]
    Missing {
        /// The line.
        line: u64,
        /// The sequence number that belongs here.
        expected: u64,
        /// The one that is here.
        found: u64,
    },
    /// A record stands where it does not belong.
    #[error("line {line} is the record {found}, which belongs further up: it was repeated, moved or put in")]
    OutOfPlace {
        /// The line.
        line: u64,
        /// The record's sequence number.
        found: u64,
    },
    /// A record was not written after the one that stands before it.
    #[error(
        "line {line} was written after a record with the hash {found}, and the one before it has {expected}: one of the two was put in or written anew"
    )]
    Unlinked {
        /// The line.
        line: u64,
        /// The hash of the record that stands before it.
        expected: RecordHash,
        /// The hash of the record after which it was written.
        found: RecordHash,
    },
    /// The last line has no end: a host was writing it when it ended, or is writing it now. Everything before it is whole.
    #[error(
        "line {line} was only partly written ({bytes} bytes), as when a host ends while it writes; what is before it is whole ({head}). A host that opens the log cuts it off"
    )]
    Partial {
        /// The line.
        line: u64,
        /// Its bytes.
        bytes: u64,
        /// The head of what is whole.
        head: Head,
    },
    /// The log is whole and has no record with the hash that was expected: its end was cut off, or it was written anew.
    #[error(
        "no record has the hash {head}: records were cut off the end or written anew after it was remembered; the log now ends at the record {records} with {actual}"
    )]
    HeadMissing {
        /// The hash that was expected.
        head: RecordHash,
        /// The number of records that are there.
        records: u64,
        /// The newest record's hash.
        actual: RecordHash,
    },
    /// A text that is not a hash.
    #[error("a record's hash is written as 64 lower-case hexadecimal digits")]
    NotAHash,
}
