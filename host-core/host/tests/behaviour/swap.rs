//! Another version takes an actor's place.

use crossbeam_channel::bounded;
use host_core::Error;

use crate::support::{
    LONG, Recorder, STORE, World, echo, forwarder, id_of, load, module_key, saying, store_link,
};

#[test]
fn the_next_call_is_served_by_the_new_version() {
    let (world, key) = (World::new(), module_key());
    let actor =
        world.host.add_actor(world.sign(&saying("one"), &key, |c| c.revision(1).version("1.0"))).unwrap();
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"one");
    world.host.replace_actor(world.sign(&saying("two"), &key, |c| c.revision(2).version("2.0"))).unwrap();
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"two");
    let status = world.host.status();
    assert_eq!(status.actors.len(), 1);
    assert_eq!(
        (status.actors[0].generation, status.actors[0].revision),
        (2, Some(2)),
        "it carries the new claims"
    );
}

#[test]
fn the_report_tells_what_changed() {
    let (world, key) = (World::new(), module_key());
    let old = world
        .sign(&echo(), &key, |c| c.revision(1).version("1.0").capability("a:stays").capability("b:goes"));
    let new = world
        .sign(&echo(), &key, |c| c.revision(2).version("2.0").capability("c:comes").capability("a:stays"));
    world.host.add_actor(old).unwrap();
    let report = world.host.replace_actor(new).unwrap();
    assert_eq!(report.actor, id_of(&key));
    assert_eq!(
        (report.from.generation, report.from.revision, report.from.version.as_deref()),
        (1, Some(1), Some("1.0"))
    );
    assert_eq!(
        (report.to.generation, report.to.revision, report.to.version.as_deref()),
        (2, Some(2), Some("2.0"))
    );
    assert_eq!(
        (&report.grants_gained[..], &report.grants_lost[..]),
        (&["c:comes".to_owned()][..], &["b:goes".to_owned()][..])
    );
    let text = report.to_string();
    assert!(
        text.contains("2.0 (revision 2) took the place of 1.0 (revision 1); gained: c:comes; lost: b:goes"),
        "{text}"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["actor"], &json["to"]["version"]), (&id_of(&key).as_str().into(), &"2.0".into()));
}

#[test]
fn links_outlive_a_swap_and_grants_are_the_new_tokens() {
    let (world, key) = (World::new(), module_key());
    let version = |claims: fn(capability_claims::ClaimsBuilder) -> capability_claims::ClaimsBuilder| {
        world.sign(&forwarder(STORE, "", "Work"), &key, claims)
    };
    let actor = world.host.add_actor(version(|c| c.capability(STORE))).unwrap();
    world.host.add_provider(Default::default(), Recorder::new("one")).unwrap();
    world.host.link(&store_link(&actor), Default::default()).unwrap();
    world.host.replace_actor(version(|c| c.capability(STORE))).unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
    world.host.replace_actor(version(|c| c)).unwrap();
    let error = world.host.call(&actor, "Forward", b"x").unwrap_err();
    assert!(error.to_string().contains("is not granted"), "{error}");
}

#[test]
fn a_swap_that_fails_leaves_the_old_version_serving() {
    let (world, key) = (World::new(), module_key());
    let actor = world.host.add_actor(world.sign(&saying("old"), &key, |c| c.revision(1))).unwrap();
    let cannot_start = r#"(module (memory (export "memory") 1) (func $start (unreachable)) (start $start)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let error = world.host.replace_actor(world.sign(cannot_start, &key, |c| c.revision(2))).unwrap_err();
    assert!(matches!(error, Error::CannotRun { .. }), "{error}");
    let mut altered = world.sign(&saying("new"), &key, |c| c.revision(2));
    let there = altered.windows(3).position(|window| window == b"new").unwrap();
    altered[there] ^= 1;
    assert!(matches!(world.host.replace_actor(altered), Err(Error::Refused { .. })));
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"old");
    assert_eq!(world.host.status().actors[0].generation, 1);
}

#[test]
fn a_call_belongs_to_the_version_it_started_on() {
    let (world, key) = (World::new(), module_key());
    let (entered, is_inside) = bounded(1);
    let (release, released) = bounded::<()>(1);
    let provider = Recorder::answering("store", move |_| {
        entered.send(()).unwrap();
        released.recv_timeout(LONG).unwrap();
        Ok("the old version's".into())
    });
    let old = world.sign(&forwarder(STORE, "", "Work"), &key, |c| c.capability(STORE));
    let actor = world.host.add_actor(old).unwrap();
    world.host.add_provider(Default::default(), provider).unwrap();
    world.host.link(&store_link(&actor), Default::default()).unwrap();

    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    let report = world.host.replace_actor(world.sign(&saying("new"), &key, |c| c)).unwrap();
    assert_eq!(report.draining, 1);
    assert_eq!(world.host.status().actors[0].draining, 1);
    assert_eq!(&world.host.call(&actor, "Forward", b"").unwrap()[..], b"new", "nobody waits");
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"the old version's");
    assert_eq!(world.host.status().actors[0].draining, 0);
}

#[test]
fn no_call_fails_while_versions_change_under_load() {
    let (world, key) = (World::new(), module_key());
    let versions = [saying("one"), saying("two")].map(|wat| world.sign(&wat, &key, |c| c));
    let actor = world.host.add_actor(versions[0].clone()).unwrap();
    let seen = load(&world, &actor, |some_calls| {
        for swap in 1..=20 {
            world.host.replace_actor(versions[swap % 2].clone()).unwrap();
            some_calls();
        }
    });
    for reply in seen {
        let reply = reply.expect("no call fails");
        assert!(&reply[..] == b"one" || &reply[..] == b"two", "{reply:?}");
    }
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"one", "the last swap's version");
    assert_eq!(world.host.status().actors[0].generation, 21);
}
