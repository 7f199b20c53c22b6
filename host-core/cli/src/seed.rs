//! Reads seeds, which are secrets, from files, variables and standard input, and writes them only to new files that their owner alone
//! can read.

mod search;

use std::{
    env::{self, VarError},
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use capability_claims::{KeyKind, KeyPair, PublicKey};
use zeroize::Zeroizing;

pub(crate) use self::search::hidden_in;
use crate::{deciding::Deciding, error::CliError, file};

/// A seed has 58 characters. Whatever is much longer is another file.
pub(crate) const LONGEST: usize = 1024;

/// The beginning of a name that is an environment variable's.
const VARIABLE: &str = "env:";

/// Reads the key pair whose seed is in a file, on standard input (`-`) or in an environment variable (`env:NAME`). A file that
/// others can read, or could have written, is refused.
pub(crate) fn read(given: &Path, files: Deciding) -> Result<KeyPair, CliError> {
    let variable = given.to_str().and_then(|text| text.strip_prefix(VARIABLE));
    let (text, exposed) = match variable {
        Some(name) => (from_variable(name)?, None),
        None => read_text(given, files)?,
    };
    let key = KeyPair::from_seed(&text).map_err(CliError::refused(given))?;
    match exposed {
        Some(mode) => Err(CliError::SeedExposed { path: given.to_owned(), mode }),
        None => Ok(key),
    }
}

/// As [`read`], and refuses a key of another kind; `role` says what the key is to be.
pub(crate) fn read_kind(
    given: &Path,
    files: Deciding,
    kind: KeyKind,
    role: &'static str,
) -> Result<KeyPair, CliError> {
    read(given, files)?.of_kind(kind, role).map_err(CliError::refused(given))
}

/// The public key that was given as its text, or whose seed is where [`read`] looks for it.
pub(crate) fn public_key(
    given: &Path,
    files: Deciding,
    kind: KeyKind,
    role: &'static str,
) -> Result<PublicKey, CliError> {
    match given.to_str().map(PublicKey::parse) {
        Some(Ok(key)) => Ok(key.of_kind(kind, role)?),
        _ => Ok(read_kind(given, files, kind, role)?.public_key()),
    }
}

/// Whether there is anything in these bytes that could be a seed.
pub(crate) fn is_in(bytes: &[u8]) -> bool {
    line_in(bytes).is_some()
}

/// The line, counted from 1, of the first thing in these bytes that could be a seed. A module in the binary format has none: what is in it
/// is not read here as text.
pub(crate) fn line_in(bytes: &[u8]) -> Option<usize> {
    let found = if bytes.starts_with(file::WASM) { None } else { search::first_in(bytes) };
    found.map(|found| bytes[..found.start].iter().filter(|byte| **byte == b'\n').count() + 1)
}

/// Writes the seed of a key pair to a new file.
pub(crate) fn write_new(path: &Path, files: Deciding, key: &KeyPair) -> Result<(), CliError> {
    let write = |mut file: File| {
        file.write_all(key.seed().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        trusted_files::sync_directory_of(path)
    };
    write(files.create(path, owners_alone(&mut OpenOptions::new()))?).map_err(|source| {
        // Half a seed is of no use, and the file is this program's own.
        let _ = fs::remove_file(path);
        CliError::Write { path: path.to_owned(), source }
    })
}

fn from_variable(name: &str) -> Result<Zeroizing<String>, CliError> {
    match env::var(name) {
        Ok(text) => Ok(Zeroizing::new(text)),
        // What the error says of a value that is not text would be the value.
        Err(VarError::NotUnicode(_)) => {
            Err(CliError::Variable { name: name.into(), reason: "it is not text" })
        }
        Err(VarError::NotPresent) => Err(CliError::Variable { name: name.into(), reason: "it is not set" }),
    }
}

/// The text, and the mode of the file if others can read it.
fn read_text(path: &Path, files: Deciding) -> Result<(Zeroizing<String>, Option<u32>), CliError> {
    let failed = |source| CliError::Read { path: path.to_owned(), source };
    let is_stdin = file::is_stdin(path);
    let file = if is_stdin { file::stdin().map_err(failed)? } else { files.open(path)? };
    let exposed = if is_stdin { None } else { readable_by_others(&file).map_err(failed)? };
    // The room is there from the start: a buffer that grows leaves copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    file.take(LONGEST as u64).read_to_string(&mut text).map_err(failed)?;
    Ok((text, exposed))
}

#[cfg(unix)]
fn owners_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn owners_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The mode of a file that others than its owner can read. Pipes, as a shell makes them for `<(...)`, are not files.
#[cfg(unix)]
fn readable_by_others(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata()?;
    let mode = metadata.permissions().mode() & 0o7777;
    Ok((metadata.is_file() && mode & 0o077 != 0).then_some(mode))
}

#[cfg(not(unix))]
fn readable_by_others(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}
