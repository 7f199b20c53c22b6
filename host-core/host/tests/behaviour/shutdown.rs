//! The end of a host.

use std::{sync::Arc, thread, time::Duration};

use capability_provider::{LinkConfig, LinkName};
use crossbeam_channel::bounded;
use host_core::Error;

use crate::support::{
    Event, LONG, Recorder, STORE, World, calls_then_spins, echo, id_of, module_key, store, store_link,
};

#[track_caller]
fn assert_shut<T>(result: Result<T, Error>) {
    match result {
        Err(Error::ShuttingDown) => {}
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it was done"),
    }
}

#[test]
fn links_are_ended_and_providers_shut_down_once_and_in_this_order() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add_linked(&provider);
    world.host.shutdown();
    world.host.shutdown();
    let link = store_link(&actor);
    assert_eq!(
        provider.events(),
        [Event::Link(link.clone(), LinkConfig::new()), Event::Unlink(link), Event::Shutdown]
    );
    drop(world);
    assert_eq!(provider.shutdowns(), 1);
    assert_eq!(Arc::strong_count(&provider), 1, "nobody holds it any more");
}

#[test]
fn everything_is_refused_afterwards() {
    let (world, key) = (World::new(), module_key());
    let module = world.sign(&echo(), &key, |c| c);
    let actor = world.host.add_actor(module.clone()).unwrap();
    let host = world.host.clone();
    world.host.shutdown();
    assert_shut(host.call(&actor, "op", b""));
    assert_shut(host.add_actor(module));
    assert_shut(host.remove_actor(&actor));
    assert_shut(host.add_provider(LinkName::default(), Recorder::new("one")));
    assert_shut(host.replace_provider(LinkName::default(), Recorder::new("one")));
    assert_shut(host.remove_provider(&store(), &LinkName::default()));
    assert_shut(host.link(&store_link(&actor), LinkConfig::new()));
    assert_shut(host.unlink(&store_link(&actor)));
    assert!(host.status().actors.is_empty());
    assert!(!host.health().healthy(), "a host that does not serve is not well");
}

#[test]
fn dropping_the_last_clone_shuts_down() {
    let (world, provider) = (World::new(), Recorder::delivering("door"));
    world.add_linked(&provider);
    let clone = world.host.clone();
    drop(world);
    assert_eq!(provider.shutdowns(), 0, "a clone is left");
    drop(clone);
    assert_eq!(provider.shutdowns(), 1);
}

#[test]
fn calls_in_flight_finish_first() {
    let world = World::new();
    let (entered, is_inside) = bounded(1);
    let (release, released) = bounded::<()>(1);
    let provider = Recorder::answering("store", move |_| {
        entered.send(()).unwrap();
        released.recv_timeout(LONG).unwrap();
        Ok("done".into())
    });
    let actor = world.add_linked(&provider);
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    let host = world.host.clone();
    let ending = thread::spawn(move || host.shutdown());
    while !matches!(world.host.call(&actor, "echo", b""), Err(Error::ShuttingDown)) {
        thread::yield_now();
    }
    assert_eq!(provider.events().len(), 1, "the call in flight still needs its link");
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"done");
    ending.join().unwrap();
    assert_eq!(provider.shutdowns(), 1);
}

#[test]
fn a_call_that_does_not_finish_is_ended() {
    let world = World::with(|builder| builder.drain_deadline(Duration::from_millis(30)));
    let (called, was_called) = bounded(1);
    let provider = Recorder::answering("store", move |_| {
        called.send(()).unwrap();
        Ok("spin".into())
    });
    let actor = world.add(&calls_then_spins(STORE, "Work"));
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    was_called.recv_timeout(LONG).unwrap();
    world.host.shutdown();
    let error = call.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert_eq!(provider.shutdowns(), 1);
}

#[test]
fn a_provider_that_panics_at_the_end_does_not_keep_the_others_from_ending() {
    let world = World::new();
    let (first, last) = (Recorder::of("a:first", "first"), Recorder::of("z:last", "last"));
    let rude = crate::support::Recorder::rude();
    for provider in [Arc::clone(&first), rude, Arc::clone(&last)] {
        world.host.add_provider(LinkName::default(), provider).unwrap();
    }
    let unknown = id_of(&module_key());
    assert!(world.host.call(&unknown, "op", b"").is_err());
    world.host.shutdown();
    assert_eq!((first.shutdowns(), last.shutdowns()), (1, 1));
}
