//! Writes what a command made to where it was told: files appear whole, links are followed, and pipes and devices are written to.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::Builder;
use untrusted_text::ShownOf;

use crate::{error::CliError, seed};

/// How many links an operating system follows.
const MOST_LINKS: usize = 40;

/// In how many bytes of a file a seed is looked for.
const LOOKED_AT: usize = 64 * 1024;

/// Where a command's words about an output go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    StandardOutput,
    /// Standard output is where the output itself went.
    StandardError,
}

/// Puts bytes into `path`: whoever reads a file there sees what was there before, or all of what is new, and it keeps its mode. Where a
/// link is, the file to which it leads is written; a pipe or a device is written to. A seed is never overwritten.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<Beside, CliError> {
    let failed = |source| CliError::Write { path: path.to_owned(), source };
    let found = match fs::metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let beside = match &found {
        Some(found) if is_standard_output(found) => Beside::StandardError,
        _ => Beside::StandardOutput,
    };
    match found {
        Some(found) if !found.is_file() => {
            OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut to| to.write_all(bytes))
                .map_err(failed)?;
        }
        Some(found) => {
            let path = fs::canonicalize(path).map_err(failed)?;
            refuse_to_lose_a_seed(&path).map_err(failed)??;
            replace(&path, bytes, Some(&found)).map_err(failed)?;
        }
        None => end_of_links(path).and_then(|path| replace(&path, bytes, None)).map_err(failed)?,
    }
    Ok(beside)
}

/// Refuses to write over a file with a seed in it. Also finds out whether this user may write to the file at all, for putting
/// another one in its place needs no right to it.
fn refuse_to_lose_a_seed(path: &Path) -> io::Result<Result<(), CliError>> {
    OpenOptions::new().append(true).open(path)?;
    let mut beginning = zeroize::Zeroizing::new(vec![0; LOOKED_AT]);
    let mut length = 0;
    let mut file = match File::open(path) {
        // What cannot be read cannot be told from a seed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(Ok(())),
        opened => opened?,
    };
    while length < beginning.len() {
        match file.read(&mut beginning[length..])? {
            0 => break,
            more => length += more,
        }
    }
    let holds_seed = seed::is_in(&beginning[..length]);
    Ok(if holds_seed { Err(CliError::SeedOverwritten { path: path.to_owned() }) } else { Ok(()) })
}

/// Where the links that begin at `path` end, at a file that is not there yet.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..=MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = parent(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("more symbolic links than an operating system follows"))
}

/// Puts a whole file in the place of `path`, which may be one that `found` tells of.
fn replace(path: &Path, bytes: &[u8], found: Option<&Metadata>) -> io::Result<()> {
    let mut builder = Builder::new();
    if found.is_none() {
        readable_by_all(&mut builder);
    }
    let mut file = builder.prefix(".wascc-").tempfile_in(parent(path))?;
    file.write_all(bytes)?;
    if let Some(found) = found {
        keep(file.as_file(), found)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The file is there, whole; that its name survives a loss of power is more than all file systems can promise.
    if let Err(error) = trusted_files::sync_directory_of(path) {
        log::debug!("the directory of {} was not synced: {error}", ShownOf(path.display()));
    }
    Ok(())
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Temporary files are for their owner alone unless they are told otherwise; what the user's mask forbids stays forbidden.
#[cfg(unix)]
fn readable_by_all(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_all(_: &mut Builder<'_, '_>) {}

/// Gives a file the owner, where that is allowed, and the mode of the one whose place it takes.
#[cfg(unix)]
fn keep(file: &File, found: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let owned = file.metadata()?;
    let same = (owned.uid(), owned.gid()) == (found.uid(), found.gid());
    let kept = same || fchown(file, Some(found.uid()), Some(found.gid())).is_ok();
    let mode = found.permissions().mode() & 0o777;
    // Rights of a group that the file could not be given would go to another one.
    file.set_permissions(Permissions::from_mode(if kept { mode } else { mode & !0o070 }))
}

#[cfg(not(unix))]
fn keep(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_standard_output(found: &Metadata) -> bool {
    use std::os::{fd::AsFd, unix::fs::MetadataExt};
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let stdout = stdout.and_then(|stdout| stdout.metadata());
    stdout.is_ok_and(|stdout| (stdout.dev(), stdout.ino()) == (found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn is_standard_output(_: &Metadata) -> bool {
    false
}
