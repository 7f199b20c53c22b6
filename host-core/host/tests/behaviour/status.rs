//! What runs in the host, as it is now.

use capability_provider::LinkName;

use crate::support::{NOW, Recorder, STORE, World, echo, module_key, store};

#[test]
fn an_actor_is_shown_with_its_token() {
    let (world, key) = (World::with(|builder| builder.max_instances(3)), module_key());
    let module = world.sign(&echo(), &key, |c| {
        c.name("counter")
            .version("1.2.0")
            .revision(7)
            .expires_at(NOW + 60)
            .capability("b:two")
            .capability("a:one")
    });
    let id = world.host.add_actor(module).unwrap();
    let status = world.host.status();
    let actor = &status.actors[0];
    assert_eq!((&actor.id, actor.name.as_deref()), (&id, Some("counter")));
    assert_eq!((actor.version.as_deref(), actor.revision), (Some("1.2.0"), Some(7)));
    assert_eq!(
        (actor.expires, &actor.grants[..]),
        (Some(NOW + 60), &["a:one".to_owned(), "b:two".to_owned()][..])
    );
    assert_eq!((actor.generation, actor.calls, actor.draining), (1, 0, 0));
    assert_eq!((actor.pool.max, actor.pool.idle, actor.pool.in_use), (3, 1, 0));
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["actors"][0]["id"], id.as_str());
    assert!(json["actors"][0]["issuer"].as_str().unwrap().starts_with('A'));
}

#[test]
fn links_are_shown_up_and_down() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    let status = world.host.status();
    assert_eq!((status.providers[0].name.as_str(), status.providers[0].capability.as_str()), ("one", STORE));
    assert_eq!((&status.links[0].actor, status.links[0].provider.as_deref()), (&actor, Some("one")));
    assert!(status.to_string().contains("up, one"), "{status}");

    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    let status = world.host.status();
    assert!(status.providers.is_empty());
    assert_eq!(status.links[0].provider, None, "it stays declared");
    assert!(status.to_string().contains("down, no provider"), "{status}");
    assert!(format!("{:?}", world.host).contains(actor.as_str()));
}
