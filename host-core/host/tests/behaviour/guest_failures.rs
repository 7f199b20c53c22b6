//! Whatever goes wrong in an actor is told apart, and the next call is served.

use std::time::Duration;

use capability_provider::LinkName;
use host_core::Error;

use crate::support::{
    LONG, Recorder, World, echo, failing, holding, id_of, module_key, saying, spinning, trapping,
};

#[test]
fn an_actor_that_is_not_here() {
    let nobody = id_of(&module_key());
    let error = World::new().host.call(&nobody, "op", b"").unwrap_err();
    assert!(matches!(error, Error::UnknownActor { actor } if actor == nobody));
}

#[test]
fn an_error_of_the_actors_own() {
    let world = World::new();
    let actor = world.add(&failing("I would rather not"));
    let error = world.host.call(&actor, "Ask", b"").unwrap_err();
    let Error::Guest { operation, text, host_error, .. } = &error else { panic!("{error}") };
    assert_eq!((operation.as_str(), text.as_str()), ("Ask", "I would rather not"));
    assert!(host_error.is_none() && error.unavailable().is_none());
}

#[test]
fn a_trap() {
    let world = World::new();
    let actor = world.add(&trapping());
    let error = world.host.call(&actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::Trap { .. }), "{error}");
    assert!(world.host.call(&actor, "HealthRequest", b"").is_ok(), "another instance serves");
}

#[test]
fn a_call_that_takes_too_long() {
    let limit = Duration::from_millis(50);
    let world = World::with(|builder| builder.call_deadline(limit));
    let actor = world.add(&spinning());
    let error = world.host.call(&actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { limit: given, .. } if given == limit), "{error}");
    assert!(world.host.call(&actor, "HealthRequest", b"").is_ok());
}

#[test]
fn too_much_memory() {
    let world = World::with(|builder| builder.memory_limit(1 << 20));
    let grows = r#"(module (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32)
          (if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then (unreachable))) (i32.const 1)))"#;
    let actor = world.add(grows);
    let error = world.host.call(&actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { .. }), "{error}");
}

#[test]
fn a_payload_and_a_reply_over_the_limit() {
    let world = World::with(|builder| builder.payload_limit(10));
    let actor = world.add(&echo());
    assert!(world.host.call(&actor, "op", &[1; 10]).is_ok());
    let error = world.host.call(&actor, "op", &[1; 11]).unwrap_err();
    assert!(matches!(error, Error::PayloadTooLarge { what: "payload", size: 11, limit: 10, .. }), "{error}");
    let actor = world.add(&saying("twelve bytes"));
    let error = world.host.call(&actor, "op", b"").unwrap_err();
    assert!(matches!(error, Error::PayloadTooLarge { what: "reply", size: 12, limit: 10, .. }), "{error}");
}

#[test]
fn an_actor_that_breaks_the_protocol() {
    let world = World::new();
    let says_nothing = r#"(module (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 0)))"#;
    let wild_pointer = r#"(module (import "wapc" "__guest_request" (func $request (param i32 i32)))
        (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32)
          (call $request (i32.const -1) (i32.const -1)) (i32.const 1)))"#;
    for wat in [says_nothing, wild_pointer] {
        let actor = world.add(wat);
        let error = world.host.call(&actor, "op", b"payload").unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error}");
    }
}

#[test]
fn every_instance_is_in_use() {
    let world = World::with(|builder| builder.max_instances(1).max_wait(Duration::from_millis(10)));
    let (provider, is_inside, release) = holding();
    let actor = world.add_linked(&provider);
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    let error = world.host.call(&actor, "echo", b"").unwrap_err();
    assert!(matches!(error, Error::Busy { max: 1, .. }), "{error}");
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"done");
    assert!(world.host.call(&actor, "echo", b"").is_ok());
}

#[test]
fn a_provider_gets_the_time_that_the_call_has_left() {
    let limit = Duration::from_secs(30);
    let world = World::with(|builder| builder.call_deadline(limit));
    let provider = Recorder::answering("store", move |call| {
        let left = call.remaining().expect("a call has a deadline");
        assert!(left <= limit && left > limit / 2, "{left:?}");
        Ok(call.link.to_string().into())
    });
    let actor = world.add_linked(&provider);
    assert_eq!(&world.host.call(&actor, "Forward", b"").unwrap()[..], LinkName::DEFAULT.as_bytes());
}

#[test]
fn compiled_modules_are_kept_where_the_owner_says() {
    let directory =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cache-{}", std::process::id()));
    let world = World::with(|builder| builder.cache_dir(&directory));
    world.add(&echo());
    let entries = std::fs::read_dir(&directory).unwrap().count();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(entries > 0);
}
