//! Remembers the highest revision of each module key that ever ran, in a file that outlives the host.

mod error;
mod line;

use std::{
    collections::HashMap,
    fmt,
    fs::{File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use capability_claims::PublicKey;
use parking_lot::Mutex;

pub use self::error::LedgerError;
use self::line::LENGTH;

/// The most module keys that are remembered.
const MOST_KEYS: usize = 1 << 18;

/// The highest revision of each module key that ever ran, in a file: see [`HostBuilder::revision_ledger`].
///
/// Without it an old module with a token that is still good comes back by being removed and added again, or with the host's next
/// start. With it a lower revision is refused with [`Error::BelowHighestRevision`], unless the caller names the revision
/// ([`AddOptions::lower_revision`]) or forces the swap ([`SwapOptions::force`]). What was once let in stays the highest: a lower
/// revision that was let in by name does not lower it. A token without a revision counts as revision 0.
///
/// Each key has two lines of the file, which are written in turns, and each line has a checksum: when a write is broken off, the
/// line before it counts. What is written is on the disk before the module runs. The file has at most 40 MiB.
///
/// [`HostBuilder::revision_ledger`]: crate::HostBuilder::revision_ledger
/// [`Error::BelowHighestRevision`]: crate::Error::BelowHighestRevision
/// [`AddOptions::lower_revision`]: crate::AddOptions::lower_revision
/// [`SwapOptions::force`]: crate::SwapOptions::force
pub struct RevisionLedger {
    path: PathBuf,
    book: Mutex<Book>,
    most_keys: usize,
}

struct Book {
    file: File,
    /// By the keys' texts.
    entries: HashMap<Box<str>, Entry>,
    /// How many pairs of lines the file has.
    pairs: usize,
}

/// What is remembered of one key, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Entry {
    highest: i32,
    pair: usize,
    /// Which line of the pair says so: 0 or 1.
    side: usize,
}

impl RevisionLedger {
    /// Opens the ledger in the file `path`, or begins one there that only this user can read. The file is locked until the value is
    /// dropped or its host has shut down.
    ///
    /// # Errors
    /// [`LedgerError::File`] when somebody else could have written the file, [`LedgerError::InUse`], [`LedgerError::NotALedger`],
    /// [`LedgerError::Damaged`] with the line, [`LedgerError::TooLarge`], and [`LedgerError::Disk`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        Self::open_for(path.into(), MOST_KEYS)
    }

    fn open_for(path: PathBuf, most_keys: usize) -> Result<Self, LedgerError> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = trusted_files::open_with(&path, for_its_owner(options))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(LedgerError::Disk { path, source }),
        }
        let book = Book::read(&path, file, most_keys)?;
        Ok(Self { path, book: Mutex::new(book), most_keys })
    }

    /// The highest revision of this module key that ever ran; `None` when none did.
    #[must_use]
    pub fn highest(&self, module: PublicKey) -> Option<i32> {
        self.book.lock().entries.get(&*module.to_string()).map(|entry| entry.highest)
    }

    /// Where the ledger lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remembers that a revision is about to run; on the disk when this returns.
    pub(crate) fn raise(&self, module: PublicKey, revision: i32) -> Result<(), LedgerError> {
        let module = module.to_string();
        let mut book = self.book.lock();
        let next = match book.entries.get(&*module) {
            Some(entry) if entry.highest >= revision => return Ok(()),
            // The line that counts now stays as it is until the other one is whole.
            Some(entry) => Entry { highest: revision, side: 1 - entry.side, ..*entry },
            None if book.entries.len() >= self.most_keys => {
                return Err(LedgerError::Full { path: self.path.clone(), limit: self.most_keys });
            }
            None => Entry { highest: revision, pair: book.pairs, side: 0 },
        };
        book.write(&module, next).map_err(|source| LedgerError::Disk { path: self.path.clone(), source })?;
        book.pairs = book.pairs.max(next.pair + 1);
        book.entries.insert(module.into(), next);
        Ok(())
    }

    /// Lets another host open the file.
    pub(crate) fn release(&self) {
        if let Err(error) = self.book.lock().file.unlock() {
            log::debug!("{} stays locked until the host is dropped: {error}", self.path.display());
        }
    }
}

impl fmt::Debug for RevisionLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevisionLedger").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Book {
    /// Reads what is there, or begins an empty file.
    fn read(path: &Path, mut file: File, most_keys: usize) -> Result<Self, LedgerError> {
        let disk = |source| LedgerError::Disk { path: path.to_owned(), source };
        let limit = (LENGTH * (1 + 2 * most_keys)) as u64;
        let mut bytes = Vec::new();
        (&file).take(limit + 1).read_to_end(&mut bytes).map_err(disk)?;
        if bytes.len() as u64 > limit {
            return Err(LedgerError::TooLarge { path: path.to_owned(), limit });
        }
        let header = line::header();
        if bytes.len() < LENGTH && header.starts_with(&bytes) {
            write_at(&mut file, 0, &header).map_err(disk)?;
            trusted_files::sync_directory_of(path).map_err(disk)?;
            return Ok(Self { file, entries: HashMap::new(), pairs: 0 });
        }
        let Some(lines) = bytes.strip_prefix(&header[..]) else {
            return Err(LedgerError::NotALedger { path: path.to_owned() });
        };
        let (mut entries, mut pairs) = (HashMap::new(), 0);
        for (pair, lines) in lines.chunks(2 * LENGTH).enumerate() {
            // Only a pair that was being added can be without a whole line, and no other follows it.
            let Some((module, entry)) = Entry::read(pair, lines) else { continue };
            if pair != pairs || entries.insert(module.into(), entry).is_some() {
                return Err(LedgerError::Damaged { path: path.to_owned(), line: 2 + 2 * pairs });
            }
            pairs = pair + 1;
        }
        Ok(Self { file, entries, pairs })
    }

    fn write(&mut self, module: &str, entry: Entry) -> io::Result<()> {
        if is_removed(&self.file.metadata()?) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "somebody removed it while it was in use"));
        }
        let mut lines = line::of(module, entry.highest);
        if entry.pair == self.pairs {
            lines.extend(line::empty());
        }
        let at = LENGTH * (1 + 2 * entry.pair + entry.side);
        write_at(&mut self.file, at as u64, &lines)
    }
}

impl Entry {
    /// The higher of the lines of a pair that are whole.
    fn read(pair: usize, lines: &[u8]) -> Option<(&str, Self)> {
        let whole = lines.chunks(LENGTH).enumerate().filter_map(|(side, text)| {
            let (module, highest) = line::parse(text)?;
            Some((module, Self { highest, pair, side }))
        });
        whole.max_by_key(|(_, entry)| entry.highest)
    }
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.sync_data()
}

#[cfg(unix)]
fn for_its_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn for_its_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Whether the file has no name any more, so that what is written to it is gone when it is closed.
#[cfg(unix)]
fn is_removed(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.nlink() == 0
}

#[cfg(not(unix))]
fn is_removed(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use capability_claims::{KeyKind, KeyPair};

    use super::*;

    fn key() -> PublicKey {
        KeyPair::generate(KeyKind::Module).unwrap().public_key()
    }

    /// A ledger in a directory of its own.
    struct Place {
        directory: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self { directory: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("revisions")
        }

        fn open(&self) -> Result<RevisionLedger, LedgerError> {
            RevisionLedger::open(self.path())
        }
    }

    #[test]
    fn the_highest_stays_and_is_there_after_the_next_opening() {
        let (place, [one, two]) = (Place::new(), [(); 2].map(|()| key()));
        {
            let ledger = place.open().unwrap();
            assert_eq!(ledger.highest(one), None);
            for revision in [3, i32::MIN, 7, 5, 7] {
                ledger.raise(one, revision).unwrap();
            }
            ledger.raise(two, i32::MIN).unwrap();
            assert!(matches!(place.open(), Err(LedgerError::InUse { .. })));
        }
        let ledger = place.open().unwrap();
        assert_eq!((ledger.highest(one), ledger.highest(two)), (Some(7), Some(i32::MIN)));
        ledger.raise(two, i32::MAX).unwrap();
        drop(ledger);
        assert_eq!(place.open().unwrap().highest(two), Some(i32::MAX));
    }

    #[test]
    fn a_write_that_is_broken_off_anywhere_loses_no_more_than_itself() {
        let (place, [one, two, three]) = (Place::new(), [(); 3].map(|()| key()));
        // One that was there is raised twice, so that both of its lines are written anew, and one is added.
        for (raised, revision) in [(one, 5), (one, 6), (three, 9)] {
            let ledger = place.open().unwrap();
            ledger.raise(one, 4).unwrap();
            ledger.raise(two, 1).unwrap();
            let before = [one, two, three].map(|key| ledger.highest(key));
            let old = fs::read(place.path()).unwrap();
            ledger.raise(raised, revision).unwrap();
            let after = [one, two, three].map(|key| ledger.highest(key));
            drop(ledger);
            let new = fs::read(place.path()).unwrap();
            let changed: Vec<_> = (0..new.len()).filter(|at| old.get(*at) != new.get(*at)).collect();
            let (first, last) = (changed[0], changed[changed.len() - 1]);
            for end in first..=last {
                let mut torn = new[..=end].to_vec();
                torn.extend_from_slice(old.get(end + 1..).unwrap_or_default());
                // The disk may also have made room and not have written yet.
                let mut zeros = torn.clone();
                zeros.resize(new.len().max(torn.len()), 0);
                for torn in [torn, zeros] {
                    fs::write(place.path(), torn).unwrap();
                    let ledger = place.open().unwrap();
                    let found = [one, two, three].map(|key| ledger.highest(key));
                    assert!(found == before || found == after, "{end}: {found:?}");
                    // And it goes on.
                    ledger.raise(raised, revision).unwrap();
                    drop(ledger);
                    let ledger = place.open().unwrap();
                    assert_eq!([one, two, three].map(|key| ledger.highest(key)), after, "{end}");
                }
            }
            fs::write(place.path(), new).unwrap();
        }
    }

    #[test]
    fn what_is_no_ledger_or_damaged_is_refused_with_the_line() {
        let place = Place::new();
        {
            let ledger = place.open().unwrap();
            (0..3).for_each(|revision| ledger.raise(key(), revision).unwrap());
        }
        let whole = fs::read(place.path()).unwrap();
        let mut damaged = whole.clone();
        damaged[LENGTH * 3 + 10] = b'?';
        fs::write(place.path(), damaged).unwrap();
        let error = place.open().unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { line: 4, .. }), "{error}");
        let twice = [&whole[..], &whole[LENGTH..LENGTH * 3]].concat();
        fs::write(place.path(), twice).unwrap();
        let error = place.open().unwrap_err();
        assert!(matches!(error, LedgerError::Damaged { line: 8, .. }), "{error}");
        for other in [&b"{\"seq\":1}\n"[..], &[b'x'; 1000]] {
            fs::write(place.path(), other).unwrap();
            assert!(matches!(place.open(), Err(LedgerError::NotALedger { .. })));
        }
        fs::write(place.path(), [&whole[..], &whole[LENGTH..]].concat()).unwrap();
        let error = RevisionLedger::open_for(place.path(), 3).unwrap_err();
        assert!(matches!(error, LedgerError::TooLarge { .. }), "{error}");
        // The beginning of a file that was broken off is an empty one.
        fs::write(place.path(), &whole[..LENGTH / 2]).unwrap();
        place.open().unwrap().raise(key(), 1).unwrap();
    }

    #[test]
    fn a_full_one_takes_no_new_key_and_raises_those_that_it_has() {
        let (place, one) = (Place::new(), key());
        let ledger = RevisionLedger::open_for(place.path(), 2).unwrap();
        ledger.raise(one, 1).unwrap();
        ledger.raise(key(), 1).unwrap();
        let error = ledger.raise(key(), 1).unwrap_err();
        assert!(matches!(error, LedgerError::Full { limit: 2, .. }), "{error}");
        ledger.raise(one, 2).unwrap();
        drop(ledger);
        assert_eq!(RevisionLedger::open_for(place.path(), 2).unwrap().highest(one), Some(2));
    }

    #[test]
    fn it_does_not_grow_with_the_revisions_of_a_key() {
        let (place, one) = (Place::new(), key());
        let ledger = place.open().unwrap();
        (0..50).for_each(|revision| ledger.raise(one, revision).unwrap());
        assert_eq!(fs::metadata(place.path()).unwrap().len(), 3 * LENGTH as u64);
    }
}
