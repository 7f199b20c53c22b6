//! Keeps the log that a host writes.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use untrusted_text::ShownOf;

use crate::{
    error::AuditError,
    event::Event,
    file::{self, Location},
    hash::Head,
    journal::{Failure, Journal},
    verify::Walk,
};

/// What a host does when something cannot be recorded: its owner's choice, which the log only keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// What cannot be recorded does not happen.
    #[default]
    Refuse,
    /// The host goes on, and reports the loss: in its own log, and here as soon as it can.
    Continue,
}

/// An audit log that is open for one host, from any of its threads.
///
/// Records come in the order in which [`record`](Self::record) is called, and each is on the disk before that returns. So a record takes
/// as long as the disk needs; events that a guest can cause again and again should be thinned out before they come here.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
    on_failure: OnFailure,
    journal: Mutex<Journal<File>>,
}

impl AuditLog {
    /// Opens the log in the file `path`, or begins one there that only this user can read. What is there is checked first and then
    /// continued; a record that was only partly written, because a host ended over it, is cut off when the next one is written.
    ///
    /// File and directories belong to the effective user or root, nobody else may write to them, and the file's own name is not a link
    /// (see the crate trusted-files). The file stays locked until the value is dropped.
    ///
    /// # Errors
    /// [`AuditError::Open`], [`AuditError::NotAFile`], [`AuditError::Untrusted`], [`AuditError::InUse`], and
    /// [`AuditError::Broken`] with the line where the log that is there breaks.
    pub fn open(path: impl Into<PathBuf>, on_failure: OnFailure) -> Result<Self, AuditError> {
        Self::open_in(path.into(), Location::Own, on_failure)
    }

    /// As [`open`](Self::open), whoever else may write the file or put another in its place: such a log proves something only as far as
    /// those can be believed. For places in which owners and modes say nothing, and links have to be followed.
    ///
    /// # Errors
    /// As [`open`](Self::open), without [`AuditError::Untrusted`].
    pub fn open_anywhere(path: impl Into<PathBuf>, on_failure: OnFailure) -> Result<Self, AuditError> {
        Self::open_in(path.into(), Location::Anywhere, on_failure)
    }

    fn open_in(path: PathBuf, location: Location, on_failure: OnFailure) -> Result<Self, AuditError> {
        let file = file::open(&path, location)?;
        let walk = match Walk::through(BufReader::new(&file), None) {
            Ok(walk) => walk,
            Err(source) => return Err(AuditError::Broken { path, source }),
        };
        if walk.partial > 0 {
            log::warn!(
                "the audit log {} ends with {} bytes of a record that was not finished; they will be cut off",
                ShownOf(path.display()),
                walk.partial
            );
        }
        let journal = Mutex::new(Journal::after(&walk, file));
        Ok(Self { path, on_failure, journal })
    }

    /// Adds a record. `at` is the time, in seconds since 1970.
    ///
    /// # Errors
    /// [`AuditError::Write`], [`AuditError::Changed`] and [`AuditError::Removed`]; [`on_failure`](Self::on_failure) says what to do
    /// then. The next record that can be written says how many were lost, and since when.
    pub fn record(&self, at: u64, event: &Event<'_>) -> Result<(), AuditError> {
        self.journal.lock().record(at, event).map_err(|failure| self.explain(failure))
    }

    /// Tries again to add a record that could not be added before. When it fails again it is not counted as lost once more.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn record_again(&self, at: u64, event: &Event<'_>) -> Result<(), AuditError> {
        self.journal.lock().record_again(at, event).map_err(|failure| self.explain(failure))
    }

    /// Makes the file end with the last whole record, as it must before another one. Tells what keeps the log from being continued as
    /// far as that can be seen without writing; that the disk is full cannot.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn settle(&self) -> Result<(), AuditError> {
        self.journal.lock().settle().map_err(|failure| self.explain(failure))
    }

    fn explain(&self, failure: Failure) -> AuditError {
        let path = self.path.clone();
        match failure {
            Failure::Storage(source) => AuditError::Write { path, source },
            Failure::Changed { expected, actual } => AuditError::Changed { path, expected, actual },
            Failure::Removed => AuditError::Removed { path },
        }
    }

    /// What the host is to do when [`record`](Self::record) fails.
    #[must_use]
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// Where the log is now. Kept elsewhere, it proves later that nothing up to here was cut off or written anew.
    #[must_use]
    pub fn head(&self) -> Head {
        self.journal.lock().head()
    }

    /// How many records could not be written since the last one that could.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.journal.lock().lost().map_or(0, |lost| lost.count)
    }

    /// When the first of those was to be written, in seconds since 1970; `None` when none was lost.
    #[must_use]
    pub fn lost_since(&self) -> Option<u64> {
        self.journal.lock().lost().map(|lost| lost.since)
    }

    /// The log's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
