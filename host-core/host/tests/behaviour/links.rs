//! Making and ending links.

use std::sync::Arc;

use capability_provider::{LinkConfig, LinkName, ProviderError};
use host_core::Error;

use crate::support::{
    Event, Recorder, STORE, World, forwarder, host_error, id_of, module_key, store, store_link,
};

#[test]
fn the_provider_gets_the_link_with_its_configuration() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let config = LinkConfig::new().with("url", "there");
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), config.clone()).unwrap();
    assert_eq!(provider.events(), [Event::Link(store_link(&actor), config)]);
}

#[test]
fn what_is_not_there_cannot_be_linked() {
    let world = World::new();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let error = world.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    assert!(matches!(&error, Error::UnknownProvider { capability, .. } if *capability == store()), "{error}");

    world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    let nobody = id_of(&module_key());
    let error = world.host.link(&store_link(&nobody), LinkConfig::new()).unwrap_err();
    assert!(matches!(&error, Error::UnknownActor { actor } if *actor == nobody), "{error}");
    assert!(world.host.status().links.is_empty());
}

#[test]
fn a_link_is_made_once() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add_linked(&provider);
    let error = world.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    assert!(matches!(error, Error::LinkExists { link } if link == store_link(&actor)));
    assert_eq!(provider.events().len(), 1, "the provider was not asked again");
}

#[test]
fn a_link_that_the_provider_refuses_is_not_made() {
    let world = World::new();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let provider = Recorder::linking("one", |_, _| {
        Err(ProviderError::InvalidConfig { key: "url".to_owned(), reason: "no such place".to_owned() })
    });
    world.host.add_provider(LinkName::default(), provider).unwrap();
    let error = world.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    assert!(matches!(&error, Error::LinkFailed { provider, .. } if provider == "one"), "{error}");
    assert!(error.to_string().contains("no such place"), "{error}");
    assert!(world.host.status().links.is_empty());
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::NotLinked { .. }), "{error}");
}

#[test]
fn an_ended_link_carries_nothing() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add_linked(&provider);
    assert!(world.host.call(&actor, "Forward", b"").is_ok());
    world.host.unlink(&store_link(&actor)).unwrap();
    assert_eq!(provider.events().last(), Some(&Event::Unlink(store_link(&actor))));
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::NotLinked { .. }), "{error}");

    let error = world.host.unlink(&store_link(&actor)).unwrap_err();
    assert!(matches!(error, Error::UnknownLink { link } if link == store_link(&actor)));
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    assert!(world.host.call(&actor, "Forward", b"").is_ok(), "it can be made again");
}

#[test]
fn removing_an_actor_ends_its_links_and_nobody_elses() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add_linked(&provider);
    let other = world.add(&forwarder(STORE, "", "Work"));
    world.host.link(&store_link(&other), LinkConfig::new()).unwrap();
    world.host.remove_actor(&actor).unwrap();
    world.settle();

    assert_eq!(provider.events().last(), Some(&Event::Unlink(store_link(&actor))));
    assert!(
        matches!(world.host.call(&actor, "Forward", b""), Err(Error::UnknownActor { actor: gone }) if gone == actor)
    );
    assert!(
        matches!(world.host.remove_actor(&actor), Err(Error::UnknownActor { actor: gone }) if gone == actor)
    );
    assert_eq!(&world.host.call(&other, "Forward", b"x").unwrap()[..], b"one: x");
    assert_eq!(world.host.status().links.len(), 1);
    assert_eq!(Arc::strong_count(&provider), 2, "the test's and the host's");
}

#[test]
fn a_removed_actor_can_be_added_and_linked_again() {
    let (world, key) = (World::new(), module_key());
    let module = world.sign(&forwarder(STORE, "", "Work"), &key, |claims| claims.capability(STORE));
    world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    for _ in 0..2 {
        let actor = world.host.add_actor(module.clone()).unwrap();
        world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
        assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
        world.host.remove_actor(&actor).unwrap();
    }
}
