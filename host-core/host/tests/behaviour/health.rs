//! Health names what is not well.

use std::{
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use capability_claims::{ClaimsBuilder, Grant, GrantLimit};
use capability_provider::{CallContext, LinkConfig, LinkKey, LinkName, Provider};
use host_audit::OnFailure;
use host_core::Condition;

use crate::support::{
    Audited, Recorder, STORE, World, echo, failing, forwarder, hang, in_time, module_key, store, store_link,
    trapping, until,
};

#[test]
fn an_empty_host_is_well() {
    assert!(World::new().host.health().healthy());
}

#[test]
fn an_actor_with_its_links_up_is_well() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    let health = world.host.health();
    assert!(health.healthy(), "{health}");
    assert_eq!((&health.actors[0].id, health.actors[0].condition), (&actor, Condition::Healthy));
    assert!(health.links[0].up && health.links[0].reason.is_none());
}

#[test]
fn a_link_without_provider_is_named() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    let health = world.host.health();
    assert!(!health.healthy());
    assert_eq!(health.actors[0].condition, Condition::LinkDown);
    let line = format!("link `default` of {actor} to {STORE} is down: no provider");
    assert!(health.to_string().contains(&line), "{health}");
    let json = serde_json::to_value(&health).unwrap();
    assert_eq!(json["links"][0]["up"], false);
    assert_eq!(json["links"][0]["capability"], STORE);
    assert_eq!(json["actors"][0]["condition"], "link_down");

    world.host.add_provider(LinkName::default(), Recorder::new("two")).unwrap();
    assert!(world.host.health().healthy(), "it is up again");
}

#[test]
fn a_provider_that_is_not_well_takes_its_links_down() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    world.add_linked(&provider);
    provider.ill.store(true, Ordering::SeqCst);
    let health = world.host.health();
    assert!(!health.healthy());
    assert!(health.links[0].reason.as_deref().unwrap().contains("it is ill"), "{health}");
    assert_eq!(health.actors[0].condition, Condition::LinkDown);
}

#[test]
fn an_actor_that_answers_with_an_error_is_not_well() {
    let world = World::new();
    world.add(&failing("my feet hurt"));
    let well = world.host.add_actor(world.sign(&echo(), &module_key(), |c| c.name("well"))).unwrap();
    let health = world.host.health();
    assert!(!health.healthy());
    let (other, one): (Vec<_>, Vec<_>) = health.actors.iter().partition(|actor| actor.id == well);
    assert_eq!((other[0].condition, one[0].condition), (Condition::Healthy, Condition::Failing));
    assert!(one[0].detail.as_deref().unwrap().contains("my feet hurt"), "{health}");
}

#[test]
fn an_actor_that_does_not_answer_its_health_request_is_not_well() {
    let world = World::with(|builder| builder.call_deadline(Duration::from_millis(50)));
    let never = r#"(module (memory (export "memory") 1) (func (export "__guest_call") (param i32 i32) (result i32)
        (loop $again (br $again)) (unreachable)))"#;
    world.add(never);
    let health = world.host.health();
    assert_eq!(health.actors[0].condition, Condition::Failing);
    assert!(health.to_string().contains("did not answer `HealthRequest`"), "{health}");
}

/// Within how long everybody has to answer, and how much longer the answer may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(2);
const BUSY: Duration = Duration::from_secs(3);

#[test]
fn actors_that_hang_are_asked_at_once_and_have_one_deadline() {
    let world = World::new();
    let never = r#"(module (memory (export "memory") 1) (func (export "__guest_call") (param i32 i32) (result i32)
        (loop $again (br $again)) (unreachable)))"#;
    for _ in 0..4 {
        world.add(never);
    }
    let well = world.add(&echo());
    let began = Instant::now();
    let health = world.host.health();
    assert!(began.elapsed() < PATIENCE + BUSY, "{:?}", began.elapsed());
    for actor in &health.actors {
        let expected = if actor.id == well { Condition::Healthy } else { Condition::Failing };
        assert_eq!(actor.condition, expected, "{health}");
    }
}

#[test]
fn a_provider_that_hangs_when_it_is_asked_is_not_well_and_is_not_asked_again_meanwhile() {
    let world = World::new();
    let (hangs, _is_inside, release) = hang();
    let asked = Arc::new(AtomicUsize::new(0));
    let times = Arc::clone(&asked);
    let hung = Recorder::asked("hung", move || {
        times.fetch_add(1, Ordering::SeqCst);
        hangs();
    });
    let (well, both) =
        (Recorder::of("test:other", "well"), |c: ClaimsBuilder| c.capability(STORE).capability("test:other"));
    let actor = world.host.add_actor(world.sign(&echo(), &module_key(), both)).unwrap();
    world.host.add_provider(LinkName::default(), hung).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    world.host.add_provider(LinkName::default(), well.clone()).unwrap();
    world.host.link(&LinkKey::new(actor, well.capability(), LinkName::default()), LinkConfig::new()).unwrap();
    for _ in 0..2 {
        let (host, began) = (world.host.clone(), Instant::now());
        let health = in_time(move || host.health());
        assert!(began.elapsed() < PATIENCE + BUSY, "{:?}", began.elapsed());
        let up: Vec<_> = health.links.iter().map(|link| (link.capability.as_str(), link.up)).collect();
        assert_eq!(up, [("test:other", true), (STORE, false)], "{health}");
        assert!(health.to_string().contains("did not answer within 2s"), "{health}");
        assert_eq!((health.abandoned, asked.load(Ordering::SeqCst)), (1, 1));
    }
    drop(release);
    until("it answers", || world.host.status().abandoned == 0);
    assert!(world.host.health().healthy());
}

#[test]
fn those_who_ask_at_the_same_time_are_told_the_same() {
    let world = World::new();
    let (hangs, is_inside, release) = hang();
    let slow = Recorder::asked("slow", hangs);
    let link = store_link(&world.add_linked(&slow));
    let asking = [(); 2].map(|()| {
        let host = world.host.clone();
        std::thread::spawn(move || host.health())
    });
    is_inside.recv_timeout(crate::support::LONG).unwrap();
    drop(release);
    for asking in asking {
        let health = asking.join().unwrap();
        assert!(health.healthy(), "{link}: {health}");
    }
}

#[test]
fn asking_does_no_harm() {
    let world = World::new();
    world.add(&trapping());
    let linked = world.add_linked(&Recorder::answering("one", |_| panic!("health does not call it")));
    assert!(world.host.health().healthy());
    let other = world.add(&forwarder(STORE, "", "Work"));
    assert_eq!(world.host.health().actors.len(), 3);
    assert_ne!(linked, other);
}

/// The capability over which requests come.
const DOOR: &str = "wascc:http_server";

#[test]
fn a_swap_that_loses_the_grant_of_a_link_takes_it_down_for_the_provider_too() {
    let (world, key, door) = (World::new(), module_key(), Recorder::delivering_of(DOOR, "door"));
    let actor = world.host.add_actor(world.sign(&echo(), &key, |c| c.capability(DOOR))).unwrap();
    world.host.add_provider(LinkName::default(), door.clone()).unwrap();
    let link = LinkKey::new(actor, door.capability(), LinkName::default());
    world.host.link(&link, LinkConfig::new()).unwrap();
    let handle = door.handle_of(&link);
    let both_well = || (world.host.health().healthy(), handle.health().is_ok());
    assert_eq!(both_well(), (true, true));

    world.host.replace_actor(world.sign(&echo(), &key, |c| c)).unwrap();
    assert!(handle.call(CallContext::new(), "HandleRequest", b"").is_err());
    assert_eq!(both_well(), (false, false));
    let health = world.host.health();
    assert_eq!(health.actors[0].condition, Condition::LinkDown);
    assert!(health.links[0].reason.as_deref().unwrap().contains("not grant"), "{health}");

    world.host.replace_actor(world.sign(&echo(), &key, |c| c.capability(DOOR))).unwrap();
    assert_eq!(both_well(), (true, true));
    // The same where the policy leaves the capability, but not what the provider sends.
    let limited = |limit| world.trust().limit(world.account(), limit).unwrap();
    let other = Grant::of(DOOR).operation("Other");
    world.host.replace_policy(limited(GrantLimit::nothing().and(other))).unwrap();
    assert_eq!(both_well(), (false, false));
    world.host.replace_policy(world.trust()).unwrap();
    assert_eq!(both_well(), (true, true));
}

#[test]
fn a_link_to_a_store_is_down_when_the_policy_leaves_nothing_of_it() {
    let world = World::new();
    world.add_linked(&Recorder::new("one"));
    let limited = |grant| world.trust().limit(world.account(), GrantLimit::nothing().and(grant)).unwrap();
    world.host.replace_policy(limited(Grant::of(STORE).operation("Read"))).unwrap();
    assert!(world.host.health().healthy(), "something is left");
    world.host.replace_policy(limited(Grant::of(STORE).link("second"))).unwrap();
    assert!(!world.host.health().links[0].up);
    world.host.replace_policy(limited(Grant::of("test:other"))).unwrap();
    assert!(!world.host.health().links[0].up);
}

#[test]
fn a_log_that_cannot_take_the_first_request_is_told_to_the_provider_until_it_can() {
    let (audited, door) = (Audited::new(OnFailure::Refuse), Recorder::delivering_of(DOOR, "door"));
    let actor = audited.host.add_actor(audited.sign(&echo(), &module_key(), |c| c.capability(DOOR))).unwrap();
    audited.host.add_provider(LinkName::default(), door.clone()).unwrap();
    let link = LinkKey::new(actor, door.capability(), LinkName::default());
    audited.host.link(&link, LinkConfig::new()).unwrap();
    let handle = door.handle_of(&link);
    assert!(handle.health().is_ok());

    // Before any request has failed, and after.
    audited.break_it();
    assert!(handle.health().is_err());
    assert!(!audited.host.health().healthy());
    assert!(handle.call(CallContext::new(), "HandleRequest", b"").is_err());
    assert!(handle.health().is_err());
    // Nothing happens but that it is asked again.
    audited.mend_it();
    assert!(handle.health().is_ok());
    assert!(audited.host.health().healthy());
    assert_eq!(audited.of("log_resumed").len(), 1);

    // What is recorded needs no record, so that it goes on.
    handle.call(CallContext::new(), "HandleRequest", b"").unwrap();
    audited.break_it();
    handle.call(CallContext::new(), "HandleRequest", b"").unwrap();
    assert!(handle.health().is_ok());
    assert!(!audited.host.health().healthy(), "the log itself is not well");
    audited.mend_it();
}
