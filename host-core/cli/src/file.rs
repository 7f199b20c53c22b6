//! Reads files, and standard input in their place.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use zeroize::Zeroize;

use crate::{deciding::Deciding, error::CliError, seed};

/// Stands for standard input in place of a file.
const STDIN: &str = "-";

/// U+FEFF, with which some editors begin a text.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// What a module in the binary format begins with.
pub(crate) const WASM: &[u8] = b"\0asm";

/// Whether a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Refuses to take several things from standard input.
pub(crate) fn refuse_stdin_twice<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), CliError> {
    let count = paths.into_iter().filter(|path| is_stdin(path)).count();
    if count > 1 { Err(CliError::StdinTwice) } else { Ok(()) }
}

/// The bytes of a file, or of standard input for `-`, without the byte order mark that some editors put before text. What could be a
/// seed is refused, alone or among other things, for a message might quote it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    read_payload(path).map(text_of)
}

/// As [`read`], for a file that decides.
pub(crate) fn read_deciding(path: &Path, files: Deciding) -> Result<Vec<u8>, CliError> {
    let mut bytes = room();
    if is_stdin(path) { stdin() } else { Ok(files.open(path)?) }
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    without_seeds(path, bytes).map(text_of)
}

/// Without the mark.
fn text_of(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with(MARK) && !bytes[MARK.len()..].starts_with(WASM) {
        bytes.drain(..MARK.len());
    }
    bytes
}

fn without_seeds(path: &Path, mut bytes: Vec<u8>) -> Result<Vec<u8>, CliError> {
    if let Some(line) = seed::line_in(&bytes) {
        bytes.zeroize();
        return Err(CliError::SeedInFile { path: path.to_owned(), line });
    }
    Ok(bytes)
}

/// As [`read`], for bytes that may be anything else.
pub(crate) fn read_payload(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = if is_stdin(path) {
        let mut bytes = room();
        stdin().and_then(|mut stdin| stdin.read_to_end(&mut bytes)).map(|_| bytes)
    } else {
        fs::read(path)
    };
    without_seeds(path, bytes.map_err(|source| CliError::Read { path: path.to_owned(), source })?)
}

/// Room in which a seed that is where it does not belong fits: a buffer that grows leaves copies behind.
fn room() -> Vec<u8> {
    Vec::with_capacity(seed::LONGEST)
}

/// The text of a file; `what` says what is in it.
pub(crate) fn read_text(path: &Path, what: &'static str) -> Result<String, CliError> {
    as_text(path, what, read(path)?)
}

/// As [`read_text`], for a file that decides.
pub(crate) fn read_deciding_text(
    path: &Path,
    what: &'static str,
    files: Deciding,
) -> Result<String, CliError> {
    as_text(path, what, read_deciding(path, files)?)
}

fn as_text(path: &Path, what: &'static str, bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes).map_err(|error| CliError::NotText {
        path: path.to_owned(),
        what,
        source: error.utf8_error(),
    })
}

/// Standard input without the buffer that the standard library keeps until the end of the process: what is read may be a seed.
#[cfg(unix)]
pub(crate) fn stdin() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
pub(crate) fn stdin() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}

/// A module in the binary format; the text format is translated.
pub(crate) fn read_wasm(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = read(path)?;
    match str::from_utf8(&bytes) {
        Ok(text) if !bytes.starts_with(WASM) => wat::parse_str(text)
            .map_err(|error| CliError::NotAModule { path: path.to_owned(), reason: in_one_line(&error) }),
        _ => Ok(bytes),
    }
}

/// What is wrong with a module in the text format, and where: without the line that is at fault, which may be of any length.
fn in_one_line(error: &wat::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim_start);
    let what = lines.next().unwrap_or_default();
    // The parser tells the place behind an arrow, as `--> <anon>:3:14`.
    match lines.find_map(|line| line.strip_prefix("--> <anon>:")?.split_once(':')) {
        Some((line, column)) => format!("{what} (line {line}, column {column})"),
        None => what.to_owned(),
    }
}
