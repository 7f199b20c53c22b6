//! Settings that are times, at both ends of their range.

use std::{sync::Arc, time::Duration};

use capability_provider::{LinkConfig, LinkName};

use crate::support::{Recorder, World, echo, module_key, store, store_link};

const ENDS: [Duration; 3] = [Duration::MAX, Duration::from_secs(u64::MAX), Duration::ZERO];

/// Everything for which a host drains: a swap, providers that are replaced and removed, an actor that is removed, the end.
fn live_and_die(world: &World) {
    let (one, other, key) = (Recorder::new("one"), Recorder::new("other"), module_key());
    let actor = world.host.add_actor(world.sign(&echo(), &key, |c| c.capability("test:store").revision(1)));
    let actor = actor.unwrap();
    world.host.add_provider(LinkName::default(), one).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    world.host.replace_provider(LinkName::default(), Arc::clone(&other) as _).unwrap();
    let newer = world.sign(&echo(), &key, |c| c.capability("test:store").revision(2));
    world.host.replace_actor(newer).unwrap();
    world.host.unlink(&store_link(&actor)).unwrap();
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    world.host.remove_actor(&actor).unwrap();
    world.settle();
    assert_eq!(other.shutdowns(), 1);
}

#[test]
fn a_drain_may_have_any_time() {
    for limit in ENDS {
        let world = World::with(|builder| builder.drain_deadline(limit));
        live_and_die(&world);
        world.host.shutdown();
        // The other way to end a host.
        drop(World::with(|builder| builder.drain_deadline(limit)));
    }
}

#[test]
fn a_call_and_the_wait_for_an_instance_may_have_any_time() {
    for limit in ENDS {
        let world = World::with(|builder| builder.max_wait(limit).max_instances(1));
        let actor = world.add(&echo());
        assert_eq!(&world.host.call(&actor, "echo", b"x").unwrap()[..], b"x");
    }
    for limit in [Duration::MAX, Duration::from_secs(u64::MAX)] {
        let world = World::with(|builder| builder.call_deadline(limit));
        let actor = world.add_linked(&Recorder::new("one"));
        assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
    }
}
