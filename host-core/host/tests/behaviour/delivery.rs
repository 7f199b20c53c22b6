//! Providers deliver to the actors they are linked to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use capability_claims::Clock;
use capability_provider::{ActorHandle, ActorId, CallContext, DispatchError, LinkConfig, LinkName};

use crate::support::{
    NOW, Recorder, STORE, World, echo, failing, forwarder, module_key, saying, spinning, store, store_link,
    trapping,
};

/// A delivering provider's handle on an actor that is granted its capability.
fn handle(world: &World, wat: &str) -> ActorHandle {
    let actor = world.add(wat);
    let provider = Recorder::delivering("door");
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    provider.handle_of(&store_link(&actor))
}

#[test]
fn a_request_reaches_the_actor_and_its_reply_comes_back() {
    let world = World::new();
    let handle = handle(&world, &echo());
    assert_eq!(&handle.call(CallContext::new(), "HandleRequest", b"a request").unwrap()[..], b"a request");
}

#[test]
fn an_actor_that_was_not_granted_the_capability_is_not_delivered_to() {
    let (world, provider) = (World::new(), Recorder::delivering("door"));
    let actor =
        world.host.add_actor(world.sign(&echo(), &module_key(), |c| c.capability("test:other"))).unwrap();
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let error =
        provider.handle_of(&store_link(&actor)).call(CallContext::new(), "HandleRequest", b"").unwrap_err();
    assert!(
        matches!(&error, DispatchError::Refused { actor: who, reason } if *who == actor && reason.contains(STORE)),
        "{error}"
    );
}

#[test]
fn the_next_request_reaches_the_new_version() {
    let (world, key) = (World::new(), module_key());
    let provider = Recorder::delivering("door");
    let actor = world.host.add_actor(world.sign(&saying("one"), &key, |c| c.capability(STORE))).unwrap();
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let handle = provider.handle_of(&store_link(&actor));
    assert_eq!(&handle.call(CallContext::new(), "HandleRequest", b"").unwrap()[..], b"one");
    world.host.replace_actor(world.sign(&saying("two"), &key, |c| c.capability(STORE))).unwrap();
    assert_eq!(&handle.call(CallContext::new(), "HandleRequest", b"").unwrap()[..], b"two");
    assert_eq!(provider.events().len(), 1, "nothing was linked anew");
}

#[test]
fn a_handle_leads_nowhere_after_its_link_was_ended() {
    type End = fn(&World, &ActorId);
    let ends: [End; 4] = [
        |world, actor| world.host.unlink(&store_link(actor)).unwrap(),
        |world, actor| world.host.remove_actor(actor).unwrap(),
        |world, _| world.host.remove_provider(&store(), &LinkName::default()).unwrap(),
        |world, _| {
            world.host.replace_provider(LinkName::default(), Recorder::new("next")).unwrap();
            world.settle();
        },
    ];
    for end in ends {
        let world = World::new();
        let handle = handle(&world, &echo());
        end(&world, handle.actor());
        let error = handle.call(CallContext::new(), "HandleRequest", b"").unwrap_err();
        assert!(matches!(&error, DispatchError::Gone { link } if link == handle.link()), "{error}");
        assert!(matches!(handle.health(), Err(DispatchError::Gone { .. })));
    }
}

#[test]
fn a_handle_outlives_its_host_without_harm() {
    let world = World::new();
    let handle = handle(&world, &echo());
    world.host.shutdown();
    assert!(handle.call(CallContext::new(), "HandleRequest", b"").is_err() && handle.health().is_err());
    drop(world);
    assert!(matches!(
        handle.call(CallContext::new(), "HandleRequest", b""),
        Err(DispatchError::Refused { .. })
    ));
}

#[test]
fn an_actors_own_error_comes_in_its_own_words() {
    let error = handle(&World::new(), &failing("no such page"))
        .call(CallContext::new(), "HandleRequest", b"")
        .unwrap_err();
    assert!(matches!(&error, DispatchError::Actor { text } if text == "no such page"), "{error}");
}

#[test]
fn a_trap_is_a_failure() {
    let error =
        handle(&World::new(), &trapping()).call(CallContext::new(), "HandleRequest", b"").unwrap_err();
    assert!(matches!(error, DispatchError::Failed { .. }), "{error}");
}

#[test]
fn an_actor_that_does_not_answer_is_late() {
    let limit = Duration::from_millis(50);
    let world = World::with(|builder| builder.call_deadline(limit));
    let error = handle(&world, &spinning()).call(CallContext::new(), "HandleRequest", b"").unwrap_err();
    assert!(matches!(error, DispatchError::DeadlineExceeded { .. }), "{error}");
}

#[test]
fn a_request_over_the_limit_is_too_large() {
    let world = World::with(|builder| builder.payload_limit(100));
    let error = handle(&world, &echo()).call(CallContext::new(), "HandleRequest", &[0; 101]).unwrap_err();
    assert!(matches!(error, DispatchError::TooLarge { size: 101, limit: 100, .. }), "{error}");
}

#[test]
fn what_a_store_refuses_as_too_large_is_told_apart_from_a_failure() {
    let world = World::new();
    let door = Recorder::delivering_and("door", |call| {
        let operation = call.operation.to_owned();
        Err(capability_provider::ProviderError::TooLarge { operation, size: 2000, limit: 1024 })
    });
    let link = store_link(&world.add_linked(&door));
    let error = door.handle_of(&link).call(CallContext::new(), "HandleRequest", b"x").unwrap_err();
    assert!(
        matches!(&error, DispatchError::InputTooLarge { capability, size: 2000, limit: 1024, .. }
            if capability == STORE),
        "{error:?}"
    );
}

#[test]
fn a_missing_capability_is_named_to_the_provider() {
    let (world, key) = (World::new(), module_key());
    let door = Recorder::delivering("door");
    let module = world
        .sign(&forwarder("test:other", "", "Work"), &key, |c| c.capability(STORE).capability("test:other"));
    let actor = world.host.add_actor(module).unwrap();
    let other = capability_provider::CapabilityId::new("test:other").unwrap();
    world.host.add_provider(LinkName::default(), door.clone()).unwrap();
    world.host.add_provider(LinkName::default(), Recorder::of("test:other", "store")).unwrap();
    let link = store_link(&actor);
    world.host.link(&link, LinkConfig::new()).unwrap();
    world
        .host
        .link(&capability_provider::LinkKey { capability: other.clone(), ..link.clone() }, LinkConfig::new())
        .unwrap();
    let handle = door.handle_of(&link);
    assert_eq!(&handle.call(CallContext::new(), "HandleRequest", b"x").unwrap()[..], b"store: x");

    world.host.remove_provider(&other, &LinkName::default()).unwrap();
    for error in
        [handle.call(CallContext::new(), "HandleRequest", b"x").unwrap_err(), handle.health().unwrap_err()]
    {
        let DispatchError::CapabilityUnavailable { capability, link, .. } = &error else { panic!("{error}") };
        assert_eq!((capability.as_str(), link.as_str()), ("test:other", "default"));
    }
}

#[test]
fn a_provider_may_ask_for_the_actors_health() {
    let world = World::new();
    handle(&world, &echo()).health().unwrap();
    let world = World::new();
    let error = handle(&world, &failing("not well")).health().unwrap_err();
    assert!(matches!(&error, DispatchError::Actor { text } if text == "not well"), "{error}");
}

/// A clock that counts who looks at it: each decision is made for a time.
#[derive(Debug, Default)]
struct Counting(AtomicUsize);

impl Clock for Counting {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, SeqCst);
        NOW
    }
}

#[test]
fn a_call_is_decided_on_once_whoever_makes_it() {
    let clock = Arc::new(Counting::default());
    let world = World::with(|builder| builder.clock(Arc::clone(&clock) as _));
    let handle = handle(&world, &echo());
    for _ in 0..3 {
        let before = clock.0.load(SeqCst);
        handle.call(CallContext::new(), "HandleRequest", b"").unwrap();
        world.host.call(handle.actor(), "op", b"").unwrap();
        assert_eq!(clock.0.load(SeqCst) - before, 2);
    }
}
