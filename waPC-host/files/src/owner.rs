//! Judges one file or directory: what it is, whose it is, and who may write to it.

use std::{fs::Metadata, path::Path};

use crate::FileError;

/// A file that decides.
pub(crate) fn of_file(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if metadata.is_symlink() {
        return Err(FileError::Link { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    belongs(path, metadata)?;
    only_its_owner_writes(path, metadata)
}

/// A directory in which every file counts.
pub(crate) fn of_directory(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if !metadata.is_dir() {
        return Err(FileError::NotADirectory { path: path.to_owned() });
    }
    belongs(path, metadata)?;
    only_its_owner_writes(path, metadata)
}

/// A directory in which others may make files of their own, but not touch anybody else's.
pub(crate) fn of_directory_on_the_way(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if !metadata.is_dir() {
        return Err(FileError::NotADirectory { path: path.to_owned() });
    }
    belongs(path, metadata)?;
    if is_sticky(metadata) { Ok(()) } else { only_its_owner_writes(path, metadata) }
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::Metadata,
        os::unix::fs::{MetadataExt, PermissionsExt},
        path::Path,
    };

    use nix::unistd::{Gid, Group, Uid, User, geteuid};

    use crate::FileError;

    /// It belongs to the effective user or to root.
    pub(crate) fn belongs(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
        let (owner, user) = (metadata.uid(), geteuid().as_raw());
        if owner == 0 || owner == user {
            return Ok(());
        }
        Err(FileError::Owner { path: path.to_owned(), owner, user })
    }

    pub(crate) fn only_its_owner_writes(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
        let mode = metadata.permissions().mode() & 0o7777;
        let by_all = mode & 0o002 != 0;
        let by_group = mode & 0o020 != 0 && !is_of_one(metadata.gid(), metadata.uid());
        if !by_all && !by_group {
            return Ok(());
        }
        Err(FileError::WritableByOthers { path: path.to_owned(), owner: metadata.uid(), mode })
    }

    pub(crate) fn is_sticky(metadata: &Metadata) -> bool {
        metadata.permissions().mode() & 0o1000 != 0
    }

    /// Whether a group is one that a system makes for each of its users: with the user's name, as the user's primary group, and
    /// without other members.
    fn is_of_one(group: u32, owner: u32) -> bool {
        let (Ok(Some(group)), Ok(Some(user))) =
            (Group::from_gid(Gid::from_raw(group)), User::from_uid(Uid::from_raw(owner)))
        else {
            return false;
        };
        group.name == user.name
            && user.gid == group.gid
            && group.mem.iter().all(|member| *member == user.name)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::{fs::Metadata, path::Path};

    use crate::FileError;

    pub(crate) fn belongs(_: &Path, _: &Metadata) -> Result<(), FileError> {
        Ok(())
    }

    pub(crate) fn only_its_owner_writes(_: &Path, _: &Metadata) -> Result<(), FileError> {
        Ok(())
    }

    pub(crate) fn is_sticky(_: &Metadata) -> bool {
        true
    }
}

#[cfg(not(unix))]
use elsewhere::{is_sticky, only_its_owner_writes};
#[cfg(unix)]
use unix::{is_sticky, only_its_owner_writes};

#[cfg(not(unix))]
pub(crate) use elsewhere::belongs;
#[cfg(unix)]
pub(crate) use unix::belongs;
