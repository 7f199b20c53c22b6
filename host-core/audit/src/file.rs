//! The file in which a log lies.

use std::{
    fs::{File, Metadata, OpenOptions, TryLockError},
    io::{self, Write},
    path::Path,
};

use crate::{
    error::AuditError,
    journal::{Failure, Storage},
};

/// Opens the file for one writer, who can only append; makes it, for its owner alone, when it is not there.
pub(crate) fn open(path: &Path) -> Result<File, AuditError> {
    let cannot = |source| AuditError::Open { path: path.to_owned(), source };
    // A pipe or a device would be opened for good, so it is looked at before.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        return Err(AuditError::NotAFile { path: path.to_owned() });
    }
    let mut options = OpenOptions::new();
    let file = for_its_owner(options.read(true).append(true).create(true)).open(path).map_err(cannot)?;
    if !file.metadata().map_err(cannot)?.is_file() {
        return Err(AuditError::NotAFile { path: path.to_owned() });
    }
    refuse_other_writers(path, &file)?;
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

#[cfg(unix)]
fn refuse_other_writers(path: &Path, file: &File) -> Result<(), AuditError> {
    use std::os::unix::fs::PermissionsExt;
    let cannot = |source| AuditError::Open { path: path.to_owned(), source };
    let mode = file.metadata().map_err(cannot)?.permissions().mode() & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(AuditError::WritableByOthers { path: path.to_owned(), mode }) }
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

#[cfg(not(unix))]
fn refuse_other_writers(_: &Path, _: &File) -> Result<(), AuditError> {
    Ok(())
}
