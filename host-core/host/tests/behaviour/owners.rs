//! To whom an actor belongs is remembered with its revisions, beyond its removal and the host's end.

use std::{path::PathBuf, sync::Arc};

use capability_claims::{
    AccountBuilder, Chain, ClaimsBuilder, KeyKind, KeyPair, ManualClock, OperatorBuilder, RotationBuilder,
    TrustPolicy, sign_module,
};
use host_audit::{AuditLog, OnFailure};
use host_core::{AddOptions, Error, Handover, Host, RevisionLedger, SwapOptions};

use crate::support::{NOW, module_key, saying, sign_by, wasm};

fn account() -> KeyPair {
    KeyPair::generate(KeyKind::Account).unwrap()
}

/// A directory with a ledger, an audit log, and the key of one actor.
struct Place {
    directory: tempfile::TempDir,
    module: KeyPair,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), module: module_key() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A host that begins anew and has the ledger.
    fn host(&self, trust: TrustPolicy) -> Host {
        let ledger = RevisionLedger::open(self.path("revisions")).unwrap();
        let audit = AuditLog::open(self.path("audit.log"), OnFailure::Refuse).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        Host::builder().trust(trust).revision_ledger(ledger).audit(audit).clock(clock).build().unwrap()
    }

    fn signed(&self, by: &KeyPair, revision: i32) -> Vec<u8> {
        sign_by(by, &saying(&revision.to_string()), &self.module, |c| c.name("counter").revision(revision))
    }

    /// Lets a module in, in a host that ends then.
    fn ran(
        &self,
        trust: &TrustPolicy,
        module: Vec<u8>,
        options: AddOptions,
    ) -> Result<Option<Handover>, Error> {
        let host = self.host(trust.clone());
        let added = host.add_actor_with(module.clone(), options.clone());
        let handover =
            host.status().actors.first().and_then(|actor| actor.handover).map(|handover| handover.by);
        host.shutdown();
        added.map(|_| handover)
    }

    /// The records of loads, whose `handover` and `forced` say how.
    fn loads(&self) -> Vec<(Option<String>, bool)> {
        let log = std::fs::read_to_string(self.path("audit.log")).unwrap();
        let records = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let loads = records.filter(|record| record["event"] == "actor_loaded");
        loads
            .map(|load| (load["handover"].as_str().map(str::to_owned), load["forced"].as_bool().unwrap()))
            .collect()
    }
}

fn trusting<'a>(accounts: impl IntoIterator<Item = &'a KeyPair>) -> TrustPolicy {
    accounts.into_iter().fold(TrustPolicy::nobody(), |trust, account| trust.account(account.public_key()))
}

#[track_caller]
fn assert_not_the_owner<T: std::fmt::Debug>(result: Result<T, Error>, old: &KeyPair, new: &KeyPair) {
    let error = result.unwrap_err();
    let Error::NotTheOwner { owner, issuer, .. } = error else { panic!("{error}") };
    assert_eq!((owner, issuer), (old.public_key(), new.public_key()));
    assert!(error.to_string().contains("`hand_over_to`"), "{error}");
}

#[track_caller]
fn assert_below<T: std::fmt::Debug>(result: Result<T, Error>, highest: i32) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::BelowHighestRevision { highest: of, .. } if of == highest), "{error}");
}

#[test]
fn another_account_does_not_bring_in_an_actor_that_is_away_nor_raise_its_revisions() {
    let (place, [owner, thief]) = (Place::new(), [(); 2].map(|()| account()));
    let trust = trusting([&owner, &thief]);
    {
        let host = place.host(trust.clone());
        let actor = host.add_actor(place.signed(&owner, 5)).unwrap();
        host.remove_actor(&actor).unwrap();
        for options in [
            AddOptions::new(),
            AddOptions::new().lower_revision(i32::MAX),
            AddOptions::new().hand_over_to(owner.public_key()),
            AddOptions::new().hand_over_to(place.module.public_key()),
        ] {
            let theirs = || place.signed(&thief, i32::MAX);
            assert_not_the_owner(host.check_actor_with(theirs(), options.clone()), &owner, &thief);
            assert_not_the_owner(host.add_actor_with(theirs(), options), &owner, &thief);
        }
        assert!(host.status().actors.is_empty());
        host.shutdown();
    }
    assert_not_the_owner(
        place.ran(&trust, place.signed(&thief, i32::MAX), AddOptions::new()),
        &owner,
        &thief,
    );
    // Neither does it when the owner is trusted no more.
    assert_not_the_owner(
        place.ran(&trusting([&thief]), place.signed(&thief, 6), AddOptions::new()),
        &owner,
        &thief,
    );
    assert_eq!(place.ran(&trust, place.signed(&owner, 6), AddOptions::new()).unwrap(), None);
    assert_eq!(place.loads(), [(None, false), (None, false)]);
}

#[test]
fn an_actor_that_is_away_goes_to_another_account_by_name() {
    let (place, [first, next]) = (Place::new(), [(); 2].map(|()| account()));
    let trust = trusting([&first, &next]);
    let named = |account: &KeyPair| AddOptions::new().hand_over_to(account.public_key());
    place.ran(&trust, place.signed(&first, 5), AddOptions::new()).unwrap();
    // The name says whose it is, and nothing of its revisions.
    assert_below(place.ran(&trust, place.signed(&next, 1), named(&next)), 5);
    let handed = place.ran(&trust, place.signed(&next, 1), named(&next).lower_revision(1)).unwrap();
    assert_eq!(handed, Some(Handover::Named));
    // From here on the other one's revisions count, and it is no handover any more.
    assert_eq!(place.ran(&trust, place.signed(&next, 2), named(&next)).unwrap(), None);
    assert_below(place.ran(&trust, place.signed(&next, 1), AddOptions::new()), 2);
    assert_not_the_owner(place.ran(&trust, place.signed(&first, 9), AddOptions::new()), &next, &first);
    let named_load = (Some("named".to_owned()), true);
    assert_eq!(place.loads(), [(None, false), named_load, (None, false)]);
}

#[test]
fn a_swap_that_hands_over_is_remembered_too() {
    let (place, [first, next]) = (Place::new(), [(); 2].map(|()| account()));
    let trust = trusting([&first, &next]);
    let host = place.host(trust.clone());
    host.add_actor(place.signed(&first, 5)).unwrap();
    let named = SwapOptions::new().hand_over_to(next.public_key()).lower_revision(3);
    host.replace_actor_with(place.signed(&next, 3), named).unwrap();
    host.shutdown();
    drop(host);
    assert_not_the_owner(place.ran(&trust, place.signed(&first, 6), AddOptions::new()), &next, &first);
    assert_below(place.ran(&trust, place.signed(&next, 2), AddOptions::new()), 3);
    place.ran(&trust, place.signed(&next, 4), AddOptions::new()).unwrap();
}

#[test]
fn a_policy_gives_back_what_a_stranger_brought_in_first() {
    let (place, [owner, stranger]) = (Place::new(), [(); 2].map(|()| account()));
    let trust = trusting([&owner, &stranger]);
    place.ran(&trust, place.signed(&stranger, i32::MAX), AddOptions::new()).unwrap();
    assert_not_the_owner(place.ran(&trust, place.signed(&owner, 7), AddOptions::new()), &stranger, &owner);
    let bound = trust.bind_module(place.module.public_key(), owner.public_key()).unwrap();
    assert_below(place.ran(&bound, place.signed(&owner, 7), AddOptions::new()), i32::MAX);
    let named = AddOptions::new().lower_revision(7);
    assert_eq!(place.ran(&bound, place.signed(&owner, 7), named).unwrap(), Some(Handover::Policy));
    // Once is enough.
    assert_below(place.ran(&bound, place.signed(&owner, 6), AddOptions::new()), 7);
    assert_eq!(place.ran(&bound, place.signed(&owner, 8), AddOptions::new()).unwrap(), None);
}

#[test]
fn a_rotation_hands_over_with_the_revisions() {
    let (place, [old, new]) = (Place::new(), [(); 2].map(|()| account()));
    let trust = trusting([&old]);
    place.ran(&trust, place.signed(&old, 5), AddOptions::new()).unwrap();
    let rotation = RotationBuilder::new().issued_at(NOW).expires_at(NOW + 60).issue(&old, &new).unwrap();
    let rotated = trust.rotation(&rotation).unwrap().revoke_key(old.public_key());
    assert_below(place.ran(&rotated, place.signed(&new, 4), AddOptions::new()), 5);
    let named = AddOptions::new().lower_revision(4);
    assert_eq!(place.ran(&rotated, place.signed(&new, 4), named).unwrap(), Some(Handover::Rotation));
    assert_below(place.ran(&rotated, place.signed(&new, 4), AddOptions::new()), 5);
    // The new key's it stays when the rotation is gone from the policy.
    let after = trusting([&new]);
    assert_eq!(place.ran(&after, place.signed(&new, 5), AddOptions::new()).unwrap(), None);
    assert_not_the_owner(
        place.ran(&trusting([&old, &new]), place.signed(&old, 6), AddOptions::new()),
        &new,
        &old,
    );
}

#[test]
fn the_operator_of_an_actor_that_is_away_is_remembered() {
    let (place, [red, blue]) = (Place::new(), [(); 2].map(|()| account()));
    let operator = KeyPair::generate(KeyKind::Operator).unwrap();
    let signed = |account: &KeyPair, revision: i32| {
        let root = OperatorBuilder::new().issued_at(NOW).issue(&operator).unwrap();
        let team = AccountBuilder::new(account.public_key()).issued_at(NOW).issue(&operator).unwrap();
        let module = Chain::new([&*root, &*team]).unwrap().embed(&wasm(&saying("team"))).unwrap();
        let claims = ClaimsBuilder::new(place.module.public_key()).issued_at(NOW).revision(revision);
        sign_module(&module, &claims, account).unwrap()
    };
    let trust = TrustPolicy::nobody().operator(operator.public_key());
    place.ran(&trust, signed(&red, 5), AddOptions::new()).unwrap();
    assert_not_the_owner(place.ran(&trust, signed(&blue, 6), AddOptions::new()), &red, &blue);
    let sharing = trust.share_actors(operator.public_key()).unwrap();
    assert_below(place.ran(&sharing, signed(&blue, 4), AddOptions::new()), 5);
    let shared = place.ran(&sharing, signed(&blue, 6), AddOptions::new()).unwrap();
    assert_eq!(shared, Some(Handover::SharedOperator));
}
