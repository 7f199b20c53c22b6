//! Opens files that decide what a program does, and refuses those that somebody else could have written.
//!
//! ```text
//! /  ──▶ etc  ──▶ wascc  ──▶ policy.toml
//! └── owner: this user or root; nobody else may write ──┘   not a link
//! ```
//!
//! ```
//! use trusted_files::FileError;
//!
//! let directory = tempfile::tempdir()?;
//! let policy = directory.path().join("policy.toml");
//! std::fs::write(&policy, "")?;
//! assert!(trusted_files::open(&policy).is_ok());
//!
//! # #[cfg(unix)] {
//! let link = directory.path().join("link.toml");
//! std::os::unix::fs::symlink(&policy, &link)?;
//! assert!(matches!(trusted_files::open(&link), Err(FileError::Link { .. })));
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod owner;
mod walk;

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

pub use crate::error::FileError;

/// Opens a file to read it.
///
/// # Errors
///
/// Says what is wrong with the file or with a directory on the way to it, whose they are, and what to do.
pub fn open(path: &Path) -> Result<File, FileError> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a file with these options, to which "do not follow a last link" is added. A pipe or a device is refused and does not block.
///
/// # Errors
///
/// As [`open`].
pub fn open_with(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    check_way_to(path)?;
    // Opening what is not a file may have effects, so it is checked before; and again afterwards, for what was opened counts.
    match fs::symlink_metadata(path) {
        Ok(metadata) => owner::of_file(path, &metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(FileError::Open { path: path.to_owned(), source }),
    }
    let file = without_links(options)
        .open(path)
        .map_err(|source| FileError::Open { path: path.to_owned(), source })?;
    check_opened(path, &file)?;
    Ok(file)
}

/// Checks a file that is open already: that it is a file, whose it is, and who may write to it. `path` names it in errors.
///
/// # Errors
///
/// As [`open`].
pub fn check_opened(path: &Path, file: &File) -> Result<(), FileError> {
    let metadata = file.metadata().map_err(|source| FileError::Open { path: path.to_owned(), source })?;
    owner::of_file(path, &metadata)
}

/// Checks a directory in which files that decide lie, and every directory on the way to it; says where it really is.
///
/// # Errors
///
/// As [`open`]; also when it is not a directory.
pub fn check_directory(path: &Path) -> Result<PathBuf, FileError> {
    let found = walk::to(path)?;
    let metadata =
        fs::symlink_metadata(&found).map_err(|source| FileError::Open { path: path.to_owned(), source })?;
    owner::of_directory(&found, &metadata)?;
    Ok(found)
}

/// Makes a directory, and those missing on the way, for their owner alone, and checks it as [`check_directory`] does.
///
/// # Errors
///
/// As [`check_directory`].
pub fn make_directory(path: &Path) -> Result<PathBuf, FileError> {
    for_its_owner(&mut fs::DirBuilder::new())
        .recursive(true)
        .create(path)
        .map_err(|source| FileError::Open { path: path.to_owned(), source })?;
    check_directory(path)
}

/// Writes the names in the directory of a file to the disk, so that a file which was made or renamed there is still there after
/// a loss of power. Does nothing where directories cannot be opened, or where the file system has no such thing for them.
///
/// # Errors
///
/// What the operating system says.
pub fn sync_directory_of(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(parent_of(path))?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        synced => synced,
    }
}

fn check_way_to(path: &Path) -> Result<(), FileError> {
    let found = walk::to(parent_of(path))?;
    let metadata =
        fs::symlink_metadata(&found).map_err(|source| FileError::Open { path: found.clone(), source })?;
    owner::of_directory_on_the_way(&found, &metadata)
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

#[cfg(not(unix))]
fn without_links(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn for_its_owner(builder: &mut fs::DirBuilder) -> &mut fs::DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700)
}

#[cfg(not(unix))]
fn for_its_owner(builder: &mut fs::DirBuilder) -> &mut fs::DirBuilder {
    builder
}

/// The README's example runs too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
