//! Opens the file in which a log lies.

use std::{
    fs::{File, Metadata, OpenOptions, TryLockError},
    io::{self, Write},
    path::Path,
};

use trusted_files::FileError;

use crate::{
    error::AuditError,
    journal::{Failure, Storage},
};

/// Where a log may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// Where only this user and root could have written it.
    Own,
    Anywhere,
}

/// Opens the file for one writer, who can only append; makes it, for its owner alone, when it is not there.
pub(crate) fn open(path: &Path, location: Location) -> Result<File, AuditError> {
    let cannot = |source| AuditError::Open { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    for_its_owner(options.read(true).append(true).create(true));
    let file = match location {
        Location::Own => trusted_files::open_with(path, &mut options).map_err(|error| match error {
            FileError::Open { source, .. } => cannot(source),
            FileError::NotAFile { path } => AuditError::NotAFile { path },
            source => AuditError::Untrusted { source },
        })?,
        // A pipe or a device would be opened for good, so it is looked at before.
        Location::Anywhere if path.metadata().is_ok_and(|found| !found.is_file()) => {
            return Err(AuditError::NotAFile { path: path.to_owned() });
        }
        Location::Anywhere => options.open(path).map_err(cannot)?,
    };
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err(AuditError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() == 0 {
        // Each record is synced, and of what use is that when a loss of power takes the file's name?
        trusted_files::sync_directory_of(path).map_err(cannot)?;
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AuditError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(cannot(source)),
    }
}

impl Storage for File {
    fn length(&self) -> Result<u64, Failure> {
        let metadata = self.metadata()?;
        if is_removed(&metadata) { Err(Failure::Removed) } else { Ok(metadata.len()) }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

#[cfg(unix)]
fn for_its_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Whether the file has no name any more, so that what is written to it is gone when it is closed.
#[cfg(unix)]
fn is_removed(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.nlink() == 0
}

#[cfg(not(unix))]
fn is_removed(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
fn for_its_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
