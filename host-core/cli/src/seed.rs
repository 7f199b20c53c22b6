//! Seeds in files: secrets, which are only ever written to new files that their owner alone can read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use capability_claims::{KeyKind, KeyPair};
use zeroize::Zeroizing;

use crate::{error::CliError, output::Output};

/// A seed has 58 characters. Whatever is much longer is another file.
const LONGEST: u64 = 1024;

/// Reads the key pair whose seed is in a file, or on standard input for `-`. Warns when others can read the file.
pub(crate) fn read(path: &Path, output: &Output) -> Result<KeyPair, CliError> {
    if path.to_str().is_some_and(|text| KeyPair::from_seed(text).is_ok()) {
        return Err(CliError::SeedAsArgument);
    }
    let text = read_text(path).map_err(|source| CliError::Read { path: path.to_owned(), source })?;
    let key = KeyPair::from_seed(&text).map_err(CliError::refused(path))?;
    if let Some(mode) = readable_by_others(path) {
        let path = path.display();
        output.warn(&format!(
            "others can read the seed in {path} (mode {mode:04o}): chmod 600 it, or better make a new key"
        ));
    }
    Ok(key)
}

/// As [`read`], and refuses a key of another kind; `role` says what the key is to be.
pub(crate) fn read_kind(
    path: &Path,
    kind: KeyKind,
    role: &'static str,
    output: &Output,
) -> Result<KeyPair, CliError> {
    read(path, output)?.of_kind(kind, role).map_err(CliError::refused(path))
}

/// Writes the seed of a key pair to a new file.
pub(crate) fn write_new(path: &Path, key: &KeyPair) -> Result<(), CliError> {
    let write = |mut file: File| {
        file.write_all(key.seed().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    match owners_alone(OpenOptions::new().write(true).create_new(true)).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(CliError::FileExists { path: path.to_owned() })
        }
        Err(source) => Err(CliError::Write { path: path.to_owned(), source }),
        Ok(file) => write(file).map_err(|source| {
            // Half a seed is of no use, and the file is this program's own.
            let _ = fs::remove_file(path);
            CliError::Write { path: path.to_owned(), source }
        }),
    }
}

fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    // The room is there from the start: a buffer that grows leaves copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LONGEST).unwrap_or(0)));
    if path.as_os_str() == "-" {
        io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    } else {
        File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    }
    Ok(text)
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

/// The mode of a file that others than its owner can read.
#[cfg(unix)]
fn readable_by_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> Option<u32> {
    None
}
