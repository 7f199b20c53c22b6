//! A module is checked without being let in.

use capability_claims::KeyPair;
use host_audit::OnFailure;
use host_core::{AddOptions, Error, RevisionLedger};

use crate::support::{Audited, STORE, World, echo, module_key, saying, starting};

/// The words with which a module is refused, when it is checked and when it is added.
#[track_caller]
fn refused(world: &World, module: &[u8]) -> [Option<String>; 2] {
    let checked = world.host.check_actor_with(module.to_vec(), AddOptions::new());
    let added = world.host.add_actor(module.to_vec());
    [checked.map(drop), added.map(drop)].map(|result| result.err().map(|error| error.to_string()))
}

#[test]
fn what_is_good_is_told_and_not_let_in() {
    let (world, key) = (Audited::new(OnFailure::Refuse), module_key());
    let module =
        world.sign(&saying("hello"), &key, |claims| claims.name("counter").revision(3).capability(STORE));
    let before = world.records().len();
    let checked = world.host.check_actor_with(module.clone(), AddOptions::new()).unwrap();
    assert_eq!((checked.claims().subject(), checked.claims().revision()), (key.public_key(), Some(3)));
    assert!(world.host.status().actors.is_empty());
    assert_eq!(world.records().len(), before, "nothing happened");
    // As often as one likes, and then it can be added.
    world.host.check_actor_with(module.clone(), AddOptions::new()).unwrap();
    world.host.add_actor(module.clone()).unwrap();
    let error = world.host.check_actor_with(module, AddOptions::new()).unwrap_err();
    assert!(matches!(error, Error::ActorExists { .. }), "{error}");
    let module = world.sign(&saying("hello"), &module_key(), |claims| claims);
    world.host.shutdown();
    world.host.check_actor_with(module, AddOptions::new()).unwrap();
}

#[test]
fn a_refusal_is_that_of_adding() {
    let (world, key) = (World::with(|builder| builder.memory_limit(1 << 20)), module_key());
    let stranger = KeyPair::generate(capability_claims::KeyKind::Account).unwrap();
    let sign = |wat: &str| world.sign(wat, &key, |claims| claims.name("counter"));
    let call = "(func (export \"__guest_call\") (param i32 i32) (result i32) (i32.const 1))";
    let mut forged = sign(&echo());
    let at = forged.len() - 2;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    for module in [
        b"nothing".to_vec(),
        forged,
        crate::support::sign_by(&stranger, &echo(), &key, |claims| claims),
        sign("(module)"),
        sign(&format!("(module (import \"a\" \"b\" (func)) {call})")),
        sign(&format!("(module (memory 17) {call})")),
    ] {
        let [checked, added] = refused(&world, &module);
        assert!(checked.is_some());
        assert_eq!(checked, added);
    }
}

#[test]
fn nothing_of_a_module_runs() {
    let (world, key) = (World::new(), module_key());
    let call = "(func (export \"__guest_call\") (param i32 i32) (result i32) (i32.const 1))";
    for wat in [
        format!("(module {call} (func $f unreachable) (start $f))"),
        format!("(module {call} (func (export \"wapc_init\") unreachable))"),
        starting(STORE, "Work"),
    ] {
        let [checked, added] = refused(&world, &world.sign(&wat, &key, |claims| claims.capability(STORE)));
        assert_eq!((checked, added.is_some()), (None, true));
    }
    // Nobody would wait for this one.
    let endless = format!("(module {call} (func $f (loop (br 0))) (start $f))");
    world.host.check_actor_with(world.sign(&endless, &key, |claims| claims), AddOptions::new()).unwrap();
}

#[test]
fn the_ledger_of_revisions_is_asked_and_not_written() {
    let place = tempfile::tempdir().unwrap();
    let ledger = RevisionLedger::open(place.path().join("revisions")).unwrap();
    let (world, key) = (World::with(|builder| builder.revision_ledger(ledger)), module_key());
    let version = |revision| world.sign(&echo(), &key, |claims| claims.revision(revision));
    world.host.check_actor_with(version(7), AddOptions::new()).unwrap();
    let actor = world.host.add_actor(version(5)).unwrap();
    world.host.remove_actor(&actor).unwrap();
    let error = world.host.check_actor_with(version(4), AddOptions::new()).unwrap_err();
    assert!(matches!(error, Error::BelowHighestRevision { highest: 5, offered: 4, .. }), "{error}");
    world.host.check_actor_with(version(4), AddOptions::new().lower_revision(4)).unwrap();
}
