use std::fs;

use capability_claims::{KeyKind, KeyPair, SignedPolicies};

use super::{line::LENGTH, *};

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
    let (place, [one, two, three, four]) = (Place::new(), [(); 4].map(|()| key()));
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
        // The file after each write, of which an added key has two: its lines, and how many keys there are.
        let mut states = vec![old.clone(), new.clone()];
        if old.len() < new.len() {
            states.insert(1, [&old, &new[old.len()..]].concat());
        }
        for (old, new) in states.iter().zip(&states[1..]) {
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
                    ledger.remember(four, 1, first, false).unwrap();
                    drop(ledger);
                    let ledger = place.open().unwrap();
                    assert_eq!((said(&ledger), ledger.highest(four)), (after, Some(1)), "{end}");
                }
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
    let damaged_line = || match place.open().unwrap_err() {
        LedgerError::Damaged { line, .. } => line,
        error => panic!("{error}"),
    };
    let mut damaged = whole.clone();
    damaged[LENGTH * 5 + 10] = b'?';
    fs::write(place.path(), damaged).unwrap();
    assert_eq!(damaged_line(), 6);
    let twice = [&whole[..], &whole[LENGTH * 3..LENGTH * 5]].concat();
    fs::write(place.path(), twice).unwrap();
    assert_eq!(damaged_line(), 10, "a key that is there twice");
    let more = [&whole[..], &line::empty(), &line::empty(), &line::empty(), &line::empty()].concat();
    fs::write(place.path(), more).unwrap();
    assert_eq!(damaged_line(), 10, "only one key can have been on the way");
    for other in [&b"{\"seq\":1}\n"[..], &[b'x'; 1000]] {
        fs::write(place.path(), other).unwrap();
        assert!(matches!(place.open(), Err(LedgerError::NotALedger { .. })));
    }
    fs::write(place.path(), [&whole[..], &whole[LENGTH * 3..]].concat()).unwrap();
    let error = RevisionLedger::open_for(place.path(), 3).unwrap_err();
    assert!(matches!(error, LedgerError::TooLarge { .. }), "{error}");
}

#[test]
fn a_ledger_whose_end_is_missing_is_refused() {
    let place = Place::new();
    {
        let ledger = place.open().unwrap();
        (0..3).for_each(|revision| ledger.raise(key(), revision).unwrap());
    }
    let whole = fs::read(place.path()).unwrap();
    for end in 1..whole.len() {
        fs::write(place.path(), &whole[..end]).unwrap();
        let expected = if end < LENGTH { 1 } else { (end / LENGTH - 1) / 2 * 2 + 2 };
        match place.open().unwrap_err() {
            LedgerError::Damaged { line, .. } => assert_eq!(line, expected, "{end}"),
            error => panic!("{end}: {error}"),
        }
    }
    fs::write(place.path(), &whole).unwrap();
    place.open().unwrap();
}

#[test]
fn a_beginning_that_was_broken_off_is_begun_anew() {
    let place = Place::new();
    drop(place.open().unwrap());
    let begun = fs::read(place.path()).unwrap();
    assert_eq!(begun.len(), 3 * LENGTH);
    // First the lines behind the header, for which the system makes room with zeros, and then the header.
    let lines = |end| [&[0; LENGTH], &begun[LENGTH..end]].concat();
    let header = |end| [&begun[..end], &vec![0; LENGTH - end], &begun[LENGTH..]].concat();
    let states = [vec![], vec![0; 7], vec![0; LENGTH]].into_iter();
    let states = states.chain((LENGTH..=begun.len()).map(lines)).chain((0..LENGTH).map(header));
    for state in states {
        fs::write(place.path(), &state).unwrap();
        let one = key();
        place.open().unwrap().raise(one, 1).unwrap();
        assert_eq!(place.open().unwrap().highest(one), Some(1));
    }
}

#[test]
fn a_line_that_is_whole_and_names_no_account_is_damaged() {
    let (place, module) = (Place::new(), key());
    place.open().unwrap().raise(module, 1).unwrap();
    let mut bytes = fs::read(place.path()).unwrap();
    let module_text = module.to_string();
    let said = Said::Module { highest: 1, account: "A".repeat(56).into(), operator: None };
    bytes[LENGTH * 3..LENGTH * 4].copy_from_slice(&line::of(&module_text, 0, &said));
    fs::write(place.path(), bytes).unwrap();
    let ledger = place.open().unwrap();
    assert_eq!(ledger.highest(module), Some(1));
    assert!(matches!(ledger.owner(module), Err(LedgerError::Damaged { line: 4, .. })));
}

#[test]
fn the_newest_policy_of_each_signer_is_remembered() {
    let place = Place::new();
    let signers = [KeyKind::Account, KeyKind::Operator].map(|kind| KeyPair::generate(kind).unwrap());
    let policy = |signer: &KeyPair, serial, text| {
        let signed = SignedPolicy::sign(text, serial, signer).unwrap();
        SignedPolicies::of(signer.public_key()).accept(&signed).unwrap()
    };
    let of = |place: &Place| {
        let ledger = place.open().unwrap();
        signers.each_ref().map(|signer| ledger.newest_policy(signer.public_key()))
    };
    assert_eq!(of(&place), [None, None]);
    let [account, operator] = &signers;
    let (first, second) = (policy(account, 1, ""), policy(account, u64::MAX, "clock_skew_seconds = 5\n"));
    place.open().unwrap().remember_policy(&first).unwrap();
    assert_eq!(of(&place), [Some(first.version), None]);
    place.open().unwrap().remember_policy(&second).unwrap();
    place.open().unwrap().remember_policy(&first).unwrap();
    let other = policy(operator, 3, "");
    place.open().unwrap().remember_policy(&other).unwrap();
    assert_eq!(of(&place), [Some(second.version), Some(other.version)]);
}

#[test]
fn what_was_read_or_released_is_not_written() {
    let (place, one) = (Place::new(), key());
    let ledger = place.open().unwrap();
    ledger.raise(one, 1).unwrap();
    let before = fs::read(place.path()).unwrap();
    let snapshot = RevisionLedger::snapshot(place.path(), &File::open(place.path()).unwrap()).unwrap();
    snapshot.raise(one, 2).unwrap();
    assert_eq!(snapshot.highest(one), Some(2));
    for _ in 0..2 {
        ledger.attach();
    }
    ledger.release();
    assert!(matches!(place.open(), Err(LedgerError::InUse { .. })), "another host uses it");
    ledger.release();
    let second = place.open().unwrap();
    for revision in [1, 3] {
        assert!(matches!(ledger.raise(one, revision), Err(LedgerError::Disk { .. })));
    }
    assert_eq!((ledger.highest(one), second.highest(one)), (Some(1), Some(1)));
    assert_eq!(fs::read(place.path()).unwrap(), before);
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
    assert_eq!(fs::metadata(place.path()).unwrap().len(), 5 * LENGTH as u64);
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

/// The directory of a process is the same for all its tests, so it is asked where the ledger is looked for, and nobody goes elsewhere.
#[test]
fn a_program_may_go_to_another_directory() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let path = Path::new(directory.path().file_name().unwrap()).join("revisions");
    assert!(path.is_relative());
    let ledger = RevisionLedger::open(&path).unwrap();
    assert_eq!((ledger.path(), &ledger.place), (&*path, &std::env::current_dir().unwrap().join(&path)));
    ledger.raise(key(), 1).unwrap();
}
