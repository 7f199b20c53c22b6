//! Tells why a ledger of revisions is not opened or not written.

use std::{io, path::PathBuf};

use trusted_files::FileError;
use untrusted_text::ShownOf;

/// Why a [`RevisionLedger`](crate::RevisionLedger) is not opened or does not take an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Somebody else could have written the file, or it cannot be opened.
    #[error("the revision ledger is not used: {0}")]
    File(#[from] FileError),
    /// Another host has it open.
    #[error("the revision ledger {} is in use by another host; name another file, or end that host", ShownOf(path.display()))]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is there and is something else.
    #[error("{} is no revision ledger; name another file, or one that is not there yet", ShownOf(path.display()))]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// A line was changed or is missing, or its disk is damaged. Nothing is guessed.
    #[error(
        "the revision ledger {} is damaged in line {line}: put a copy in its place, or take the file away and begin anew, which \
         forgets all that it said",
        ShownOf(path.display())
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// The file is larger than a ledger may be.
    #[error("the revision ledger {} has more than {limit} bytes; name another file", ShownOf(path.display()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes of a ledger.
        limit: u64,
    },
    /// It has as many keys as it may have.
    #[error(
        "the revision ledger {} has {limit} keys already and takes no more; name another file, which begins anew",
        ShownOf(path.display())
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// The most keys of a ledger.
        limit: usize,
    },
    /// The operating system did not read or write, or the file was removed or renamed while it was in use.
    #[error("the revision ledger {} cannot be read or written: {source}; see to its disk", ShownOf(path.display()))]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
