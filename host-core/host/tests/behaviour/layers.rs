//! Layers stand around every call, in both directions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use capability_provider::{CallContext, DispatchError, ErrorKind};
use host_core::{Call, Error, Layer, Next, Target};
use parking_lot::Mutex;

use crate::support::{
    LONG, Recorder, STORE, World, assert_not_granted, echo, forwarder, hang, host_error, module_key,
    store_link,
};

/// A layer that is a closure.
struct With<F>(F);

impl<F> Layer for With<F>
where
    F: Fn(&Call<'_>, Next<'_>) -> Result<Bytes, Error> + Send + Sync + 'static,
{
    fn call(&self, call: &Call<'_>, next: Next<'_>) -> Result<Bytes, Error> {
        (self.0)(call, next)
    }
}

fn words(call: &Call<'_>) -> String {
    let from = if call.caller.is_some() { "actor" } else { "outside" };
    let to = match call.target {
        Target::Actor(_) => "actor".to_owned(),
        Target::Provider { capability, link } => format!("{capability}/{link}"),
        other => format!("{other:?}"),
    };
    format!("{from} to {to}: {}", call.operation)
}

#[test]
fn a_layer_sees_every_call_once_and_the_first_is_outermost() {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let layer = |name: &'static str| {
        let seen = Arc::clone(&seen);
        With(move |call: &Call<'_>, next: Next<'_>| {
            seen.lock().push(format!("{name}: {}", words(call)));
            let reply = next.run(call);
            seen.lock().push(format!("{name}: {:?}", reply.as_ref().map(|reply| reply.len()).unwrap()));
            reply
        })
    };
    let (first, second) = (layer("first"), layer("second"));
    let world = World::with(|builder| builder.layer(first).layer(second));
    let provider = Recorder::delivering("store");
    let inner = world.add_linked(&provider);
    let wat = forwarder(inner.as_str(), "", "Forward");
    let key = module_key();
    let outer = world.host.add_actor(world.sign(&wat, &key, |c| c.capability(inner.as_str()))).unwrap();
    seen.lock().clear();
    world.host.call(&outer, "Forward", b"1").unwrap();
    let way =
        ["outside to actor: Forward", "actor to actor: Forward", &format!("actor to {STORE}/default: Work")];
    let both = |line: &str| [format!("first: {line}"), format!("second: {line}")];
    let mut expected: Vec<String> = way.iter().flat_map(|line| both(line)).collect();
    expected.extend(["second: 8", "first: 8"].repeat(3).iter().map(ToString::to_string));
    assert_eq!(std::mem::take(&mut *seen.lock()), expected);
    // What a provider delivers, and the question for an actor's health.
    provider.handle_of(&store_link(&inner)).call(CallContext::new(), "Get", b"").unwrap();
    assert_eq!(seen.lock()[0], "first: outside to actor: Get");
    seen.lock().clear();
    assert!(
        world.host.health().actors.len() == 2
            && seen.lock().iter().any(|line| line.contains("HealthRequest"))
    );
}

#[test]
fn a_layer_denies() {
    let deny = With(|call: &Call<'_>, next: Next<'_>| match call.target {
        Target::Provider { .. } if call.payload == b"secret" => {
            Err(Error::Denied { layer: "no-secrets", reason: "the payload is a secret".to_owned() })
        }
        _ => next.run(call),
    });
    let world = World::with(|builder| builder.layer(deny));
    let provider = Recorder::new("store");
    let actor = world.add_linked(&provider);
    world.host.call(&actor, "Forward", b"public").unwrap();
    let error = world.host.call(&actor, "Forward", b"secret").unwrap_err();
    let denied = host_error(&error);
    assert!(matches!(denied, Error::Denied { layer: "no-secrets", .. }), "{error}");
    assert_eq!((denied.kind(), provider.calls()), (ErrorKind::Refused, 1));
}

#[test]
fn a_layer_rewrites_payloads_and_replies() {
    let rewrite = With(|call: &Call<'_>, next: Next<'_>| {
        let Target::Provider { .. } = call.target else { return next.run(call) };
        let payload = call.payload.to_ascii_uppercase();
        let reply = next.run(&call.with_payload(&payload))?;
        Ok([&reply[..], b"!"].concat().into())
    });
    let world = World::with(|builder| builder.layer(rewrite));
    let actor = world.add_linked(&Recorder::new("store"));
    assert_eq!(&world.host.call(&actor, "Forward", b"hello").unwrap()[..], b"store: HELLO!");
}

#[test]
fn a_layer_times_and_shortens_calls() {
    let times = Arc::<Mutex<Vec<Duration>>>::default();
    let timed = Arc::clone(&times);
    let time = With(move |call: &Call<'_>, next: Next<'_>| {
        let began = Instant::now();
        let context = call.context.clone().with_timeout(Duration::from_millis(20));
        let reply = next.run(&call.within(&context));
        timed.lock().push(began.elapsed());
        reply
    });
    let world = World::with(|builder| builder.layer(time).call_deadline(LONG));
    let actor = world.add(&crate::support::spinning());
    let error = world.host.call(&actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    let took = times.lock().pop().unwrap();
    assert!(Duration::from_millis(20) <= took && took < LONG / 2, "{took:?}");
}

#[test]
fn a_layer_grants_nothing_and_may_answer_by_itself() {
    let world = World::with(|builder| {
        builder.layer(With(|call: &Call<'_>, next: Next<'_>| {
            if call.operation == "Cached" { Ok("from the layer".into()) } else { next.run(call) }
        }))
    });
    let actor = world.add(&echo());
    assert_eq!(&world.host.call(&actor, "Cached", b"x").unwrap()[..], b"from the layer");
    let key = module_key();
    let wat = forwarder(STORE, "", "Get");
    let without = world.host.add_actor(world.sign(&wat, &key, |c| c)).unwrap();
    let error = world.host.call(&without, "Forward", b"").unwrap_err();
    assert_not_granted(host_error(&error), &without, STORE);
}

#[test]
fn a_layer_that_panics_ends_the_call_and_nothing_else() {
    let panics = With(|call: &Call<'_>, next: Next<'_>| match call.target {
        Target::Provider { .. } if call.payload == b"panic" => panic!("as it was asked to"),
        _ => next.run(call),
    });
    let world = World::with(|builder| builder.layer(panics));
    let actor = world.add_linked(&Recorder::new("store"));
    let error = world.host.call(&actor, "Forward", b"panic").unwrap_err();
    assert!(error.to_string().contains("as it was asked to"), "{error}");
    world.host.call(&actor, "Forward", b"").unwrap();
}

#[test]
fn a_layer_that_panics_when_an_actor_is_asked_for_its_health_is_told() {
    let panics = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&panics);
    let layer = With(move |call: &Call<'_>, next: Next<'_>| {
        assert!(!still.load(SeqCst), "the layer's own bug");
        next.run(call)
    });
    let world = World::with(|builder| builder.layer(layer));
    world.add(&echo());
    let health = world.host.health();
    assert!(health.to_string().contains("panicked: the layer's own bug"), "{health}");
    assert_eq!(health.abandoned, 0);
    panics.store(false, SeqCst);
    let health = world.host.health();
    assert!(health.healthy(), "{health}");
}

#[test]
fn a_delivery_that_a_layer_holds_while_its_link_is_ended_reaches_nobody() {
    let (hangs, is_inside, release) = hang();
    let holds = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&holds);
    let layer = With(move |call: &Call<'_>, next: Next<'_>| {
        if held.load(SeqCst) {
            hangs();
        }
        next.run(call)
    });
    let world = World::with(|builder| builder.layer(layer));
    let door = Recorder::delivering("door");
    let link = store_link(&world.add_linked(&door));
    let handle = door.handle_of(&link);
    handle.call(CallContext::new(), "echo", b"x").unwrap();
    holds.store(true, SeqCst);
    let late = thread::spawn(move || handle.call(CallContext::new(), "echo", b"x"));
    is_inside.recv_timeout(LONG).unwrap();
    world.host.unlink(&link).unwrap();
    drop(release);
    let error = late.join().unwrap().unwrap_err();
    assert!(matches!(error, DispatchError::Gone { .. }), "{error}");
}
