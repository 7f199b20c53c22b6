//! Adding, removing and replacing providers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use capability_provider::{LinkConfig, LinkKey, LinkName, ProviderError};
use host_core::Error;

use crate::support::{
    Event, Recorder, STORE, World, assert_unavailable, forwarder, host_error, store, store_link,
};

#[test]
fn a_place_takes_one_provider() {
    let world = World::new();
    world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    let error = world.host.add_provider(LinkName::default(), Recorder::new("two")).unwrap_err();
    assert!(matches!(&error, Error::ProviderExists { provider, .. } if provider == "one"), "{error}");
    world.host.add_provider(LinkName::new("other").unwrap(), Recorder::new("two")).unwrap();
    world.host.add_provider(LinkName::default(), Recorder::of("test:other", "three")).unwrap();
    assert_eq!(world.host.status().providers.len(), 3);
}

#[test]
fn taking_the_provider_away_is_named_and_the_host_stays_up() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add_linked(&provider);
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    world.settle();
    assert_eq!(provider.events()[1..], [Event::Unlink(store_link(&actor)), Event::Shutdown]);

    let error = world.host.call(&actor, "Forward", b"x").unwrap_err();
    assert_unavailable(&error);
    assert!(matches!(host_error(&error), Error::CapabilityUnavailable { .. }), "{error}");
    assert!(error.to_string().contains("test:store (link `default`) is not available"), "{error}");
    assert_eq!(
        &world.host.call(&actor, "echo", b"up").unwrap()[..],
        b"up",
        "what needs no store still works"
    );

    let error = world.host.remove_provider(&store(), &LinkName::default()).unwrap_err();
    assert!(matches!(error, Error::UnknownProvider { .. }), "{error}");
}

#[test]
fn a_provider_that_comes_back_gets_the_declared_links() {
    let world = World::new();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let config = LinkConfig::new().with("url", "there");
    world.host.add_provider(LinkName::default(), Recorder::new("one")).unwrap();
    world.host.link(&store_link(&actor), config.clone()).unwrap();
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();

    let back = Recorder::new("back");
    world.host.add_provider(LinkName::default(), back.clone()).unwrap();
    assert_eq!(back.events(), [Event::Link(store_link(&actor), config)]);
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"back: x");
}

#[test]
fn a_replacement_serves_the_next_call() {
    let (world, old, new) = (World::new(), Recorder::new("old"), Recorder::new("new"));
    let actor = world.add_linked(&old);
    world.host.replace_provider(LinkName::default(), new.clone()).unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"new: x");
    world.settle();
    assert_eq!(old.events()[1..], [Event::Unlink(store_link(&actor)), Event::Shutdown]);
    assert_eq!(new.events(), [Event::Link(store_link(&actor), LinkConfig::new())]);
    assert_eq!(Arc::strong_count(&old), 1, "the host let it go");
}

#[test]
fn only_what_is_there_can_be_replaced() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let error = world.host.replace_provider(LinkName::default(), provider.clone()).unwrap_err();
    assert!(matches!(error, Error::UnknownProvider { .. }), "{error}");
    let actor = world.add_linked(&provider);
    let error = world.host.replace_provider(LinkName::default(), provider.clone()).unwrap_err();
    assert!(matches!(error, Error::ProviderExists { .. }), "it is not replaced by itself: {error}");
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
}

#[test]
fn a_provider_that_is_provided_again_stays() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let actor = world.add(&forwarder(STORE, "", "Work"));
    // Each time in another `Arc` around it.
    world.host.provide(Arc::clone(&provider)).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    world.host.provide(Arc::clone(&provider)).unwrap();
    world.settle();
    assert_eq!(provider.events(), [Event::Link(store_link(&actor), LinkConfig::new())]);
    // In two places it is shut down when it has left both.
    world.host.add_provider(LinkName::new("other").unwrap(), Arc::new(Arc::clone(&provider))).unwrap();
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    world.settle();
    assert_eq!(provider.shutdowns(), 0);
    world.host.remove_provider(&store(), &LinkName::new("other").unwrap()).unwrap();
    world.settle();
    assert_eq!(provider.shutdowns(), 1);
}

/// A provider that refuses the link of one actor, and one that would come after it.
fn refusing(refused: LinkKey) -> Arc<Recorder> {
    Recorder::linking("new", move |link, _| match *link == refused {
        false => Ok(()),
        true => Err(ProviderError::Unavailable { resource: "server".to_owned(), reason: "down".to_owned() }),
    })
}

#[test]
fn a_replacement_that_does_not_make_every_link_changes_nothing() {
    let (world, old) = (World::new(), Recorder::new("old"));
    let mut actors = vec![world.add_linked(&old)];
    actors.push(world.add(&forwarder(STORE, "", "Work")));
    world.host.link(&store_link(&actors[1]), LinkConfig::new()).unwrap();
    actors.sort();
    let new = refusing(store_link(&actors[1]));

    let error = world.host.replace_provider(LinkName::default(), new.clone()).unwrap_err();
    assert!(matches!(&error, Error::LinkFailed { link, .. } if *link == store_link(&actors[1])), "{error}");
    let made = store_link(&actors[0]);
    assert_eq!(new.events(), [Event::Link(made.clone(), LinkConfig::new()), Event::Unlink(made)]);
    for actor in &actors {
        assert_eq!(&world.host.call(actor, "Forward", b"x").unwrap()[..], b"old: x");
    }
    assert_eq!(old.shutdowns(), 0);
}

#[test]
fn a_returning_provider_that_does_not_make_every_link_is_not_added() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    let error = world.host.add_provider(LinkName::default(), refusing(store_link(&actor))).unwrap_err();
    assert!(matches!(error, Error::LinkFailed { .. }), "{error}");
    assert!(world.host.status().providers.is_empty());
    assert_unavailable(&world.host.call(&actor, "Forward", b"").unwrap_err());
}

#[test]
fn a_provider_in_two_places_is_shut_down_after_the_last() {
    let (world, provider) = (World::new(), Recorder::new("one"));
    let second = LinkName::new("second").unwrap();
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.add_provider(second.clone(), provider.clone()).unwrap();
    world.host.remove_provider(&store(), &LinkName::default()).unwrap();
    world.settle();
    assert_eq!(provider.shutdowns(), 0);
    world.host.remove_provider(&store(), &second).unwrap();
    world.settle();
    assert_eq!(provider.shutdowns(), 1);
}

#[test]
fn an_error_of_the_provider_reaches_actor_and_caller() {
    let world = World::new();
    let provider = Recorder::answering("one", |call| {
        let operation = call.operation.to_owned();
        Err(ProviderError::Rejected { operation, key: "k".to_owned(), reason: "too large".to_owned() })
    });
    let actor = world.add_linked(&provider);
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    let Error::Provider { source: ProviderError::Rejected { operation, .. }, .. } = host_error(&error) else {
        panic!("{error}")
    };
    assert_eq!(operation, "Work");
    assert!(error.to_string().contains("`Work` on `k` was not carried out: too large"), "{error}");
    assert_eq!(error.unavailable(), None, "the store is there");
}

#[test]
fn a_provider_whose_server_is_down_counts_as_unavailable() {
    let world = World::new();
    let provider = Recorder::answering("one", |_| {
        Err(ProviderError::Unavailable { resource: "server".to_owned(), reason: "refused".to_owned() })
    });
    let actor = world.add_linked(&provider);
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    assert_unavailable(&error);
    assert!(error.unavailable().unwrap().reason.contains("server is not available: refused"));
}

#[test]
fn a_reply_of_a_provider_is_held_to_the_hosts_limit_which_the_provider_is_told() {
    let world = World::with(|builder| builder.payload_limit(100));
    let told = Arc::new(AtomicUsize::new(0));
    let note = Arc::clone(&told);
    let provider = Recorder::answering("one", move |call| {
        note.store(call.reply_limit.unwrap_or_default(), Ordering::Relaxed);
        Ok(vec![b'x'; 100 + call.payload.len()].into())
    });
    let actor = world.add_linked(&provider);
    assert_eq!(world.host.call(&actor, "Forward", b"").unwrap().len(), 100);
    assert_eq!(told.load(Ordering::Relaxed), 100);
    let error = world.host.call(&actor, "Forward", b"1").unwrap_err();
    assert!(
        matches!(
            host_error(&error),
            Error::Provider { source: ProviderError::ReplyTooLarge { size: 101, limit: 100, .. }, .. }
        ),
        "{error}"
    );
}

#[test]
fn a_panic_of_the_provider_is_an_error_of_that_call() {
    let world = World::new();
    let provider = Recorder::answering("one", |call| match call.payload {
        b"panic" => panic!("the provider's own bug"),
        payload => Ok(payload.to_vec().into()),
    });
    let actor = world.add_linked(&provider);
    let error = world.host.call(&actor, "Forward", b"panic").unwrap_err();
    let Error::ProviderPanicked { provider, message, .. } = host_error(&error) else { panic!("{error}") };
    assert_eq!((provider.as_str(), message.as_str()), ("one", "the provider's own bug"));
    assert_eq!(&world.host.call(&actor, "Forward", b"fine").unwrap()[..], b"fine");
}

#[test]
fn a_panic_while_linking_leaves_no_link() {
    let world = World::new();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let provider = Recorder::linking("one", |_, _| panic!("the provider's own bug"));
    world.host.add_provider(LinkName::default(), provider).unwrap();
    let error = world.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    assert!(matches!(error, Error::ProviderPanicked { .. }), "{error}");
    assert!(world.host.status().links.is_empty());
}
