//! Health names what is not well.

use std::{sync::atomic::Ordering, time::Duration};

use capability_provider::LinkName;
use host_core::Condition;

use crate::support::{Recorder, STORE, World, echo, failing, forwarder, module_key, store, trapping};

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
