//! What was swapped out or removed may finish, but not for ever.

use std::time::Duration;

use bytes::Bytes;
use capability_provider::{CallContext, LinkName};
use crossbeam_channel::{Receiver, bounded};
use host_core::Error;

use crate::support::{
    Event, LONG, Recorder, STORE, World, calls_then_spins, forwarder, holding, module_key, saying, store_link,
};

/// A world that lets calls in flight go on for a moment only.
fn impatient() -> World {
    World::with(|builder| builder.drain_deadline(Duration::from_millis(30)))
}

/// A provider that tells when it was called.
fn telling() -> (std::sync::Arc<Recorder>, Receiver<()>) {
    let (called, was_called) = bounded(8);
    let provider = Recorder::answering("telling", move |_| {
        called.send(()).unwrap();
        Ok(Bytes::new())
    });
    (provider, was_called)
}

#[test]
fn a_call_that_outstays_the_drain_of_its_version_is_ended() {
    let (world, key) = (impatient(), module_key());
    let (provider, was_called) = telling();
    let spins = world.sign(&calls_then_spins(STORE, "Work"), &key, |c| c.capability(STORE));
    let actor = world.host.add_actor(spins).unwrap();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), Default::default()).unwrap();

    let call = world.call_aside(&actor);
    was_called.recv_timeout(LONG).unwrap();
    world.host.replace_actor(world.sign(&saying("new"), &key, |c| c)).unwrap();
    let error = call.join().unwrap().unwrap_err();
    assert!(
        matches!(&error, Error::Ended { actor: who, operation } if *who == actor && operation == "Forward"),
        "{error}"
    );
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"new", "the new version is untouched");
}

#[test]
fn a_call_of_a_removed_actor_is_ended_too() {
    let world = impatient();
    let (provider, was_called) = telling();
    let actor = world.add(&calls_then_spins(STORE, "Work"));
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), Default::default()).unwrap();
    let call = world.call_aside(&actor);
    was_called.recv_timeout(LONG).unwrap();
    world.host.remove_actor(&actor).unwrap();
    let error = call.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(world.host.status().actors.is_empty());
}

#[test]
fn a_removed_actors_call_in_flight_finishes_with_its_links() {
    let world = World::new();
    let (provider, is_inside, release) = holding();
    let actor = world.add_linked(&provider);
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();

    world.host.remove_actor(&actor).unwrap();
    assert!(matches!(world.host.call(&actor, "echo", b""), Err(Error::UnknownActor { .. })));
    assert_eq!(world.host.status().draining, 1);
    assert!(
        !provider.events().contains(&Event::Unlink(store_link(&actor))),
        "the call in flight may still need it"
    );
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"done");
    world.settle();
    assert_eq!(world.host.status().draining, 0);
    assert_eq!(provider.events().last(), Some(&Event::Unlink(store_link(&actor))));
}

#[test]
fn requests_stop_coming_before_calls_in_flight_are_waited_for() {
    let world = World::new();
    let (door, store) = (Recorder::delivering("door"), Recorder::of("test:other", "store"));
    let key = module_key();
    let module =
        world.sign(&forwarder(STORE, "", "Work"), &key, |c| c.capability(STORE).capability("test:other"));
    let actor = world.host.add_actor(module).unwrap();
    let door_link = store_link(&actor);
    let other = capability_provider::CapabilityId::new("test:other").unwrap();
    let store_link = capability_provider::LinkKey { capability: other, ..door_link.clone() };
    for (provider, link) in [(&door, &door_link), (&store, &store_link)] {
        world.host.add_provider(LinkName::default(), std::sync::Arc::clone(provider) as _).unwrap();
        world.host.link(link, Default::default()).unwrap();
    }
    let handle = door.handle_of(&door_link);
    world.host.remove_actor(&actor).unwrap();
    assert_eq!(door.events().last(), Some(&Event::Unlink(door_link)));
    world.settle();
    assert_eq!(store.events().last(), Some(&Event::Unlink(store_link)));
    assert!(handle.call(CallContext::new(), "echo", b"").is_err());
}
