//! An actor belongs to the account that brought it in, until it is handed over.

use capability_claims::{
    AccountBuilder, Chain, ClaimsBuilder, KeyKind, KeyPair, OperatorBuilder, RotationBuilder, TrustPolicy,
    sign_module,
};
use host_audit::OnFailure;
use host_core::{Error, Handover, Host, SwapOptions};

use crate::support::{Audited, NOW, World, id_of, load, module_key, saying, sign_by, wasm};

/// An account beside the world's own.
fn stranger() -> KeyPair {
    KeyPair::generate(KeyKind::Account).unwrap()
}

/// That the swap is refused, with the names of both.
#[track_caller]
fn assert_not_the_owner(error: &Error, old: &KeyPair, new: &KeyPair) {
    let Error::NotTheOwner { owner, issuer, .. } = error else { panic!("{error}") };
    assert_eq!((*owner, *issuer), (old.public_key(), new.public_key()));
    for key in [owner, issuer] {
        assert!(error.to_string().contains(&key.to_string()), "{error}");
    }
}

#[test]
fn another_account_takes_no_actor_over_unless_the_swap_names_it() {
    let (world, key) = (Audited::new(OnFailure::Refuse), module_key());
    let (first, other, third) = (stranger(), stranger(), stranger());
    let all = [&first, &other, &third];
    let trust = all.iter().fold(TrustPolicy::nobody(), |trust, account| trust.account(account.public_key()));
    world.host.replace_policy(trust).unwrap();
    let actor = world.host.add_actor(sign_by(&first, &saying("first"), &key, |c| c.revision(1))).unwrap();
    let theirs = || sign_by(&other, &saying("other"), &key, |c| c.name("thief").revision(i32::MAX));
    for options in [
        SwapOptions::new(),
        SwapOptions::new().force(true),
        SwapOptions::new().hand_over_to(third.public_key()),
        // The actor's own key names nobody who signs.
        SwapOptions::new().hand_over_to(key.public_key()),
    ] {
        let error = world.host.replace_actor_with(theirs(), options).unwrap_err();
        assert_not_the_owner(&error, &first, &other);
    }
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"first");
    assert!(world.host.status().actors[0].handover.is_none());
    assert_eq!(world.of("swap_refused").len(), 4);
    // What the thief offered does not stand in the way of the owner's next version.
    world.host.replace_actor(sign_by(&first, &saying("next"), &key, |c| c.revision(2))).unwrap();

    let named = SwapOptions::new().hand_over_to(other.public_key());
    let report = world.host.replace_actor_with(theirs(), named).unwrap();
    assert_eq!(report.handover, Some(Handover::Named));
    assert!(report.to_string().contains("the new owner was named"), "{report}");
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"other");
    let swaps = world.of("actor_swapped");
    assert_eq!((&swaps[0]["handover"], &swaps[1]["handover"]), (&().into(), &"named".into()));
    let status = world.host.status();
    let handover = status.actors[0].handover.unwrap();
    assert_eq!((handover.from, handover.by), (first.public_key(), Handover::Named));
    assert!(status.to_string().contains(&format!("before to {}", first.public_key())), "{status}");
    assert_eq!(serde_json::to_value(&status).unwrap()["actors"][0]["handover"]["by"], "named");
    // It is the other one's now.
    let back = sign_by(&first, &saying("back"), &key, |c| c.revision(i32::MAX));
    assert_not_the_owner(&world.host.replace_actor(back).unwrap_err(), &other, &first);
    world.host.replace_actor(theirs()).unwrap();
    let handover = world.host.status().actors[0].handover.unwrap();
    assert_eq!(handover.from, first.public_key(), "it is told as long as the actor is here");
}

#[test]
fn a_policy_that_binds_the_actor_to_another_hands_it_over_while_it_runs() {
    let (world, key) = (World::new(), module_key());
    let other = stranger();
    let actor = world.host.add_actor(world.sign(&saying("first"), &key, |c| c)).unwrap();
    let both = || world.trust().account(other.public_key());
    world.host.replace_policy(both()).unwrap();
    let theirs = || sign_by(&other, &saying("other"), &key, |c| c);
    assert!(matches!(world.host.replace_actor(theirs()), Err(Error::NotTheOwner { .. })));
    world.host.replace_policy(both().bind_module(key.public_key(), other.public_key()).unwrap()).unwrap();
    let report = world.host.replace_actor(theirs()).unwrap();
    assert_eq!(report.handover, Some(Handover::Policy));
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"other");
}

#[test]
fn accounts_of_an_operator_share_their_actors_only_where_the_policy_says_so() {
    let operator = KeyPair::generate(KeyKind::Operator).unwrap();
    let trust = || TrustPolicy::nobody().operator(operator.public_key());
    let clock = std::sync::Arc::new(capability_claims::ManualClock::new(NOW));
    let host = Host::builder().trust(trust()).clock(clock).build().unwrap();
    let (key, red, blue) = (module_key(), stranger(), stranger());
    let signed = |account: &KeyPair, text: &str| {
        let root = OperatorBuilder::new().issued_at(NOW).issue(&operator).unwrap();
        let team = AccountBuilder::new(account.public_key()).issued_at(NOW).issue(&operator).unwrap();
        let module = Chain::new([&*root, &*team]).unwrap().embed(&wasm(&saying(text))).unwrap();
        sign_module(&module, &ClaimsBuilder::new(key.public_key()).issued_at(NOW), account).unwrap()
    };
    let actor = host.add_actor(signed(&red, "red")).unwrap();
    assert_not_the_owner(&host.replace_actor(signed(&blue, "blue")).unwrap_err(), &red, &blue);
    host.replace_policy(trust().share_actors(operator.public_key()).unwrap()).unwrap();
    let report = host.replace_actor(signed(&blue, "blue")).unwrap();
    assert_eq!(report.handover, Some(Handover::SharedOperator));
    host.replace_policy(trust()).unwrap();
    assert_not_the_owner(&host.replace_actor(signed(&red, "red")).unwrap_err(), &blue, &red);
    // The operator is named for all of its accounts.
    let named = SwapOptions::new().hand_over_to(operator.public_key());
    host.replace_actor_with(signed(&red, "red"), named).unwrap();
    assert_eq!(&host.call(&actor, "op", b"").unwrap()[..], b"red");
}

#[test]
fn a_key_is_rotated_and_the_old_one_revoked_under_load_without_a_failed_call() {
    let (world, key) = (World::new(), module_key());
    let [old, new] = [(); 2].map(|()| stranger());
    let trust = || TrustPolicy::nobody().account(old.public_key());
    world.host.replace_policy(trust()).unwrap();
    let signed = |account: &KeyPair, text: &str, revision| {
        sign_by(account, &saying(text), &key, |c| c.revision(revision))
    };
    let actor = world.host.add_actor(signed(&old, "old", 1)).unwrap();
    let seen = load(&world, &actor, |some_calls| {
        // Trust alone is no handover.
        world.host.replace_policy(trust().account(new.public_key())).unwrap();
        assert_not_the_owner(&world.host.replace_actor(signed(&new, "new", 2)).unwrap_err(), &old, &new);
        some_calls();
        let rotation = RotationBuilder::new().issued_at(NOW).expires_at(NOW + 60).issue(&old, &new).unwrap();
        let rotated = || trust().rotation(&rotation).unwrap();
        assert!(world.host.replace_policy(rotated()).unwrap().barred.is_empty());
        some_calls();
        let report = world.host.replace_actor(signed(&new, "new", 2)).unwrap();
        assert_eq!(report.handover, Some(Handover::Rotation));
        some_calls();
        let revoked = rotated().revoke_key(old.public_key());
        assert!(world.host.replace_policy(revoked).unwrap().barred.is_empty());
        some_calls();
    });
    let failed: Vec<_> = seen.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(failed.is_empty(), "{} of {}: {}", failed.len(), seen.len(), failed[0]);
    assert_eq!(&world.host.call(&id_of(&key), "op", b"").unwrap()[..], b"new");
}
