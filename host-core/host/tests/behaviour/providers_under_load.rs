//! Providers come, go and change while actors call them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use capability_provider::LinkName;
use crossbeam_channel::bounded;

use crate::support::{LONG, Recorder, World, assert_unavailable, load, store};

const ROUNDS: usize = 50;

#[test]
fn no_call_fails_while_the_provider_is_replaced() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("first"));
    let mut providers = Vec::new();
    let seen = load(&world, &actor, |some_calls| {
        for _ in 0..ROUNDS {
            let next = Recorder::new("next");
            providers.push(Arc::clone(&next));
            world.host.replace_provider(LinkName::default(), next).unwrap();
            some_calls();
        }
    });
    for reply in seen {
        let reply = reply.expect("no call fails");
        assert!(&reply[..] == b"first: x" || &reply[..] == b"next: x", "{reply:?}");
    }
    world.settle();
    let last = providers.pop().unwrap();
    assert_eq!(last.shutdowns(), 0);
    assert!(providers.iter().all(|provider| provider.shutdowns() == 1), "each was shut down once");
}

#[test]
fn while_the_provider_is_away_calls_say_so_and_nothing_else() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    let seen = load(&world, &actor, |some_calls| {
        for _ in 0..ROUNDS {
            world.host.remove_provider(&store(), &LinkName::default()).unwrap();
            some_calls();
            world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
            some_calls();
        }
    });
    let failures: Vec<_> = seen.iter().filter_map(|reply| reply.as_ref().err()).collect();
    assert!(!failures.is_empty() && failures.len() < seen.len(), "{} of {}", failures.len(), seen.len());
    failures.into_iter().for_each(assert_unavailable);
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
}

#[test]
fn a_call_in_flight_finishes_in_the_provider_it_reached() {
    let world = World::new();
    let (entered, is_inside) = bounded(1);
    let (release, released) = bounded::<()>(1);
    let first = AtomicBool::new(true);
    let old = Recorder::answering("old", move |_| {
        if first.swap(false, SeqCst) {
            entered.send(()).unwrap();
            released.recv_timeout(LONG).unwrap();
        }
        Ok("from the old one".into())
    });
    let actor = world.add_linked(&old);
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();

    world.host.replace_provider(LinkName::default(), Recorder::new("new")).unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"new: x");
    assert_eq!(old.shutdowns(), 0, "it is still needed");
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"from the old one");
    world.settle();
    assert_eq!(old.shutdowns(), 1);
}
