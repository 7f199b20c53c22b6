//! A program holds on to an actor, and calls it in both ways.

use std::{
    future::{Future, IntoFuture},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use capability_provider::{CallContext, CancelToken, LinkName, Provider};
use host_core::{Error, Host, Link};

use crate::support::{
    LONG, Recorder, STORE, Waiting, World, echo, forwarder, hang, holding, in_time, module_key, saying,
    spinning,
};

/// The outcome of a future, on this thread and without a runtime.
fn block_on<F: IntoFuture>(future: F) -> F::Output {
    CallContext::new().wait(future.into_future()).expect("it has no deadline")
}

#[test]
fn an_actor_is_started_with_its_links_called_swapped_and_removed() {
    let (world, key) = (World::new(), module_key());
    let store = Recorder::new("store");
    world.host.provide(Arc::clone(&store)).unwrap();
    let signed = world.sign(&forwarder(STORE, "", "Get"), &key, |c| c.capability(STORE).revision(1));
    let actor = world.host.actor(signed).link(STORE).start().unwrap();
    assert_eq!(&actor.call("Forward", "x").timeout(LONG).wait().unwrap()[..], b"store: x");
    assert_eq!(&block_on(actor.call("Forward", "y")).unwrap()[..], b"store: y");
    let report = actor.swap(world.sign(&saying("two"), &key, |c| c.revision(2))).unwrap();
    assert_eq!(&report.actor, actor.id());
    assert_eq!(&actor.call("op", "").wait().unwrap()[..], b"two");
    let other = world.sign(&echo(), &module_key(), |c| c);
    assert!(matches!(actor.swap(other), Err(Error::OtherActor { .. })));
    let again = world.host.find(actor.id()).unwrap();
    actor.remove().unwrap();
    assert!(matches!(again.call("op", "").wait(), Err(Error::UnknownActor { .. })));
    assert!(matches!(block_on(again.call("op", "")), Err(Error::UnknownActor { .. })));
    assert!(world.host.find(again.id()).is_none());
}

#[test]
fn an_actor_whose_links_cannot_be_made_is_not_there() {
    let world = World::new();
    world.host.provide(Recorder::new("store")).unwrap();
    let sign = || world.sign(&echo(), &module_key(), |c| c.capability(STORE));
    let error =
        world.host.actor(sign()).link(STORE).link(Link::to(STORE).named("other")).start().unwrap_err();
    assert!(matches!(error, Error::UnknownProvider { .. }), "{error}");
    let error = world.host.actor(sign()).link("no capability at all").start().unwrap_err();
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    assert_eq!(world.host.status().actors, []);
}

#[test]
fn a_provider_is_put_or_replaced() {
    let world = World::new();
    let (first, second) = (Recorder::new("first"), Recorder::new("second"));
    world.host.provide(Arc::clone(&first)).unwrap();
    let key = module_key();
    let signed = world.sign(&forwarder(STORE, "", "Get"), &key, |c| c.capability(STORE));
    let actor = world.host.actor(signed).link(STORE).start().unwrap();
    world.host.provide(Arc::clone(&second)).unwrap();
    assert_eq!(&actor.call("Forward", "x").wait().unwrap()[..], b"second: x");
    let begun = Instant::now();
    while first.shutdowns() == 0 {
        assert!(begun.elapsed() < LONG, "the first is not shut down");
        thread::yield_now();
    }
    // The same once more changes nothing.
    let third: Arc<dyn Provider> = Recorder::new("third");
    for _ in 0..2 {
        world.host.provide_as(LinkName::new("cache").unwrap(), Arc::clone(&third)).unwrap();
    }
    assert_eq!(world.host.status().providers.len(), 2);
}

#[test]
fn a_future_that_is_dropped_cancels_its_call() {
    let world = World::with(|builder| builder.call_deadline(LONG));
    let actor = world.host.actor(world.sign(&spinning(), &module_key(), |c| c)).start().unwrap();
    let in_use = || world.host.status().actors[0].pool.in_use;
    let wait_for = |count| {
        let began = Instant::now();
        while in_use() != count {
            assert!(began.elapsed() < LONG / 2, "{} are in use", in_use());
            thread::yield_now();
        }
    };
    let mut call = actor.call("op", "").into_future();
    let polled = pin!(&mut call).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending));
    wait_for(1);
    drop(call);
    wait_for(0);
    // So does the program's own token, and a time that is over.
    let token = CancelToken::new();
    let call = actor.call("op", "").cancel(&token).into_future();
    wait_for(1);
    token.cancel();
    assert!(matches!(block_on(call), Err(Error::Ended { .. })));
    let error = block_on(actor.call("op", "").timeout(Duration::from_millis(20))).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
}

#[test]
fn many_calls_are_waited_for_at_once() {
    let provider = Waiting::new();
    let world = World::with(|builder| builder.max_instances(64).call_deadline(LONG));
    world.host.provide(Arc::clone(&provider)).unwrap();
    let signed = world.sign(&forwarder(STORE, "", "Get"), &module_key(), |c| c.capability(STORE));
    let actor = world.host.actor(signed).link(STORE).start().unwrap();
    let calls: Vec<_> = (0..64).map(|_| actor.call("Forward", "x").into_future()).collect();
    let began = Instant::now();
    while provider.begun() < 64 {
        assert!(began.elapsed() < LONG, "{} calls are under way", provider.begun());
        thread::yield_now();
    }
    provider.answer();
    calls.into_iter().for_each(|call| assert_eq!(&block_on(call).unwrap()[..], b"x, later"));
}

#[test]
fn a_host_is_held_weakly() {
    let world = World::new();
    let weak = world.host.downgrade();
    let actor = world.host.actor(world.sign(&echo(), &module_key(), |c| c)).start().unwrap();
    let upgraded: Host = weak.upgrade().unwrap();
    drop((world, upgraded));
    assert!(weak.upgrade().is_some(), "the way to an actor keeps the host");
    drop(actor);
    assert!(weak.upgrade().is_none());
}

#[test]
fn an_answer_does_not_wait_for_the_end_of_a_host_that_only_its_call_kept() {
    let world = World::with(|builder| builder.drain_deadline(Duration::MAX));
    let (store, is_inside, release) = holding();
    let (hangs, is_ending, _let_go) = hang();
    world.host.provide(store).unwrap();
    world.host.provide(Recorder::front_of("test:door", "door", move |_| hangs())).unwrap();
    let signed = world.sign(&forwarder(STORE, "", "Work"), &module_key(), |c| c.capability(STORE));
    let actor = world.host.actor(signed).link(STORE).link("test:door").start().unwrap();
    let call = actor.call("Forward", "x").into_future();
    is_inside.recv_timeout(LONG).unwrap();
    drop((world, actor));
    release.send(()).unwrap();
    assert_eq!(&in_time(move || block_on(call)).unwrap()[..], b"done");
    is_ending.recv_timeout(LONG).unwrap();
}
