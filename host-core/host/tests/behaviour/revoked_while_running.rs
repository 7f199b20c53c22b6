//! A key or a token is revoked while its actor runs.

use capability_claims::{ClaimsError, KeyKind, KeyPair};
use capability_provider::{LinkConfig, LinkName};
use host_core::{AddOptions, Condition};

use crate::support::{
    LONG, STORE, Vouched, World, echo, forwarder, holding, module_key, store_link, why_not_called,
};

#[test]
fn a_call_in_flight_finishes_and_the_next_one_names_the_key() {
    let (world, key) = (World::new(), module_key());
    let (provider, is_inside, release) = holding();
    let module = world.sign(&forwarder(STORE, "", "Work"), &key, |c| c.name("counter").capability(STORE));
    let actor = world.host.add_actor(module.clone()).unwrap();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();

    world.host.replace_policy(world.trust().revoke_key(key.public_key())).unwrap();
    let why = why_not_called(world.host.call(&actor, "op", b""), &actor);
    assert!(matches!(&why, ClaimsError::KeyRevoked { key: lost, .. } if *lost == key.public_key()), "{why}");
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"done");

    let health = world.host.health();
    assert_eq!(health.actors[0].condition, Condition::Refused);
    let detail = health.actors[0].detail.as_deref().unwrap();
    assert!(detail.contains("is revoked here") && detail.contains("counter"), "{detail}");
    let refused = world.host.replace_actor(module).unwrap_err();
    assert!(
        matches!(refused.refusal(), Some(ClaimsError::KeyRevoked { .. })),
        "it does not come back: {refused}"
    );
}

#[test]
fn a_new_token_takes_the_place_of_a_revoked_one() {
    let (world, key) = (World::new(), module_key());
    let signed = |id: &str| world.sign(&echo(), &key, |c| c.id(id));
    let actor = world.host.add_actor(signed("leaked")).unwrap();
    world.host.replace_policy(world.trust().revoke_token("leaked")).unwrap();
    let why = why_not_called(world.host.call(&actor, "op", b""), &actor);
    assert!(matches!(&why, ClaimsError::TokenRevoked { id, .. } if &**id == "leaked"), "{why}");
    world.host.replace_actor(signed("fresh")).unwrap();
    assert_eq!(&world.host.call(&actor, "op", b"well").unwrap()[..], b"well");
}

#[test]
fn every_link_of_a_chain_can_be_revoked() {
    let (vouched, key) = (Vouched::new(), module_key());
    let tokens = vouched.tokens(vouched.account.public_key(), |account| account);
    let module = vouched.sign(&echo(), None, &key, |c| c.id("module"));
    let actor = vouched.host.add_actor_with(module, AddOptions::new().chain(tokens)).unwrap();
    for key in [vouched.operator.public_key(), vouched.account.public_key(), key.public_key()] {
        vouched.host.replace_policy(vouched.trust().revoke_key(key)).unwrap();
        let why = why_not_called(vouched.host.call(&actor, "op", b""), &actor);
        assert!(matches!(&why, ClaimsError::KeyRevoked { key: lost, .. } if *lost == key), "{why}");
    }
    for token in ["root", "team", "module"] {
        vouched.host.replace_policy(vouched.trust().revoke_token(token)).unwrap();
        let why = why_not_called(vouched.host.call(&actor, "op", b""), &actor);
        assert!(matches!(&why, ClaimsError::TokenRevoked { id, .. } if &**id == token), "{why}");
    }
    let stranger = KeyPair::generate(KeyKind::Account).unwrap();
    vouched.host.replace_policy(vouched.trust().revoke_key(stranger.public_key())).unwrap();
    assert!(vouched.host.call(&actor, "op", b"").is_ok(), "another key is no concern of it");
}
