//! Reading and writing files.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use tempfile::Builder;

use crate::{error::CliError, seed};

/// Stands for standard input in place of a file.
const STDIN: &str = "-";

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Refuses to take several things from standard input.
pub(crate) fn refuse_stdin_twice<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), CliError> {
    let count = paths.into_iter().filter(|path| is_stdin(path)).count();
    if count > 1 { Err(CliError::StdinTwice) } else { Ok(()) }
}

/// The bytes of a file, or of standard input for `-`. What looks like a seed is refused, for a message might quote it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = read_payload(path)?;
    seed::refuse_seed_in(path, &bytes)?;
    Ok(bytes)
}

/// As [`read`], for bytes that may be anything at all.
pub(crate) fn read_payload(path: &Path) -> Result<Vec<u8>, CliError> {
    seed::refuse_seed(path)?;
    let bytes = if is_stdin(path) {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes.map_err(|source| CliError::Read { path: path.to_owned(), source })
}

/// The text of a file; `what` says what is in it.
pub(crate) fn read_text(path: &Path, what: &'static str) -> Result<String, CliError> {
    String::from_utf8(read(path)?).map_err(|error| CliError::NotText {
        path: path.to_owned(),
        what,
        source: error.utf8_error(),
    })
}

/// A module in the binary format; the text format is translated.
pub(crate) fn read_wasm(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = read(path)?;
    match str::from_utf8(&bytes) {
        Ok(text) if !bytes.starts_with(b"\0asm") => wat::parse_str(text)
            .map_err(|error| CliError::NotAModule { path: path.to_owned(), reason: error.to_string() }),
        _ => Ok(bytes),
    }
}

/// Puts a whole file in the place of `path`: whoever reads it sees what was there before, or all of what is new.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || {
        let mut file = readable_by_all(&mut Builder::new()).prefix(".wascc-").tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error).map(drop)
    };
    write().map_err(|source| CliError::Write { path: path.to_owned(), source })
}

/// Temporary files are for their owner alone unless they are told otherwise; what the user's mask forbids stays forbidden.
#[cfg(unix)]
fn readable_by_all<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn readable_by_all<'a, 'b>(builder: &'a mut Builder<'b, 'b>) -> &'a mut Builder<'b, 'b> {
    builder
}
