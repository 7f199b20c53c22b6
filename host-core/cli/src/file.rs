//! Reading and writing files.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
};

use tempfile::Builder;

use crate::error::CliError;

/// Stands for standard input in place of a file.
const STDIN: &str = "-";

/// The bytes of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = if path.as_os_str() == STDIN {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes.map_err(|source| CliError::Read { path: path.to_owned(), source })
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
