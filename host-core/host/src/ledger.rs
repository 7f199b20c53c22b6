//! Remembers the highest revision of each module key that ever ran, and to whom it belongs, in a file that outlives the host.

mod error;
mod line;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    fs::{File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use capability_claims::{Owner, PublicKey};
use parking_lot::Mutex;
use trusted_files::FileError;

pub use self::error::LedgerError;
use self::line::{LENGTH, Said};

/// The most module keys that are remembered.
const MOST_KEYS: usize = 1 << 17;

/// The highest revision of each module key that ever ran, and to whom it belongs, in a file: see [`HostBuilder::revision_ledger`].
///
/// Without it an old module with a token that is still good comes back by being removed and added again, or with the host's next
/// start. With it a lower revision is refused with [`Error::BelowHighestRevision`], unless the caller names the revision
/// ([`AddOptions::lower_revision`]) or forces the swap ([`SwapOptions::force`]). What was once let in stays the highest: a lower
/// revision that was let in by name does not lower it. A token without a revision counts as revision 0.
///
/// An actor belongs to the account that brought it in, beyond its removal and the host's end: a module of its key that another account
/// signed is refused with [`Error::NotTheOwner`], whatever its revision, and changes nothing here. A rotation in the policy, the policy's
/// `[owners]` or the caller by name ([`AddOptions::hand_over_to`]) hands it over. A lower revision that is named when the actor goes to
/// another account, other than by a rotation, is the highest from then on: what a stranger signed is not what the owner's are measured by.
///
/// Each key has two lines of the file, which are written in turns, and each line has a checksum: when a write is broken off, the
/// line before it counts. What is written is on the disk before the module runs. The file has at most 51 MiB.
///
/// [`HostBuilder::revision_ledger`]: crate::HostBuilder::revision_ledger
/// [`Error::BelowHighestRevision`]: crate::Error::BelowHighestRevision
/// [`Error::NotTheOwner`]: crate::Error::NotTheOwner
/// [`AddOptions::lower_revision`]: crate::AddOptions::lower_revision
/// [`AddOptions::hand_over_to`]: crate::AddOptions::hand_over_to
/// [`SwapOptions::force`]: crate::SwapOptions::force
pub struct RevisionLedger {
    path: PathBuf,
    book: Mutex<Book>,
    most_keys: usize,
}

#[derive(Default)]
struct Book {
    /// Where it is written; none when it was only read.
    file: Option<File>,
    /// By the keys' texts.
    entries: HashMap<Box<str>, Entry>,
    /// How many pairs of lines the file has.
    pairs: usize,
}

/// What is remembered of one key, and where it stands.
#[derive(Debug, Clone)]
struct Entry {
    said: Said,
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

    /// As [`open`](Self::open), whoever else may write the file or put another in its place: who can do that decides which old modules
    /// come back. For places in which owners and modes say nothing, and links have to be followed.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`LedgerError::File`] only when the file cannot be opened.
    pub fn open_anywhere(path: impl Into<PathBuf>) -> Result<Self, LedgerError> {
        let path = path.into();
        let opened = for_its_owner(&mut OpenOptions::new()).open(&path);
        let file = opened.map_err(|source| FileError::Open { path: path.clone(), source })?;
        Self::lock(path, file, MOST_KEYS)
    }

    /// Reads what a ledger says at this moment, out of a file that is open already, to find out what a host that has it would let in.
    /// Nothing is locked or written, so another host may have it open; what is added to this value is forgotten with it. `path` names
    /// the file in errors.
    ///
    /// # Errors
    /// [`LedgerError::NotALedger`], [`LedgerError::Damaged`] with the line, [`LedgerError::TooLarge`], and [`LedgerError::Disk`].
    pub fn snapshot(path: impl Into<PathBuf>, file: &File) -> Result<Self, LedgerError> {
        let path = path.into();
        let book = Book::read(&path, file, MOST_KEYS)?.unwrap_or_default();
        Ok(Self { path, book: Mutex::new(book), most_keys: MOST_KEYS })
    }

    fn open_for(path: PathBuf, most_keys: usize) -> Result<Self, LedgerError> {
        let file = trusted_files::open_with(&path, for_its_owner(&mut OpenOptions::new()))?;
        Self::lock(path, file, most_keys)
    }

    fn lock(path: PathBuf, file: File, most_keys: usize) -> Result<Self, LedgerError> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(LedgerError::Disk { path, source }),
        }
        let book = match Book::read(&path, &file, most_keys)? {
            Some(book) => Book { file: Some(file), ..book },
            None => {
                Book::begin(&path, file).map_err(|source| LedgerError::Disk { path: path.clone(), source })?
            }
        };
        Ok(Self { path, book: Mutex::new(book), most_keys })
    }

    /// The highest revision of this module key that ever ran; `None` when none did.
    #[must_use]
    pub fn highest(&self, module: PublicKey) -> Option<i32> {
        self.book.lock().entries.get(&*module.to_string()).map(|entry| entry.said.highest)
    }

    /// To whom the actor of this module key belongs; `None` when it never ran.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when the keys in the ledger are none.
    pub fn owner(&self, module: PublicKey) -> Result<Option<Owner>, LedgerError> {
        let book = self.book.lock();
        let Some(entry) = book.entries.get(&*module.to_string()) else { return Ok(None) };
        let line = 2 + 2 * entry.pair + entry.side;
        let owner = entry.said.owner().ok_or_else(|| LedgerError::Damaged { path: self.path.clone(), line });
        owner.map(Some)
    }

    /// Where the ledger lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Remembers that a revision of this owner is about to run; on the disk when this returns. The highest becomes this one when it is
    /// higher, or when the revisions begin `anew`.
    pub(crate) fn remember(
        &self,
        module: PublicKey,
        revision: i32,
        owner: Owner,
        anew: bool,
    ) -> Result<(), LedgerError> {
        let module = module.to_string();
        let mut book = self.book.lock();
        let next = match book.entries.get(&*module) {
            Some(Entry { said, pair, side }) => {
                let highest = if anew { revision } else { said.highest.max(revision) };
                let next = Said::new(highest, owner, said.turn.saturating_add(1));
                if said.says_the_same(&next) {
                    return Ok(());
                }
                // The line that counts now stays as it is until the other one is whole.
                Entry { said: next, pair: *pair, side: 1 - side }
            }
            None if book.entries.len() >= self.most_keys => {
                return Err(LedgerError::Full { path: self.path.clone(), limit: self.most_keys });
            }
            None => Entry { said: Said::new(revision, owner, 0), pair: book.pairs, side: 0 },
        };
        book.write(&module, &next).map_err(|source| LedgerError::Disk { path: self.path.clone(), source })?;
        book.pairs = book.pairs.max(next.pair + 1);
        book.entries.insert(module.into(), next);
        Ok(())
    }

    /// Lets another host open the file.
    pub(crate) fn release(&self) {
        if let Some(Err(error)) = self.book.lock().file.as_ref().map(File::unlock) {
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
    /// Reads what is there; `None` when that is nothing yet.
    fn read(path: &Path, file: &File, most_keys: usize) -> Result<Option<Self>, LedgerError> {
        let disk = |source| LedgerError::Disk { path: path.to_owned(), source };
        let limit = (LENGTH * (1 + 2 * most_keys)) as u64;
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(disk)?;
        if bytes.len() as u64 > limit {
            return Err(LedgerError::TooLarge { path: path.to_owned(), limit });
        }
        let header = line::header();
        if bytes.len() < LENGTH && header.starts_with(&bytes) {
            return Ok(None);
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
        Ok(Some(Self { file: None, entries, pairs }))
    }

    /// Begins an empty file.
    fn begin(path: &Path, mut file: File) -> io::Result<Self> {
        write_at(&mut file, 0, &line::header())?;
        trusted_files::sync_directory_of(path)?;
        Ok(Self { file: Some(file), ..Self::default() })
    }

    fn write(&mut self, module: &str, entry: &Entry) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if is_removed(&file.metadata()?) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "somebody removed it while it was in use"));
        }
        let mut lines = line::of(module, &entry.said);
        if entry.pair == self.pairs {
            lines.extend(line::empty());
        }
        let at = LENGTH * (1 + 2 * entry.pair + entry.side);
        write_at(file, at as u64, &lines)
    }
}

impl Entry {
    /// The newer of the lines of a pair that are whole.
    fn read(pair: usize, lines: &[u8]) -> Option<(&str, Self)> {
        let whole = lines.chunks(LENGTH).enumerate().filter_map(|(side, text)| {
            let (module, said) = line::parse(text)?;
            Some((module, Self { said, pair, side }))
        });
        whole.max_by_key(|(_, entry)| entry.said.turn)
    }
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// To read and write a file, which is made for its owner alone when it is not there.
fn for_its_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    let options = options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
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
