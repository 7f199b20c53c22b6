//! Remembers the highest revision of each module key that ever ran, to whom it belongs, and the newest policy of each signer, in a file
//! that outlives the host.

mod book;
mod error;
mod line;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    path::{self, Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use capability_claims::{Owner, PolicyVersion, PublicKey, SignedPolicy};
use parking_lot::Mutex;
use trusted_files::FileError;
use untrusted_text::ShownOf;

pub use self::error::LedgerError;
use self::{book::Book, line::Said};

/// The most keys that are remembered: of modules, and of signers of policies.
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
/// It remembers which signed policy was the newest as well, for a host that takes signed policies: an older one, rightly signed, does
/// not come back with the next start ([`newest_policy`](Self::newest_policy), [`remember_policy`](Self::remember_policy)).
///
/// Each key has two lines of the file, which are written in turns, and each line has a checksum: when a write is broken off, the
/// line before it counts. What is written is on the disk before the module runs. The file says how many keys it has, so that an end
/// that is missing is found; that it was emptied, or that an older copy of it was put in its place, cannot be seen. When it is removed
/// or renamed while it is in use, nothing more is let in. It has at most 51 MiB.
///
/// [`HostBuilder::revision_ledger`]: crate::HostBuilder::revision_ledger
/// [`Error::BelowHighestRevision`]: crate::Error::BelowHighestRevision
/// [`Error::NotTheOwner`]: crate::Error::NotTheOwner
/// [`AddOptions::lower_revision`]: crate::AddOptions::lower_revision
/// [`AddOptions::hand_over_to`]: crate::AddOptions::hand_over_to
/// [`SwapOptions::force`]: crate::SwapOptions::force
pub struct RevisionLedger {
    path: PathBuf,
    /// The same from the root on: a program may go to another directory.
    place: PathBuf,
    book: Mutex<Book>,
    most_keys: usize,
    /// How many hosts use it.
    hosts: AtomicUsize,
}

impl RevisionLedger {
    /// Opens the ledger in the file `path`, or begins one there that only this user can read. The file is locked until the value is
    /// dropped or the last of its hosts has shut down.
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
        let book = Book::read(&path, file, MOST_KEYS)?.unwrap_or_else(Book::of_nothing);
        Self::of(path, book, MOST_KEYS)
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
            Some(mut book) => book.keep_in(&path, file).map(|()| book),
            None => Book::begin(&path, file),
        };
        let book = book.map_err(|source| LedgerError::Disk { path: path.clone(), source })?;
        Self::of(path, book, most_keys)
    }

    fn of(path: PathBuf, book: Book, most_keys: usize) -> Result<Self, LedgerError> {
        let place =
            path::absolute(&path).map_err(|source| LedgerError::Disk { path: path.clone(), source })?;
        Ok(Self { path, place, book: Mutex::new(book), most_keys, hosts: AtomicUsize::new(0) })
    }

    /// The highest revision of this module key that ever ran; `None` when none did.
    #[must_use]
    pub fn highest(&self, module: PublicKey) -> Option<i32> {
        match self.book.lock().said(&module.to_string()) {
            Some(Said::Module { highest, .. }) => Some(*highest),
            _ => None,
        }
    }

    /// To whom the actor of this module key belongs; `None` when it never ran.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when the keys in the ledger are none.
    pub fn owner(&self, module: PublicKey) -> Result<Option<Owner>, LedgerError> {
        let (module, book) = (module.to_string(), self.book.lock());
        let (Some(said), Some(line)) = (book.said(&module), book.line_of(&module)) else { return Ok(None) };
        let owner = said.owner().ok_or_else(|| LedgerError::Damaged { path: self.path.clone(), line });
        owner.map(Some)
    }

    /// The newest policy of this signer that was ever remembered; `None` when none was.
    ///
    /// ```
    /// use capability_claims::{KeyKind, KeyPair, SignedPolicies, SignedPolicy};
    /// use host_core::RevisionLedger;
    ///
    /// let directory = tempfile::tempdir()?;
    /// let owner = KeyPair::generate(KeyKind::Account)?;
    /// let signer = owner.public_key();
    /// {
    ///     let ledger = RevisionLedger::open(directory.path().join("revisions"))?;
    ///     let second = SignedPolicy::sign("accounts = []\n", 2, &owner)?;
    ///     let mut policies = SignedPolicies::of(signer).since(ledger.newest_policy(signer));
    ///     ledger.remember_policy(&policies.accept(&second)?)?;
    /// }
    /// // In the next run:
    /// let ledger = RevisionLedger::open(directory.path().join("revisions"))?;
    /// let first = SignedPolicy::sign("accounts = []\n", 1, &owner)?;
    /// let mut policies = SignedPolicies::of(signer).since(ledger.newest_policy(signer));
    /// assert!(policies.accept(&first).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn newest_policy(&self, signer: PublicKey) -> Option<PolicyVersion> {
        match self.book.lock().said(&signer.to_string()) {
            Some(Said::Policy(version)) => Some(*version),
            _ => None,
        }
    }

    /// Remembers a policy as the newest of its signer, unless a newer one is remembered; on the disk when this returns. Call it before
    /// the policy decides anything.
    ///
    /// # Errors
    /// [`LedgerError::Full`] and [`LedgerError::Disk`].
    pub fn remember_policy(&self, policy: &SignedPolicy) -> Result<(), LedgerError> {
        let (signer, version) = (policy.signer.to_string(), policy.version);
        let mut book = self.book.lock();
        match book.said(&signer) {
            Some(Said::Policy(newest)) if newest.serial > version.serial => Ok(()),
            _ => self.note(&mut book, &signer, Said::Policy(version)),
        }
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
        let highest = match book.said(&module) {
            Some(Said::Module { highest, .. }) if !anew => revision.max(*highest),
            _ => revision,
        };
        self.note(&mut book, &module, Said::of_module(highest, owner))
    }

    fn note(&self, book: &mut Book, key: &str, said: Said) -> Result<(), LedgerError> {
        if book.said(key).is_none() && book.keys() >= self.most_keys {
            return Err(LedgerError::Full { path: self.path.clone(), limit: self.most_keys });
        }
        book.note(&self.place, key, said)
            .map_err(|source| LedgerError::Disk { path: self.path.clone(), source })
    }

    /// A host uses it from now on.
    pub(crate) fn attach(&self) {
        self.hosts.fetch_add(1, SeqCst);
    }

    /// A host has ended. With the last one the file is let go, so that it can be opened again, and nothing can be remembered any more.
    pub(crate) fn release(&self) {
        if self.hosts.fetch_sub(1, SeqCst) > 1 {
            return;
        }
        if let Err(error) = self.book.lock().release() {
            log::debug!("{} stays locked until the host is dropped: {error}", ShownOf(self.path.display()));
        }
    }
}

impl fmt::Debug for RevisionLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevisionLedger").field("path", &self.path).finish_non_exhaustive()
    }
}

/// To read and write a file, which is made for its owner alone when it is not there.
fn for_its_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    let options = options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
