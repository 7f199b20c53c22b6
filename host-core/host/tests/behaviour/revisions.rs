//! The highest revision of a module key that ever ran is remembered, beyond the actor's removal and the host's end.

use std::{fs, path::PathBuf, sync::Barrier, thread};

use capability_claims::{KeyPair, TrustPolicy};
use host_audit::{AuditLog, OnFailure};
use host_core::{AddOptions, Error, LedgerError, RevisionLedger, SwapOptions};

use crate::support::{World, id_of, module_key, saying, starting};

/// Where a ledger lies.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("revisions")
    }

    fn open(&self) -> RevisionLedger {
        RevisionLedger::open(self.path()).unwrap()
    }
}

/// A version of an actor that says its revision.
fn version(world: &World, key: &KeyPair, revision: i32) -> Vec<u8> {
    world.sign(&saying(&revision.to_string()), key, |c| c.name("counter").revision(revision))
}

/// That a revision was refused, with the numbers.
#[track_caller]
fn assert_below<T: std::fmt::Debug>(result: Result<T, Error>, highest: i32, offered: i32) {
    let error = result.unwrap_err();
    let text = error.to_string();
    let Error::BelowHighestRevision { highest: found, offered: of, .. } = error else { panic!("{error}") };
    assert_eq!((found, of), (highest, offered));
    assert!(text.contains(&format!("revision {highest}")) && text.contains("\"counter\""), "{text}");
}

#[test]
fn a_lower_revision_does_not_come_back_by_removing_and_adding() {
    let (place, key) = (Place::new(), module_key());
    let world = World::with(|builder| builder.revision_ledger(place.open()));
    let actor = world.host.add_actor(version(&world, &key, 3)).unwrap();
    world.host.replace_actor(version(&world, &key, 5)).unwrap();
    world.host.remove_actor(&actor).unwrap();
    assert_below(world.host.add_actor(version(&world, &key, 3)), 5, 3);
    assert!(world.host.status().actors.is_empty());
    // A token without a revision counts as 0.
    let unnumbered = world.sign(&saying("none"), &key, |c| c.name("counter"));
    assert_below(world.host.add_actor(unnumbered), 5, 0);
    // The same comes back, and a higher one.
    for revision in [5, 6] {
        world.host.add_actor(version(&world, &key, revision)).unwrap();
        world.host.remove_actor(&actor).unwrap();
    }
    // Another key is another matter.
    world.host.add_actor(version(&world, &module_key(), 1)).unwrap();
}

#[test]
fn it_is_remembered_beyond_the_end_of_the_host() {
    let (place, key) = (Place::new(), module_key());
    let before = World::with(|builder| builder.revision_ledger(place.open()));
    before.host.add_actor(version(&before, &key, 5)).unwrap();
    before.host.shutdown();
    assert_eq!(place.open().highest(key.public_key()), Some(5), "whoever shut down lets the file go");
    let world = World::with(|builder| builder.trust(before.trust()).revision_ledger(place.open()));
    assert_below(world.host.add_actor(version(&before, &key, 4)), 5, 4);
    world.host.add_actor(version(&before, &key, 5)).unwrap();
    let forgetful = World::new();
    forgetful.host.add_actor(version(&forgetful, &key, 1)).unwrap();
}

#[test]
fn a_lower_revision_that_is_named_comes_in_and_does_not_lower_the_highest() {
    let (place, key) = (Place::new(), module_key());
    let log = place.0.path().join("audit.log");
    let world = World::with(|builder| {
        let audit = AuditLog::open(&log, OnFailure::Refuse).unwrap();
        builder.revision_ledger(place.open()).audit(audit)
    });
    let actor = world.host.add_actor(version(&world, &key, 5)).unwrap();
    world.host.remove_actor(&actor).unwrap();
    let named = || AddOptions::new().lower_revision(3);
    assert_below(world.host.add_actor_with(version(&world, &key, 2), named()), 5, 2);
    world.host.add_actor_with(version(&world, &key, 3), named()).unwrap();
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"3");
    // It serves, and is not the measure.
    assert_below(world.host.replace_actor(version(&world, &key, 4)), 5, 4);
    let report =
        world.host.replace_actor_with(version(&world, &key, 4), SwapOptions::new().force(true)).unwrap();
    assert!(report.forced, "{report}");
    assert!(!world.host.replace_actor(version(&world, &key, 5)).unwrap().forced);

    let records: Vec<serde_json::Value> =
        fs::read_to_string(log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let forced = |event| {
        let of_it = records.iter().filter(|record| record["event"] == event);
        of_it.map(|record| record["forced"].as_bool().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((forced("actor_loaded"), forced("actor_swapped")), (vec![false, true], vec![true, false]));
    let settings = &records.iter().find(|record| record["event"] == "settings_applied").unwrap()["settings"];
    assert!(settings.to_string().contains("revision_ledger="), "{settings}");
}

#[test]
fn what_does_not_run_is_not_remembered() {
    let (place, key) = (Place::new(), module_key());
    let ledger = place.open();
    let world = World::with(|builder| builder.revision_ledger(ledger));
    world.host.add_actor(version(&world, &key, 1)).unwrap();
    // It does not start; it is too low for the policy; nobody trusts whoever signed it.
    let starts_badly = world.sign(&starting("test:store", "Work"), &key, |c| c.revision(9));
    assert!(matches!(world.host.replace_actor(starts_badly), Err(Error::CallsWhileStarting { .. })));
    let stranger = World::new();
    assert!(matches!(world.host.replace_actor(version(&stranger, &key, 9)), Err(Error::Refused { .. })));
    world.host.replace_policy(TrustPolicy::nobody()).unwrap();
    assert!(world.host.replace_actor(version(&world, &key, 9)).is_err());
    world.host.replace_policy(world.trust()).unwrap();
    world.host.replace_actor(version(&world, &key, 2)).unwrap();
}

#[test]
fn a_revision_that_cannot_be_remembered_does_not_run() {
    let (place, key) = (Place::new(), module_key());
    let world = World::with(|builder| builder.revision_ledger(place.open()));
    let actor = world.host.add_actor(version(&world, &key, 1)).unwrap();
    fs::remove_file(place.path()).unwrap();
    let error = world.host.replace_actor(version(&world, &key, 2)).unwrap_err();
    assert!(matches!(error, Error::NotRemembered { .. }), "{error}");
    assert!(error.to_string().contains("somebody removed or renamed it"), "{error}");
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"1", "the old version serves on");
    let other = module_key();
    let error = world.host.add_actor(version(&world, &other, 1)).unwrap_err();
    assert!(matches!(error, Error::NotRemembered { .. }), "{error}");
    assert!(matches!(world.host.call(&id_of(&other), "op", b""), Err(Error::UnknownActor { .. })));
    // Nor does one that is remembered already, for nobody finds that any more.
    let error = world.host.replace_actor(version(&world, &key, 1)).unwrap_err();
    assert!(matches!(error, Error::NotRemembered { .. }), "{error}");
}

#[test]
fn a_ledger_that_was_renamed_lets_nothing_new_in_until_it_is_back() {
    let (place, key) = (Place::new(), module_key());
    let world = World::with(|builder| builder.revision_ledger(place.open()));
    world.host.add_actor(version(&world, &key, 1)).unwrap();
    let away = place.path().with_extension("away");
    fs::rename(place.path(), &away).unwrap();
    // Another host begins one in its place.
    let second = World::with(|builder| builder.revision_ledger(place.open()));
    second.host.add_actor(version(&second, &module_key(), 1)).unwrap();
    drop(second);
    let error = world.host.replace_actor(version(&world, &key, 2)).unwrap_err();
    assert!(matches!(error, Error::NotRemembered { .. }), "{error}");
    assert!(error.to_string().contains("somebody removed or renamed it"), "{error}");
    fs::rename(away, place.path()).unwrap();
    world.host.replace_actor(version(&world, &key, 2)).unwrap();
}

#[test]
fn a_file_that_others_may_write_is_no_ledger() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        drop(place.open());
        assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o666)).unwrap();
        let error = RevisionLedger::open(place.path()).unwrap_err();
        assert!(matches!(error, LedgerError::File(_)) && error.to_string().contains("chmod"), "{error}");
    }
}

#[test]
fn what_is_added_at_once_is_all_remembered() {
    let (place, shared) = (Place::new(), module_key());
    let world = World::with(|builder| builder.revision_ledger(place.open()));
    let own: Vec<_> = (0..4).map(|_| module_key()).collect();
    let together = Barrier::new(2 * own.len());
    let (world, together) = (&world, &together);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let alone = own.iter().map(|key| (key, 1));
        let contended = (1..).map(|revision| (&shared, revision)).take(own.len());
        let adding: Vec<_> = alone
            .chain(contended)
            .map(|(key, revision)| {
                let module = version(world, key, revision);
                scope.spawn(move || {
                    together.wait();
                    world.host.add_actor(module).map(|_| revision)
                })
            })
            .collect();
        adding.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (alone, contended) = outcomes.split_at(own.len());
    assert!(alone.iter().all(Result::is_ok), "{alone:?}");
    let let_in: Vec<_> = contended.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(let_in.len(), 1, "{contended:?}");
    world.host.shutdown();
    let ledger = place.open();
    assert!(own.iter().all(|key| ledger.highest(key.public_key()) == Some(1)));
    assert_eq!(ledger.highest(shared.public_key()).as_ref(), Some(let_in[0]));
}
