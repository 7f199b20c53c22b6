//! An actor reaches what its token grants and its owner linked, and nothing else.

use capability_claims::ClaimsError;
use capability_provider::{LinkConfig, LinkKey, LinkName};
use host_core::Error;

use crate::support::{
    Recorder, STORE, World, assert_not_granted, forwarder, host_error, module_key, store_link,
};

#[test]
fn granted_and_linked_reaches_the_provider() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    assert_eq!(&world.host.call(&actor, "Forward", b"hello").unwrap()[..], b"one: hello");
}

#[test]
fn an_actor_without_the_grant_cannot_reach_the_store_although_it_is_linked() {
    let (world, key) = (World::new(), module_key());
    let provider = Recorder::answering("one", |_| panic!("it was reached"));
    // Similar names are other names.
    let grants = ["test:store2", "test:stor", "TEST:STORE", "test:*", "*"];
    let module = world.sign(&forwarder(STORE, "", "Work"), &key, |claims| {
        grants.into_iter().fold(claims, |claims, grant| claims.capability(grant))
    });
    let actor = world.host.add_actor(module).unwrap();
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();

    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    assert_not_granted(host_error(&error), &actor, STORE);
    assert!(error.to_string().contains("is not granted test:store"), "the actor was told: {error}");
}

#[test]
fn granted_but_not_linked_is_its_own_error() {
    let world = World::new();
    world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    let Error::NotLinked { actor: who, name, capability, link } = host_error(&error) else {
        panic!("{error}")
    };
    assert_eq!((who, &**name, capability.as_str(), link.as_str()), (&actor, "test", STORE, "default"));
}

#[test]
fn one_actors_link_is_not_anothers() {
    let world = World::new();
    let linked = world.add_linked(&Recorder::new("one"));
    let other = world.add(&forwarder(STORE, "", "Work"));
    assert!(world.host.call(&linked, "Forward", b"").is_ok());
    let error = world.host.call(&other, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::NotLinked { .. }), "{error}");
}

#[test]
fn the_binding_chooses_the_link() {
    let world = World::new();
    let (first, second) = (LinkName::default(), LinkName::new("second").unwrap());
    world.host.add_provider(first.clone(), Recorder::new("one")).unwrap();
    world.host.add_provider(second.clone(), Recorder::new("two")).unwrap();
    for (binding, reply) in [("", "one: x"), ("default", "one: x"), ("second", "two: x")] {
        let actor = world.add(&forwarder(STORE, binding, "Work"));
        for link in [&first, &second] {
            let key = LinkKey { link: link.clone(), ..store_link(&actor) };
            world.host.link(&key, LinkConfig::new()).unwrap();
        }
        assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], reply.as_bytes(), "`{binding}`");
    }
    let actor = world.add(&forwarder(STORE, "third", "Work"));
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let error = world.host.call(&actor, "Forward", b"x").unwrap_err();
    assert!(matches!(host_error(&error), Error::NotLinked { link, .. } if link == "third"), "{error}");
}

#[test]
fn a_reserved_operation_is_not_an_actors_to_send() {
    let world = World::new();
    world.host.add_provider(LinkName::default(), Recorder::answering("one", |_| panic!("reached"))).unwrap();
    for operation in capability_contracts::RESERVED_OPERATIONS {
        let actor = world.add(&forwarder(STORE, "", operation));
        world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
        let error = world.host.call(&actor, "Forward", b"").unwrap_err();
        let Error::ReservedOperation { operation: refused, actor: who, name } = host_error(&error) else {
            panic!("{error}")
        };
        assert_eq!((refused.as_str(), who, &**name), (*operation, &actor, "test"));
    }
}

#[test]
fn names_of_a_guests_choosing_are_cut_and_cleaned() {
    let world = World::new();
    let actor = world.add(&forwarder(&"\n".repeat(180), "", "Work"));
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    let refusal = host_error(&error).refusal();
    let Some(ClaimsError::NotGranted { capability, .. }) = refusal else { panic!("{error}") };
    assert!(capability.len() < 200, "it is not kept whole: {}", capability.len());
    let text = host_error(&error).to_string();
    assert!(text.contains(&"\\n".repeat(160)) && !text.contains('\n'), "{text}");
}
