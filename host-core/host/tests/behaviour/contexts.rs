//! What a call carries reaches everything that is done for it: actors, providers, and actors behind providers.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use capability_provider::{
    ActorId, CallContext, Caller, CallerKind, CancelToken, CapabilityCall, ErrorKind, LinkConfig, LinkName,
    Provider, ProviderError, Trace,
};
use host_core::Error;
use parking_lot::Mutex;

use crate::support::{
    LONG, Recorder, STORE, World, calls_then_spins, forwarder, host_error, module_key, spinning, store_link,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What a provider saw of its calls.
#[derive(Debug, Clone)]
struct Seen(CallContext);

impl Seen {
    fn of(call: &CapabilityCall<'_>) -> Self {
        Self(call.context.clone())
    }

    fn callers(&self) -> Vec<(CallerKind, String)> {
        self.0.callers().map(|caller| (caller.kind(), caller.name().to_owned())).collect()
    }
}

/// A store that answers each call by delivering it to the actor that made it, and what it saw.
fn relay(world: &World) -> (ActorId, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let handle = Arc::new(Mutex::new(None::<capability_provider::ActorHandle>));
    let (sees, leads_to) = (Arc::clone(&seen), Arc::clone(&handle));
    let provider = Recorder::delivering_and("relay", move |call| {
        sees.lock().push(Seen::of(call));
        let actor = leads_to.lock().clone().expect("it was linked");
        actor.call(call.nested(), "Forward", call.payload).map_err(|error| ProviderError::Failed {
            operation: call.operation.to_owned(),
            source: Box::new(error),
        })
    });
    let actor = world.add_linked(&provider);
    *handle.lock() = Some(provider.handle_of(&store_link(&actor)));
    (actor, seen)
}

#[test]
fn depth_deadline_trace_and_callers_hold_through_a_provider_that_delivers() {
    let world = World::with(|builder| builder.max_call_depth(20).call_deadline(LONG));
    let (actor, seen) = relay(&world);
    let trace: Trace = TRACE.parse().unwrap();
    let context = CallContext::new()
        .with_timeout(LONG / 2)
        .called_by(Caller::client("the test"))
        .with_trace(trace.with_state("a=1"));
    let error = world.host.call_within(context.clone(), &actor, "Forward", b"round").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Guest, "{error}");
    let seen = seen.lock();
    assert_eq!(seen.len(), 21, "once for each actor that called");
    for (depth, seen) in (0..).zip(&*seen) {
        let context_here = &seen.0;
        assert_eq!((context_here.depth(), context_here.id()), (depth, context.id()));
        assert_eq!(context_here.deadline(), context.deadline());
        let trace = context_here.trace().unwrap();
        assert_eq!((trace.to_string().as_str(), trace.state()), (TRACE, Some("a=1")));
    }
    let provider = format!("{STORE} (link `default`)");
    let callers = seen[2].callers();
    let expected = [
        (CallerKind::Provider, provider.clone()),
        (CallerKind::Actor, actor.to_string()),
        (CallerKind::Provider, provider),
        (CallerKind::Actor, actor.to_string()),
        (CallerKind::Client, "the test".to_owned()),
    ];
    assert_eq!(callers, expected);
}

#[test]
fn a_deadline_ends_what_goes_in_circles_through_a_provider() {
    let world = World::with(|builder| builder.max_call_depth(u32::MAX));
    let (actor, _) = relay(&world);
    let began = Instant::now();
    let context = CallContext::new().with_timeout(Duration::from_millis(200));
    let error = world.host.call_within(context, &actor, "Forward", b"round").unwrap_err();
    assert!(began.elapsed() < LONG / 2, "{error}");
}

#[test]
fn another_actor_is_called_on_behalf_of_the_first() {
    let world = World::new();
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let sees = Arc::clone(&seen);
    let provider = Recorder::answering("store", move |call| {
        sees.lock().push(Seen::of(call));
        Ok("".into())
    });
    let inner = world.add_linked(&provider);
    let key = module_key();
    let wat = forwarder(inner.as_str(), "", "Forward");
    let outer = world.host.add_actor(world.sign(&wat, &key, |c| c.capability(inner.as_str()))).unwrap();
    let context = CallContext::new().with_trace(TRACE.parse().unwrap());
    world.host.call_within(context.clone(), &outer, "Forward", b"").unwrap();
    let seen = seen.lock().pop().unwrap();
    assert_eq!(seen.callers(), [(CallerKind::Actor, outer.to_string())]);
    assert_eq!((seen.0.depth(), seen.0.id()), (1, context.id()));
    assert_eq!(seen.0.trace().unwrap().to_string(), TRACE);
    assert!(seen.0.deadline().is_some(), "the host's own deadline");
}

#[test]
fn a_call_that_is_cancelled_ends_a_guest_that_computes() {
    let world = World::with(|builder| builder.call_deadline(LONG));
    let actor = world.add(&spinning());
    let token = CancelToken::new();
    let context = CallContext::new().with_cancel(&token);
    let (error, took) = thread::scope(|scope| {
        let call = scope.spawn(|| world.host.call_within(context, &actor, "op", b"").unwrap_err());
        let began = Instant::now();
        while world.host.status().actors[0].pool.in_use == 0 {
            assert!(began.elapsed() < LONG, "the call does not begin");
            thread::yield_now();
        }
        let cancelled = Instant::now();
        token.cancel();
        (call.join().unwrap(), cancelled.elapsed())
    });
    assert!(matches!(error, Error::Ended { .. }) && error.kind() == ErrorKind::Cancelled, "{error}");
    println!("the guest ended {took:?} after it was cancelled");
    assert!(took < LONG / 2);
}

/// A store that never answers by itself, and the reply that it is to have dropped.
fn hanging() -> (Arc<crate::support::Waiting>, World, ActorId) {
    let provider = crate::support::Waiting::new();
    let world = World::with(|builder| builder.call_deadline(LONG));
    let actor = world.add(&forwarder(STORE, "", "Hang"));
    world.host.add_provider(LinkName::default(), Arc::clone(&provider) as Arc<dyn Provider>).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    (provider, world, actor)
}

#[test]
fn a_reply_that_comes_later_is_let_go_at_the_deadline() {
    let (provider, world, actor) = hanging();
    let began = Instant::now();
    let context = CallContext::new().with_timeout(Duration::from_millis(30));
    let error = world.host.call_within(context, &actor, "Forward", b"").unwrap_err();
    // The guest may tell what it was told before its own deadline is noticed.
    let late = |error: &Error| error.kind() == ErrorKind::DeadlineExceeded;
    assert!(late(&error) || late(host_error(&error)), "{error}");
    assert!(began.elapsed() < LONG / 2);
    assert_eq!((provider.begun(), provider.dropped()), (1, 1));
}

#[test]
fn a_reply_that_comes_later_is_let_go_when_the_call_is_cancelled() {
    let (provider, world, actor) = hanging();
    let token = CancelToken::new();
    let context = CallContext::new().with_cancel(&token);
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| world.host.call_within(context, &actor, "Forward", b"").unwrap_err());
        let began = Instant::now();
        while provider.begun() == 0 {
            assert!(began.elapsed() < LONG, "the call does not begin");
            thread::yield_now();
        }
        token.cancel();
        call.join().unwrap()
    });
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert_eq!(provider.dropped(), 1);
}

#[test]
fn a_reply_that_comes_later_arrives() {
    let (provider, world, actor) = hanging();
    let reply = thread::scope(|scope| {
        let call = scope.spawn(|| world.host.call(&actor, "Forward", b"the payload"));
        let began = Instant::now();
        while !provider.answer() {
            assert!(began.elapsed() < LONG, "the call does not begin");
            thread::yield_now();
        }
        call.join().unwrap()
    });
    assert_eq!(&reply.unwrap()[..], b"the payload, later");
}

/// Nothing that a call carries makes it longer than its host allows, and what an actor does after its provider cancelled is cut off.
#[test]
fn a_context_only_tightens() {
    let world = World::with(|builder| builder.call_deadline(Duration::from_millis(50)).max_call_depth(3));
    let actor = world.add(&calls_then_spins(STORE, "Get"));
    let began = Instant::now();
    let context = CallContext::new().with_timeout(LONG);
    let error = world.host.call_within(context, &actor, "op", b"").unwrap_err();
    assert!(began.elapsed() < LONG / 2 && error.kind() == ErrorKind::DeadlineExceeded, "{error}");
    let error = world.host.call_within(CallContext::new().with_depth(4), &actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::DepthExceeded { depth: 4, limit: 3, .. }), "{error}");
    let past = CallContext::new().with_timeout(Duration::ZERO);
    let error = world.host.call_within(past, &actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
}
