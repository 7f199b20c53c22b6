//! What calls of an actor find of earlier ones in its instances: the host's setting, or the actor's own.

use host_core::{AddOptions, Host, HostBuilder, Isolation};

use crate::support::{World, module_key};

/// Answers with how often its instance was called, as one byte.
const COUNTS: &str = r#"(module
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32)
        (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
        (call $response (i32.const 0) (i32.const 1)) (i32.const 1)))"#;

/// The same, with random bytes drawn in its start.
const DRAWS: &str = r#"(module
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func $start (drop (call $random (i32.const 8) (i32.const 8)))) (start $start)
    (func (export "__guest_call") (param i32 i32) (result i32)
        (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
        (call $response (i32.const 0) (i32.const 16)) (i32.const 1)))"#;

fn counts(host: &Host, actor: &host_core::ActorId) -> [u8; 3] {
    [(); 3].map(|()| host.call(actor, "count", b"").unwrap()[0])
}

#[test]
fn calls_find_what_the_host_or_the_actor_says() {
    const STAYS: [u8; 3] = [1, 2, 3];
    const GONE: [u8; 3] = [1; 3];
    for (hosts, own, found) in [
        (None, None, STAYS),
        (None, Some(Isolation::Pristine), GONE),
        (None, Some(Isolation::Fresh), GONE),
        (Some(Isolation::Pristine), None, GONE),
        (Some(Isolation::Pristine), Some(Isolation::Shared), STAYS),
    ] {
        let world = World::with(|builder: HostBuilder| match hosts {
            Some(isolation) => builder.isolation(isolation),
            None => builder,
        });
        let options = own.map_or_else(AddOptions::new, |own| AddOptions::new().isolation(own));
        let key = module_key();
        let version = |revision| world.sign(COUNTS, &key, |claims| claims.revision(revision));
        let actor = world.host.add_actor_with(version(1), options).unwrap();
        for revision in [2, 3] {
            assert_eq!(counts(&world.host, &actor), found, "{hosts:?} {own:?}, before revision {revision}");
            world.host.replace_actor(version(revision)).unwrap();
        }
        let status = world.host.status();
        let expected = own.or(hosts).unwrap_or_default();
        assert_eq!(status.actors[0].isolation, format!("{expected:?}").to_lowercase());
        assert_eq!(status.actors[0].not_pristine, None);
    }
}

#[test]
fn an_actor_that_cannot_be_put_back_gets_fresh_instances_and_says_why() {
    let world = World::with(|builder: HostBuilder| builder.isolation(Isolation::Pristine));
    let add = |options| {
        let module = world.sign(DRAWS, &module_key(), |claims| claims);
        world.host.add_actor_with(module, options).unwrap()
    };
    let random = |actor| [(); 2].map(|()| world.host.call(actor, "draw", b"").unwrap()[8..].to_vec());
    let strict = add(AddOptions::new());
    let [one, other] = random(&strict);
    assert_ne!(one, other);
    let status = world.host.status();
    assert_eq!(status.actors[0].isolation, "fresh");
    let reason = status.actors[0].not_pristine.as_deref().unwrap();
    assert!(reason.contains("random"), "{reason}");
    assert!(status.to_string().contains(reason), "{status}");
    world.host.remove_actor(&strict).unwrap();

    let frozen = add(AddOptions::new().frozen_start(true));
    let [one, other] = random(&frozen);
    assert_eq!(one, other, "the owner allowed it");
    assert_eq!(counts(&world.host, &frozen), [1; 3]);
    assert_eq!(world.host.status().actors[0].isolation, "pristine");
}
