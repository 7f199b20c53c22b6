//! Actors call each other, when they were granted to.

use std::time::{Duration, Instant};

use capability_provider::{ActorId, LinkConfig, LinkName};
use host_core::Error;

use crate::support::{
    LONG, Recorder, STORE, World, assert_not_granted, assert_unavailable, echo, forwarder, host_error, id_of,
    module_key, spinning, store, store_link,
};

/// An actor that sends what it gets on to `target` as `operation`, and is granted to.
fn caller_of(world: &World, target: &ActorId, operation: &str) -> ActorId {
    let key = module_key();
    let wat = forwarder(target.as_str(), "", operation);
    world.host.add_actor(world.sign(&wat, &key, |c| c.capability(target.as_str()))).unwrap()
}

#[test]
fn a_granted_call_reaches_the_other_actor() {
    let world = World::new();
    let target = world.add(&echo());
    let caller = caller_of(&world, &target, "Work");
    assert_eq!(&world.host.call(&caller, "Forward", b"between us").unwrap()[..], b"between us");
}

#[test]
fn without_the_grant_it_does_not() {
    let (world, key) = (World::new(), module_key());
    let target = world.add(&echo());
    let wat = forwarder(target.as_str(), "", "Work");
    let caller = world.host.add_actor(world.sign(&wat, &key, |c| c.capability(STORE))).unwrap();
    let error = world.host.call(&caller, "Forward", b"").unwrap_err();
    assert_not_granted(host_error(&error), &caller, target.as_str());
}

#[test]
fn an_actor_that_is_not_here_is_named() {
    let world = World::new();
    let nobody = id_of(&module_key());
    let caller = caller_of(&world, &nobody, "Work");
    let error = world.host.call(&caller, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::UnknownActor { actor } if *actor == nobody), "{error}");
}

#[test]
fn reserved_operations_are_refused_between_actors() {
    let world = World::new();
    let target = world.add(&echo());
    for operation in capability_contracts::RESERVED_OPERATIONS {
        let caller = caller_of(&world, &target, operation);
        let error = world.host.call(&caller, "Forward", b"").unwrap_err();
        assert!(matches!(host_error(&error), Error::ReservedOperation { .. }), "{operation}: {error}");
        // The embedding program may send whatever it likes.
        world.host.call(&target, operation, b"").unwrap();
    }
}

/// Two actors that call each other; the second calls the first by `back`.
fn circle(world: &World, back: &str) -> ActorId {
    let (first, second) = (module_key(), module_key());
    for (key, other, operation) in [(&first, &second, "Forward"), (&second, &first, back)] {
        let other = id_of(other);
        let wat = forwarder(other.as_str(), "", operation);
        world.host.add_actor(world.sign(&wat, key, |c| c.capability(other.as_str()))).unwrap();
    }
    id_of(&first)
}

#[test]
fn there_and_back_again_works() {
    let world = World::new();
    let first = circle(&world, "echo");
    assert_eq!(&world.host.call(&first, "Forward", b"round").unwrap()[..], b"round");
}

#[test]
fn a_circle_ends_at_the_depth_limit() {
    let world = World::with(|builder| builder.max_call_depth(5));
    let first = circle(&world, "Forward");
    let mut error = &world.host.call(&first, "Forward", b"").unwrap_err();
    let mut calls = 0;
    while let Error::Guest { .. } = error {
        calls += 1;
        error = host_error(error);
    }
    assert!(matches!(error, Error::DepthExceeded { depth: 6, limit: 5, .. }), "{error}");
    assert_eq!(calls, 6, "depths 0 to 5 ran");
    assert_eq!(&world.host.call(&first, "echo", b"well").unwrap()[..], b"well");
}

#[test]
fn a_depth_limit_of_zero_forbids_calls_between_actors() {
    let world = World::with(|builder| builder.max_call_depth(0));
    let target = world.add(&echo());
    let caller = caller_of(&world, &target, "Work");
    assert!(world.host.call(&target, "op", b"").is_ok());
    let error = world.host.call(&caller, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::DepthExceeded { depth: 1, limit: 0, .. }), "{error}");
}

#[test]
fn the_callers_deadline_travels() {
    for target_comes_first in [true, false] {
        let world = World::with(|builder| builder.call_deadline(Duration::from_millis(100)));
        let key = module_key();
        let module = world.sign(&spinning(), &key, |c| c);
        if target_comes_first {
            world.host.add_actor(module.clone()).unwrap();
        }
        let caller = caller_of(&world, &id_of(&key), "Work");
        if !target_comes_first {
            world.host.add_actor(module).unwrap();
        }
        let began = Instant::now();
        let error = world.host.call(&caller, "Forward", b"").unwrap_err();
        assert!(began.elapsed() < LONG / 10, "took {:?}", began.elapsed());
        // Which of the two is seen to be late first is a matter of chance.
        let late = |error: &Error| matches!(error, Error::DeadlineExceeded { .. });
        assert!(late(&error) || late(host_error(&error)), "{error}");
    }
}

#[test]
fn what_is_missing_behind_the_other_actor_is_known_to_the_first_caller() {
    let world = World::new();
    let target = world.add_linked(&Recorder::new("one"));
    let caller = caller_of(&world, &target, "Work");
    assert_eq!(&world.host.call(&caller, "Forward", b"x").unwrap()[..], b"one: x");
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    assert_unavailable(&world.host.call(&caller, "Forward", b"x").unwrap_err());
}

#[test]
fn the_other_actor_calls_with_its_own_grants() {
    let world = World::new();
    let target = world.add(&echo());
    let middle = caller_of(&world, &target, "Work");
    // The outer one may call the middle one only; what that may do is none of its business.
    let outer = caller_of(&world, &middle, "Forward");
    assert_eq!(&world.host.call(&outer, "Forward", b"through").unwrap()[..], b"through");
    world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    world.host.link(&store_link(&outer), LinkConfig::new()).unwrap();
    assert_eq!(world.host.status().links.len(), 1, "a link of one actor is no link of another");
}
