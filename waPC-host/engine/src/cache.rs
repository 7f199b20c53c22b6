//! Compiled modules on disk, keyed by the module's content and by everything that the machine code depends on.
//!
//! What lies in the directory is executed, so a directory that others may write to is refused, and every entry carries a
//! checksum, the module's digest and the engine's identity: one that does not match is compiled anew.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::Error;

const MAGIC: &[u8; 8] = b"wapcmod1";
const DIGEST: usize = 32;
const HEADER: usize = MAGIC.len() + 3 * DIGEST;

/// A SHA-256 digest.
pub(crate) type Key = [u8; DIGEST];

#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    /// The digest of what the machine code depends on: the engine's version, its settings, the processor's features.
    engine: Key,
}

impl Cache {
    /// Opens the directory, and makes it (for its owner alone) where it is missing.
    pub(crate) fn open(directory: &Path, engine: Key) -> Result<Self, Error> {
        let failed = |reason: String| Error::CacheDirectory { path: directory.to_owned(), reason };
        make_private(directory).map_err(|error| failed(error.to_string()))?;
        let metadata = fs::metadata(directory).map_err(|error| failed(error.to_string()))?;
        if !metadata.is_dir() {
            return Err(failed("it is not a directory".to_owned()));
        }
        if writable_by_others(&metadata) {
            return Err(failed(
                "others may write to it, and what lies in it is executed; take their right away (chmod go-w)"
                    .to_owned(),
            ));
        }
        Ok(Self { directory: directory.to_owned(), engine })
    }

    /// The compiled form of the module with this digest, if there is one that can be trusted.
    pub(crate) fn load(&self, module: &Key) -> Option<Vec<u8>> {
        let path = self.path(module);
        let mut entry = match self.read(&path) {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                log::warn!("{} is not used: {error}", path.display());
                return None;
            }
        };
        if !self.intact(&entry, module) {
            log::warn!("{} is damaged or of another engine; the module is compiled anew", path.display());
            return None;
        }
        entry.drain(..HEADER);
        Some(entry)
    }

    /// Keeps the compiled form. A failure costs the next start its time and nothing else, so it is only logged.
    pub(crate) fn store(&self, module: &Key, compiled: &[u8]) {
        let path = self.path(module);
        let written = tempfile::NamedTempFile::new_in(&self.directory).and_then(|mut file| {
            file.write_all(&self.header(module, compiled))?;
            file.write_all(compiled)?;
            file.persist(&path)?;
            Ok(())
        });
        if let Err(error) = written {
            log::warn!("{} cannot be written: {error}", path.display());
        }
    }

    fn path(&self, module: &Key) -> PathBuf {
        self.directory.join(format!("{}-{}.wapc", hex(module), hex(&self.engine[..8])))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.is_file() || writable_by_others(&metadata) || !same_owner(&metadata, &self.directory)? {
            return Err(io::Error::other("it is not a file of the directory's owner alone"));
        }
        fs::read(path)
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

pub(crate) fn digest(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

#[cfg(unix)]
fn writable_by_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.mode() & 0o022 != 0
}

#[cfg(not(unix))]
fn writable_by_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(unix)]
fn same_owner(metadata: &fs::Metadata, directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(directory)?.uid() == metadata.uid())
}

#[cfg(not(unix))]
fn same_owner(_: &fs::Metadata, _: &Path) -> io::Result<bool> {
    Ok(true)
}
