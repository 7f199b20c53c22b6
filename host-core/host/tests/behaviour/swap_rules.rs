//! What may take an actor's place: a module of the same key, of an equal or a higher revision, signed by somebody trusted.

use capability_claims::{ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, TrustPolicy};
use host_core::{Error, SwapOptions, SwapReport};

use crate::support::{NOW, World, echo, id_of, module_key, saying, sign_by};

#[test]
fn a_lower_revision_needs_force() {
    let (world, key) = (World::new(), module_key());
    let revision = |number| {
        world.sign(&saying(&format!("revision {number}")), &key, |c| c.name("counter").revision(number))
    };
    let actor = world.host.add_actor(revision(5)).unwrap();
    let error = world.host.replace_actor(revision(4)).unwrap_err();
    assert!(matches!(error, Error::RevisionTooLow { current: 5, offered: 4, .. }), "{error}");
    for named in ["\"counter\"", actor.as_str(), "revision 5", "revision 4", "force"] {
        assert!(error.to_string().contains(named), "{named}: {error}");
    }
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"revision 5");
    let report = world.host.replace_actor(revision(5)).expect("an equal one is welcome");
    assert!(!report.forced);
    let report = world.host.replace_actor_with(revision(4), SwapOptions::new().force(true)).unwrap();
    assert!(report.forced && report.to_string().contains("by force"), "{report}");
    assert_eq!((report.from.revision, report.to.revision), (Some(5), Some(4)));
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"revision 4");
}

#[test]
fn no_revision_is_the_lowest() {
    let (world, key) = (World::new(), module_key());
    world.host.add_actor(world.sign(&echo(), &key, |c| c.revision(1))).unwrap();
    let error = world.host.replace_actor(world.sign(&echo(), &key, |c| c)).unwrap_err();
    assert!(matches!(error, Error::RevisionTooLow { current: 1, offered: 0, .. }), "{error}");
}

#[test]
fn force_does_not_go_below_what_the_policy_asks_for() {
    let (world, key) = (World::new(), module_key());
    let revision = |number| world.sign(&saying(&format!("revision {number}")), &key, |c| c.revision(number));
    let actor = world.host.add_actor(revision(5)).unwrap();
    world.host.replace_policy(world.trust().minimum_revision(key.public_key(), 4).unwrap()).unwrap();
    let forced = |number| world.host.replace_actor_with(revision(number), SwapOptions::new().force(true));
    let error = forced(3).unwrap_err();
    let refusal = error.refusal();
    assert!(matches!(refusal, Some(ClaimsError::RevisionTooLow { minimum: 4, .. })), "{error}");
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"revision 5");
    forced(4).unwrap();
}

#[test]
fn another_key_takes_nobodys_place() {
    let world = World::new();
    let [first, second, third] = [(); 3].map(|()| module_key());
    for (key, text) in [(&first, "first"), (&second, "second")] {
        world.host.add_actor(world.sign(&saying(text), key, |c| c)).unwrap();
    }
    // Without a name, the key says whose place it is, and nobody's is taken by a key that is not here.
    let error = world.host.replace_actor(world.sign(&echo(), &third, |c| c)).unwrap_err();
    assert!(matches!(error, Error::UnknownActor { actor } if actor == id_of(&third)));
    for key in [&second, &third] {
        let module = world.sign(&saying("imposter"), key, |c| c.name("imposter"));
        let error = world
            .host
            .replace_actor_with(module, SwapOptions::new().actor(id_of(&first)).force(true))
            .unwrap_err();
        let Error::OtherActor { actor, offered, name } = &error else { panic!("{error}") };
        assert_eq!((actor, offered, &**name), (&id_of(&first), &id_of(key), "imposter"));
    }
    for (key, text) in [(&first, "first"), (&second, "second")] {
        assert_eq!(&world.host.call(&id_of(key), "op", b"").unwrap()[..], text.as_bytes());
    }
    assert!(world.host.status().actors.iter().all(|actor| actor.generation == 1));
    let named = SwapOptions::new().actor(id_of(&first));
    world.host.replace_actor_with(world.sign(&saying("next"), &first, |c| c), named).unwrap();
    assert_eq!(&world.host.call(&id_of(&first), "op", b"").unwrap()[..], b"next");
}

#[test]
fn the_new_versions_issuer_is_trusted_or_refused() {
    let (world, key) = (World::new(), module_key());
    let second = KeyPair::generate(KeyKind::Account).unwrap();
    let actor = world.host.add_actor(world.sign(&saying("old"), &key, |c| c)).unwrap();
    let module = sign_by(&second, &saying("new"), &key, |c| c);
    let forced = SwapOptions::new().force(true);
    let error = world.host.replace_actor_with(module.clone(), forced).unwrap_err();
    let refusal = error.refusal();
    assert!(
        matches!(refusal, Some(ClaimsError::NotTrusted { issuer, .. }) if *issuer == second.public_key()),
        "{error}"
    );
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"old");

    world.host.replace_policy(world.trust().account(second.public_key())).unwrap();
    let named = SwapOptions::new().hand_over_to(second.public_key());
    let report = world.host.replace_actor_with(module, named).unwrap();
    assert!(report.issuer_changed(), "{report}");
    assert_eq!((report.from.issuer, report.to.issuer), (world.account(), second.public_key()));
    assert!(report.to_string().contains(&format!("signed by {}", second.public_key())), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["to"]["issuer"], second.public_key().to_string());
}

#[test]
fn the_report_counts_what_the_policy_leaves() {
    let (world, key) = (World::new(), module_key());
    let second = KeyPair::generate(KeyKind::Account).unwrap();
    let reading = GrantLimit::nothing().and(Grant::of("a:store").operation("Get")).and(Grant::of("c:clock"));
    let policy = world.trust().account(second.public_key()).limit(second.public_key(), reading).unwrap();
    world.host.replace_policy(policy).unwrap();
    let old = world.sign(&echo(), &key, |c| c.capability("a:store").capability("b:door"));
    let actor = world.host.add_actor(old).unwrap();
    let new = sign_by(&second, &echo(), &key, |c| {
        c.capability("a:store").capability("b:door").capability("c:clock").capability("d:other")
    });
    let named = SwapOptions::new().hand_over_to(second.public_key());
    let report = world.host.replace_actor_with(new, named).unwrap();
    let SwapReport { grants_gained, grants_lost, allowed_gained, allowed_lost, .. } = &report;
    assert_eq!(
        (&grants_gained[..], grants_lost.len()),
        (&["c:clock".to_owned(), "d:other".to_owned()][..], 0)
    );
    assert_eq!(*allowed_gained, ["a:store (Get)", "c:clock"]);
    assert_eq!(*allowed_lost, ["a:store", "b:door"]);
    assert_eq!(world.host.status().actors[0].allowed, ["a:store (Get)", "c:clock"]);
    let text = report.to_string();
    assert!(
        text.contains("may now use: a:store (Get), c:clock; may no longer use: a:store, b:door"),
        "{text}"
    );
    assert_eq!(world.host.status().actors[0].id, actor);
}

#[test]
fn another_version_brings_back_what_the_policy_barred() {
    let (world, key) = (World::new(), module_key());
    let actor = world.host.add_actor(world.sign(&saying("old"), &key, |c| c.revision(1))).unwrap();
    world.host.replace_policy(world.trust().minimum_revision(key.public_key(), 2).unwrap()).unwrap();
    assert!(world.host.call(&actor, "op", b"").is_err());
    let report = world
        .host
        .replace_actor(world.sign(&saying("new"), &key, |c| c.revision(2).capability("a:b")))
        .unwrap();
    assert_eq!(report.allowed_gained, ["a:b"]);
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"new");
}

#[test]
fn a_swap_is_refused_under_the_policy_of_the_moment() {
    let (world, key) = (World::new(), module_key());
    let actor = world.host.add_actor(world.sign(&saying("old"), &key, |c| c.expires_at(NOW + 60))).unwrap();
    let new = world.sign(&saying("new"), &key, |c| c);
    world.host.replace_policy(TrustPolicy::nobody()).unwrap();
    let error = world.host.replace_actor(new).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    world.host.replace_policy(world.trust()).unwrap();
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"old", "the old one is still in place");
}
