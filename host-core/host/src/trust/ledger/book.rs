//! Keeps what a ledger says in a file: two lines for each key, written in turns, and two that say how many keys there are.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::{
    error::LedgerError,
    line::{self, LENGTH, Said},
};

/// What a ledger says, and where.
pub(super) struct Book {
    kept: Kept,
    /// By the keys' texts.
    entries: HashMap<Box<str>, Entry>,
    /// How many keys there are, which stands in the first pair of lines.
    count: Entry,
}

/// Whether what is noted is written.
enum Kept {
    /// It was only read.
    Not,
    In(File),
    /// No more, for another may have the file now.
    Ended,
}

/// What the newer line of a pair says.
#[derive(Debug, Clone)]
struct Entry {
    said: Said,
    /// Of two lines of a pair the one with the higher turn is the newer.
    turn: u32,
    /// Which pair of the file it is.
    pair: usize,
    /// Which line of the pair: 0 or 1.
    side: usize,
}

impl Book {
    /// Says nothing, and is not written.
    pub(super) fn of_nothing() -> Self {
        let count = Entry { said: Said::Keys(0), turn: 0, pair: 0, side: 0 };
        Self { kept: Kept::Not, entries: HashMap::new(), count }
    }

    /// Reads what is there; `None` when that is nothing yet.
    pub(super) fn read(path: &Path, file: &File, most_keys: usize) -> Result<Option<Self>, LedgerError> {
        let path = || path.to_owned();
        let limit = offset(1 + most_keys, 0);
        let mut bytes = Vec::new();
        let read = file.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| LedgerError::Disk { path: path(), source })?;
        if bytes.len() as u64 > limit {
            return Err(LedgerError::TooLarge { path: path(), limit });
        }
        if was_never_begun(&bytes) {
            return Ok(None);
        }
        let header = line::header();
        let Some(lines) = bytes.strip_prefix(&header[..]) else {
            return Err(match header.starts_with(&bytes) {
                true => LedgerError::Damaged { path: path(), line: 1 },
                false => LedgerError::NotALedger { path: path() },
            });
        };
        let book = Self::of_lines(lines);
        book.map(Some).map_err(|pair| LedgerError::Damaged { path: path(), line: first_line_of(pair) })
    }

    /// Reads the lines after the header; the error is the pair that is damaged.
    fn of_lines(lines: &[u8]) -> Result<Self, usize> {
        let mut pairs = lines.chunks(2 * LENGTH).enumerate();
        let (_, count) = pairs.next().and_then(Entry::read).ok_or(0_usize)?;
        let Said::Keys(keys) = count.said else { return Err(0) };
        let mut book = Self { count, ..Self::of_nothing() };
        for (pair, lines) in pairs {
            match Entry::read((pair, lines)) {
                Some((key, entry)) if !matches!(entry.said, Said::Keys(_)) => {
                    if book.entries.insert(key.into(), entry).is_some() {
                        return Err(pair);
                    }
                }
                // One more than are counted was being added.
                _ if pair == keys.saturating_add(1) => break,
                _ => return Err(pair),
            }
        }
        let (found, read) = (book.entries.len(), lines.len().div_ceil(2 * LENGTH) - 1);
        match (keys..=keys.saturating_add(1)).contains(&read) && found >= keys {
            true => Ok(book),
            false => Err(found.min(keys) + 1),
        }
    }

    /// Begins an empty ledger in the file.
    pub(super) fn begin(path: &Path, mut file: File) -> io::Result<Self> {
        let book = Self::of_nothing();
        // The header comes last, so that where it is, all else is too.
        let count = line::of(line::of_itself(), book.count.turn, &book.count.said);
        write_at(&mut file, offset(0, 0), &[count, line::empty()].concat())?;
        write_at(&mut file, 0, &line::header())?;
        trusted_files::sync_directory_of(path)?;
        Ok(Self { kept: Kept::In(file), ..book })
    }

    /// Writes from now on what is noted, to the file that this was read from.
    pub(super) fn keep_in(&mut self, path: &Path, file: File) -> io::Result<()> {
        self.kept = Kept::In(file);
        // Its beginning may have been broken off before its name was on the disk.
        trusted_files::sync_directory_of(path)?;
        // A key whose adding was broken off after its lines were whole.
        self.write_count(path)
    }

    /// Lets others have the file: nothing can be noted any more.
    pub(super) fn release(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.kept, Kept::Ended) {
            Kept::In(file) => file.unlock(),
            Kept::Not | Kept::Ended => Ok(()),
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn said(&self, key: &str) -> Option<&Said> {
        self.entries.get(key).map(|entry| &entry.said)
    }

    /// The number of the line that says so, counted from 1.
    pub(super) fn line_of(&self, key: &str) -> Option<usize> {
        self.entries.get(key).map(|entry| first_line_of(entry.pair) + entry.side)
    }

    /// Notes what is said of a key from now on; on the disk when this returns.
    pub(super) fn note(&mut self, path: &Path, key: &str, said: Said) -> io::Result<()> {
        match self.entries.get(key) {
            // Nothing is let in on the word of a file that others do not find any more.
            Some(entry) if entry.said == said => {
                self.kept.file(path)?;
            }
            Some(entry) => {
                let next = entry.next(said);
                self.write(path, &next, &line::of(key, next.turn, &next.said))?;
                self.entries.insert(key.into(), next);
            }
            None => {
                let next = Entry { said, turn: 0, pair: 1 + self.keys(), side: 0 };
                self.write(path, &next, &[line::of(key, next.turn, &next.said), line::empty()].concat())?;
                self.entries.insert(key.into(), next);
                self.write_count(path).inspect_err(|_| drop(self.entries.remove(key)))?;
            }
        }
        Ok(())
    }

    /// Writes how many keys there are, when the file says something else.
    fn write_count(&mut self, path: &Path) -> io::Result<()> {
        let said = Said::Keys(self.keys());
        if self.count.said != said {
            let next = self.count.next(said);
            self.write(path, &next, &line::of(line::of_itself(), next.turn, &next.said))?;
            self.count = next;
        }
        Ok(())
    }

    fn write(&mut self, path: &Path, entry: &Entry, lines: &[u8]) -> io::Result<()> {
        match self.kept.file(path)? {
            Some(file) => write_at(file, offset(entry.pair, entry.side), lines),
            None => Ok(()),
        }
    }
}

impl Kept {
    /// Where it is written, if it is.
    fn file(&mut self, path: &Path) -> io::Result<Option<&mut File>> {
        match self {
            Self::Not => Ok(None),
            Self::In(file) if is_in_its_place(path, file)? => Ok(Some(file)),
            Self::In(_) => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "somebody removed or renamed it while it was in use; put it back",
            )),
            Self::Ended => Err(io::Error::other("its host has ended")),
        }
    }
}

impl Entry {
    /// The newer of the lines of a pair that are whole. Both have to be there, for a pair is never written otherwise.
    fn read((pair, lines): (usize, &[u8])) -> Option<(&str, Self)> {
        let whole = lines.chunks(LENGTH).enumerate().filter_map(|(side, text)| {
            let (key, turn, said) = line::parse(text)?;
            Some((key, Self { said, turn, pair, side }))
        });
        whole.max_by_key(|(_, entry)| entry.turn).filter(|_| lines.len() == 2 * LENGTH)
    }

    /// What takes the place of this. The line that counts now stays as it is until the other one is whole.
    fn next(&self, said: Said) -> Self {
        Self { said, turn: self.turn.saturating_add(1), pair: self.pair, side: 1 - self.side }
    }
}

/// Where a line of a pair begins, in bytes.
fn offset(pair: usize, side: usize) -> u64 {
    (LENGTH * (1 + 2 * pair + side)) as u64
}

/// The number of a pair's first line, counted from 1.
fn first_line_of(pair: usize) -> usize {
    2 + 2 * pair
}

/// Whether these are the bytes of a ledger whose beginning was broken off: the header, which comes last, is not there yet, and nothing
/// else either.
fn was_never_begun(bytes: &[u8]) -> bool {
    let (header, rest) = bytes.split_at(bytes.len().min(LENGTH));
    let whole = bytes.len() as u64 == offset(1, 0);
    let written =
        header.iter().zip(line::header()).take_while(|(byte, expected)| **byte == *expected).count();
    // Its beginning may be on the disk when all behind it is.
    let begun = if whole { written } else { 0 };
    begun < LENGTH && header[begun..].iter().all(|byte| *byte == 0) && rest.len() <= 2 * LENGTH
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Whether the file is the one that others find under its name. If it is not, they begin another, and what is written here is not
/// read again.
#[cfg(unix)]
fn is_in_its_place(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let here = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((here.dev(), here.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_in_its_place(path: &Path, _: &File) -> io::Result<bool> {
    path.try_exists()
}
