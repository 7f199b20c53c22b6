use std::fs;

use capability_claims::{KeyKind, KeyPair};

use super::*;

fn owner() -> Owner {
    Owner::new(KeyPair::generate(KeyKind::Account).unwrap().public_key(), None).unwrap()
}

impl RevisionLedger {
    /// Remembers a revision, whose owner is the one that it has.
    fn raise(&self, module: PublicKey, revision: i32) -> Result<(), LedgerError> {
        let known = self.owner(module).unwrap();
        self.remember(module, revision, known.unwrap_or_else(owner), false)
    }
}

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
    let (first, next) = (owner(), owner());
    let said = |ledger: &RevisionLedger| {
        [one, two, three].map(|key| (ledger.highest(key), ledger.owner(key).unwrap()))
    };
    // One that was there is raised twice, so that both of its lines are written anew, goes to another owner, and begins anew; one is added.
    for (raised, revision, owner, anew) in [
        (one, 5, first, false),
        (one, 6, first, false),
        (one, 6, next, false),
        (one, 2, first, true),
        (three, 9, first, false),
    ] {
        let ledger = place.open().unwrap();
        if ledger.highest(one).is_none() {
            ledger.remember(one, 4, first, false).unwrap();
            ledger.remember(two, 1, first, false).unwrap();
        }
        let before = said(&ledger);
        let old = fs::read(place.path()).unwrap();
        ledger.remember(raised, revision, owner, anew).unwrap();
        let after = said(&ledger);
        drop(ledger);
        let new = fs::read(place.path()).unwrap();
        let changed: Vec<_> = (0..new.len()).filter(|at| old.get(*at) != new.get(*at)).collect();
        let (begin, last) = (changed[0], changed[changed.len() - 1]);
        for end in begin..=last {
            let mut torn = new[..=end].to_vec();
            torn.extend_from_slice(old.get(end + 1..).unwrap_or_default());
            // The disk may also have made room and not have written yet.
            let mut zeros = torn.clone();
            zeros.resize(new.len().max(torn.len()), 0);
            for torn in [torn, zeros] {
                fs::write(place.path(), torn).unwrap();
                let ledger = place.open().unwrap();
                let found = said(&ledger);
                assert!(found == before || found == after, "{end}: {found:?}");
                // And it goes on.
                ledger.remember(raised, revision, owner, anew).unwrap();
                drop(ledger);
                let ledger = place.open().unwrap();
                assert_eq!(said(&ledger), after, "{end}");
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
    // A line that is whole has no owner.
    let (module, none) = (key(), Said::new(1, owner(), 0));
    let line = String::from_utf8(line::of(&module.to_string(), &none)).unwrap();
    let account = line.split(' ').nth(3).unwrap();
    let parts = line.replace(account, &"A".repeat(56));
    let said = parts.rsplit_once(' ').unwrap().0;
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(said.as_bytes());
    fs::write(
        place.path(),
        [&line::header()[..], format!("{said} {checksum:08x}\n").as_bytes(), &line::empty()].concat(),
    )
    .unwrap();
    let ledger = place.open().unwrap();
    assert_eq!(ledger.highest(module), Some(1));
    assert!(matches!(ledger.owner(module), Err(LedgerError::Damaged { line: 2, .. })));
    drop(ledger);
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

#[test]
fn the_owner_is_remembered_and_revisions_begin_anew_only_when_that_is_said() {
    let (place, one) = (Place::new(), key());
    let operator = KeyPair::generate(KeyKind::Operator).unwrap().public_key();
    let (first, next) = (owner(), Owner::new(owner().account(), Some(operator)).unwrap());
    let steps = [
        (5, first, false, 5),
        (3, first, false, 5),
        (3, next, false, 5),
        (2, first, true, 2),
        (3, first, false, 3),
        (i32::MIN, next, true, i32::MIN),
    ];
    for (revision, owner, anew, highest) in steps {
        place.open().unwrap().remember(one, revision, owner, anew).unwrap();
        let ledger = place.open().unwrap();
        assert_eq!((ledger.highest(one), ledger.owner(one).unwrap()), (Some(highest), Some(owner)));
    }
    assert_eq!(place.open().unwrap().owner(key()).unwrap(), None);
}
