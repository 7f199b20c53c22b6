//! Keeps compiled modules on disk, keyed by the module's content and by everything that the machine
//! code depends on.
//!
//! What lies in the directory is executed, so a directory that others could have written to is
//! refused (`trusted-files` checks it, and the way to it), and every entry carries a checksum, the
//! module's digest and the engine's identity: one that does not match is compiled anew.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use trusted_files::FileError;
use untrusted_text::ShownOf;

use crate::error::Error;

const MAGIC: &[u8; 8] = b"wapcmod1";
const DIGEST: usize = 32;
const HEADER: usize = MAGIC.len() + 3 * DIGEST;

/// A SHA-256 digest.
pub(crate) type Key = [u8; DIGEST];

/// Machine code that this engine wrote to its cache for the module that was asked for: nothing else
/// makes a value of this type.
pub(crate) struct CachedCode(Vec<u8>);

impl CachedCode {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    /// Where it is, links resolved.
    directory: PathBuf,
    /// The digest of what the machine code depends on, see `identity`.
    engine: Key,
}

impl Cache {
    /// Opens the directory, and makes it (for its owner alone) where it is missing.
    pub(crate) fn open(directory: &Path, engine: Key) -> Result<Self, Error> {
        let directory = trusted_files::make_directory(directory).map_err(|error| Error::CacheDirectory {
            path: directory.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { directory, engine })
    }

    /// The compiled form of the module with this digest, if there is one that can be trusted.
    pub(crate) fn load(&self, module: &Key) -> Option<CachedCode> {
        let path = self.path(module);
        let mut entry = match read(&path) {
            Ok(entry) => entry,
            Err(FileError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                log::warn!("a compiled module is not used: {error}");
                return None;
            }
        };
        if !self.intact(&entry, module) {
            log::warn!(
                "{} is damaged or of another engine; the module is compiled anew",
                ShownOf(path.display())
            );
            return None;
        }
        entry.drain(..HEADER);
        Some(CachedCode(entry))
    }

    /// Keeps the compiled form. A failure costs the next start its time and nothing else, so it is
    /// only logged.
    pub(crate) fn store(&self, module: &Key, compiled: &[u8]) {
        let path = self.path(module);
        let written = tempfile::NamedTempFile::new_in(&self.directory).and_then(|mut file| {
            file.write_all(&self.header(module, compiled))?;
            file.write_all(compiled)?;
            file.persist(&path)?;
            Ok(())
        });
        if let Err(error) = written {
            log::warn!("{} cannot be written: {error}", ShownOf(path.display()));
        }
    }

    fn path(&self, module: &Key) -> PathBuf {
        self.directory.join(format!("{}-{}.wapc", hex(module), hex(&self.engine[..8])))
    }

    fn intact(&self, entry: &[u8], module: &Key) -> bool {
        entry
            .split_at_checked(HEADER)
            .is_some_and(|(header, compiled)| header == self.header(module, compiled))
    }

    fn header(&self, module: &Key, compiled: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let (magic, rest) = header.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        for (field, value) in rest.chunks_exact_mut(DIGEST).zip([&self.engine, module, &digest(compiled)]) {
            field.copy_from_slice(value);
        }
        header
    }
}

/// Reads an entry that nobody else could have written.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut entry = Vec::new();
    match trusted_files::open(path)?.read_to_end(&mut entry) {
        Ok(_) => Ok(entry),
        Err(source) => Err(FileError::Open { path: path.to_owned(), source }),
    }
}

pub(crate) fn digest(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
