//! Changes of different actors, places and links do not wait for each other, and nobody waits for a provider that hangs but who asked it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use capability_provider::{ActorId, CapabilityId, LinkConfig, LinkKey, LinkName, Provider, ProviderError};
use host_core::{Error, Host};

use crate::support::{
    Event, LONG, Recorder, STORE, World, assert_unavailable, calls_twice, echo, forwarder, hang, holding,
    in_time, module_key, saying, store, store_link, until,
};

/// A host that waits for providers and drains for ever, so that whoever does not come back waits for somebody.
fn patient() -> World {
    World::with(|builder| builder.provider_deadline(Duration::MAX).drain_deadline(Duration::MAX))
}

fn other_link(actor: &ActorId, provider: &Recorder) -> LinkKey {
    LinkKey::new(actor.clone(), provider.capability(), LinkName::default())
}

/// Everything that a stranger may want to do: adds an actor, links it over two providers, swaps it, replaces one of the providers, removes all.
fn live_beside(world: &World) {
    let (one, two, key) =
        (Recorder::of("test:other", "one"), Recorder::of("test:other", "two"), module_key());
    let versions = ["first", "second"].map(|text| world.sign(&saying(text), &key, |c| c.capability(STORE)));
    let host = world.host.clone();
    in_time(move || {
        let [first, second] = versions;
        let actor = host.add_actor(first).unwrap();
        host.add_provider(LinkName::default(), one.clone()).unwrap();
        host.link(&other_link(&actor, &one), LinkConfig::new()).unwrap();
        host.link(&store_link(&actor), LinkConfig::new()).unwrap();
        host.replace_actor(second).unwrap();
        assert_eq!(&host.call(&actor, "op", b"").unwrap()[..], b"second");
        host.replace_provider(LinkName::default(), two).unwrap();
        host.remove_provider(&one.capability(), &LinkName::default()).unwrap();
        host.remove_actor(&actor).unwrap();
    });
}

#[test]
fn a_provider_that_hangs_while_it_ends_a_link_keeps_no_stranger_waiting_and_no_end() {
    let world = World::with(|builder| {
        builder.provider_deadline(Duration::MAX).drain_deadline(Duration::from_millis(50))
    });
    let (hangs, is_inside, _release) = hang();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let mine = store_link(&actor);
    let hung = mine.clone();
    let provider = Recorder::unlinking("hangs", move |link| {
        if *link == hung {
            hangs()
        }
    });
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&mine, LinkConfig::new()).unwrap();
    let host = world.host.clone();
    thread::spawn(move || host.unlink(&mine));
    is_inside.recv_timeout(LONG).unwrap();

    live_beside(&world);
    assert_eq!(&world.host.call(&actor, "echo", b"x").unwrap()[..], b"x");
    let host = world.host.clone();
    in_time(move || host.shutdown());
}

#[test]
fn a_provider_that_hangs_while_it_makes_a_link_keeps_no_stranger_waiting() {
    let world = patient();
    let (hangs, is_inside, release) = hang();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let mine = store_link(&actor);
    let hung = mine.clone();
    let provider = Recorder::linking("hangs", move |link, _| {
        if *link == hung {
            hangs();
        }
        Ok(())
    });
    world.host.add_provider(LinkName::default(), provider).unwrap();
    let (host, link) = (world.host.clone(), mine.clone());
    let linking = thread::spawn(move || host.link(&link, LinkConfig::new()));
    is_inside.recv_timeout(LONG).unwrap();
    live_beside(&world);
    drop(release);
    linking.join().unwrap().unwrap();
    assert_eq!(world.host.status().links.len(), 1);
}

#[test]
fn what_drains_keeps_nobody_waiting() {
    let world = patient();
    let (provider, is_inside, release) = holding();
    let removed = world.add_linked(&provider);
    let link = |actor: &ActorId| world.host.link(&store_link(actor), LinkConfig::new()).unwrap();
    let stays = world.add(&forwarder(STORE, "", "Work"));
    link(&stays);
    let calls = [&removed, &stays].map(|actor| world.call_aside(actor));
    for _ in &calls {
        is_inside.recv_timeout(LONG).unwrap();
    }
    let (host, gone) = (world.host.clone(), removed.clone());
    in_time(move || {
        host.remove_actor(&gone).unwrap();
        host.replace_provider(LinkName::default(), Recorder::new("next")).unwrap();
    });
    assert!(matches!(world.host.call(&removed, "op", b""), Err(Error::UnknownActor { .. })));
    assert_eq!(&world.host.call(&stays, "Forward", b"x").unwrap()[..], b"next: x");
    assert_eq!(world.host.status().draining, 2);
    live_beside(&world);
    for _ in &calls {
        release.send(()).unwrap();
    }
    for call in calls {
        assert_eq!(&call.join().unwrap().unwrap()[..], b"done");
    }
    world.settle();
    assert_eq!((world.host.status().draining, provider.shutdowns()), (0, 1));
}

#[test]
fn a_link_that_is_made_too_late_is_an_error_and_is_ended_again() {
    let limit = Duration::from_millis(500);
    let world = World::with(|builder| builder.provider_deadline(limit));
    let (hangs, _is_inside, release) = hang();
    let first = AtomicBool::new(true);
    let provider = Recorder::linking("late", move |_, _| {
        if first.swap(false, SeqCst) {
            hangs();
        }
        Ok(())
    });
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let link = store_link(&actor);
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    // The second time it waits for the first, so that this one's end does not hit it.
    for doing in ["making a link", "ending a link"] {
        let error = world.host.link(&link, LinkConfig::new()).unwrap_err();
        let Error::ProviderLate { provider, doing: was, limit: told } = &error else { panic!("{error}") };
        assert_eq!((provider.as_str(), *was, *told), ("late", doing, limit));
    }
    let status = world.host.status();
    assert_eq!((status.abandoned, status.providers[0].abandoned, status.links.len()), (1, 1, 0));
    assert_eq!(world.host.health().abandoned, 1);

    drop(release);
    until("it comes back", || world.host.status().abandoned == 0);
    let made = Event::Link(link.clone(), LinkConfig::new());
    assert_eq!(provider.events(), [made.clone(), Event::Unlink(link.clone())]);
    world.host.link(&link, LinkConfig::new()).unwrap();
    assert_eq!(provider.events().last(), Some(&made));
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"late: x");
}

#[test]
fn only_so_many_calls_into_a_provider_are_left_behind() {
    let world = World::with(|builder| builder.provider_deadline(Duration::from_millis(200)));
    let (hangs, _is_inside, release) = hang();
    let hung = Recorder::linking("hung", move |_, _| {
        hangs();
        Ok(())
    });
    world.host.add_provider(LinkName::default(), hung).unwrap();
    let mut late = 0;
    let (held, limit) = loop {
        let actor = world.add(&echo());
        match world.host.link(&store_link(&actor), LinkConfig::new()) {
            Err(Error::ProviderLate { .. }) => late += 1,
            Err(Error::ProviderBusy { provider, held, limit }) => {
                assert_eq!(provider, "hung");
                break (held, limit);
            }
            other => panic!("{other:?}"),
        }
    };
    // Far fewer than there may be threads, so that others go on.
    assert_eq!((held, limit, late), (16, 16, 16));
    assert_eq!(world.host.status().providers[0].abandoned, late);
    drop(release);
    until("all come back", || world.host.status().abandoned == 0);
}

#[test]
fn a_provider_changes_from_inside_what_has_nothing_to_do_with_it() {
    let world = patient();
    let actor = world.add(&echo());
    let (inside, key) = (Arc::new(OnceLock::<Host>::new()), module_key());
    let [module, newer] = [1, 2].map(|revision| world.sign(&echo(), &key, |c| c.revision(revision)));
    let other = Recorder::of("test:other", "other");
    let (host, its) = (Arc::clone(&inside), Arc::clone(&other));
    let provider = Recorder::linking("busy", move |link, _| {
        let host = host.get().expect("it was set");
        let stranger = host.add_actor(module.clone()).unwrap();
        host.replace_actor(newer.clone()).unwrap();
        host.add_provider(LinkName::default(), its.clone()).unwrap();
        // Of the actor that it links too: the link is another.
        for actor in [&stranger, &link.actor] {
            host.link(&other_link(actor, &its), LinkConfig::new()).unwrap();
        }
        host.remove_actor(&stranger).unwrap();
        Ok(())
    });
    inside.set(world.host.clone()).unwrap();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    let host = world.host.clone();
    in_time(move || host.link(&store_link(&actor), LinkConfig::new()).unwrap());
    assert_eq!(world.host.status().links.len(), 2);
}

/// What a provider does to the host while it makes a link, and what the link comes to.
type Meddle = (fn(&Host, &LinkKey), fn(&Error) -> bool);

#[test]
fn a_provider_that_takes_away_what_it_links_gets_an_error_and_hangs_nothing() {
    let meddles: [Meddle; 3] = [
        (
            |host, _| host.remove_provider(&store(), &LinkName::default()).unwrap(),
            |error| matches!(error, Error::UnknownProvider { .. }),
        ),
        (
            |host, link| host.remove_actor(&link.actor).unwrap(),
            |error| matches!(error, Error::UnknownActor { .. }),
        ),
        (|host, _| host.shutdown(), |error| matches!(error, Error::ShuttingDown)),
    ];
    for (meddle, expected) in meddles {
        let world = World::with(|builder| builder.drain_deadline(Duration::from_millis(10)));
        let actor = world.add(&echo());
        let inside = Arc::new(OnceLock::<Host>::new());
        let host = Arc::clone(&inside);
        let provider = Recorder::linking("meddler", move |link, _| {
            meddle(host.get().expect("it was set"), link);
            Ok(())
        });
        inside.set(world.host.clone()).unwrap();
        world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
        let (host, link) = (world.host.clone(), store_link(&actor));
        let error = in_time(move || host.link(&link, LinkConfig::new()).unwrap_err());
        assert!(expected(&error), "{error}");
        // What it made it was told to end.
        assert_eq!(provider.events().iter().filter(|event| matches!(event, Event::Unlink(_))).count(), 1);
        assert!(world.host.status().links.is_empty());
    }
}

#[test]
fn a_replacement_inside_itself_is_an_error() {
    let world = patient();
    world.add_linked(&Recorder::new("one"));
    let inside = Arc::new(OnceLock::<Host>::new());
    let host = Arc::clone(&inside);
    let provider = Recorder::linking("meddler", move |_, _| {
        let host = host.get().expect("it was set");
        let error = host.replace_provider(LinkName::default(), Recorder::new("another")).unwrap_err();
        assert!(matches!(error, Error::Reentered), "{error}");
        Ok(())
    });
    inside.set(world.host.clone()).unwrap();
    let host = world.host.clone();
    in_time(move || host.replace_provider(LinkName::default(), provider).unwrap());
    assert_eq!(world.host.status().providers[0].name, "meddler");
}

#[test]
fn two_providers_that_wait_for_each_other_come_back() {
    let world = World::with(|builder| builder.provider_deadline(Duration::from_millis(500)));
    let actor = world.add(&echo());
    let inside = Arc::new(OnceLock::<Host>::new());
    let meeting = Arc::new(std::sync::Barrier::new(2));
    let links = ["test:one", "test:two"].map(|capability| {
        LinkKey::new(actor.clone(), CapabilityId::new(capability).unwrap(), LinkName::default())
    });
    for (at, capability) in ["test:one", "test:two"].into_iter().enumerate() {
        let (host, meeting) = (Arc::clone(&inside), Arc::clone(&meeting));
        let (other, first) = (links[1 - at].clone(), AtomicBool::new(true));
        let provider = Recorder::linking_of(capability, capability, move |_, _| {
            if first.swap(false, SeqCst) {
                meeting.wait();
            }
            host.get().expect("it was set").link(&other, LinkConfig::new()).map_err(|error| {
                ProviderError::Failed { operation: "link".to_owned(), source: Box::new(error) }
            })
        });
        world.host.add_provider(LinkName::default(), provider).unwrap();
    }
    inside.set(world.host.clone()).unwrap();
    let linking = links.map(|link| {
        let host = world.host.clone();
        thread::spawn(move || host.link(&link, LinkConfig::new()))
    });
    for thread in linking {
        let error = in_time(move || thread.join().unwrap()).unwrap_err();
        assert!(matches!(error, Error::ProviderLate { .. } | Error::LinkFailed { .. }), "{error}");
    }
    until("all come back", || world.host.status().abandoned == 0);
}

#[test]
fn a_link_that_is_made_while_its_provider_is_replaced_is_made_with_the_next() {
    let world = patient();
    let (hangs, is_inside, release) = hang();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let link = store_link(&actor);
    let (old, new) = (
        Recorder::linking("old", move |_, _| {
            hangs();
            Ok(())
        }),
        Recorder::new("new"),
    );
    world.host.add_provider(LinkName::default(), old.clone()).unwrap();
    let (host, its) = (world.host.clone(), link.clone());
    let linking = thread::spawn(move || host.link(&its, LinkConfig::new()));
    is_inside.recv_timeout(LONG).unwrap();
    let (host, next) = (world.host.clone(), Arc::clone(&new));
    in_time(move || host.replace_provider(LinkName::default(), next).unwrap());
    drop(release);
    linking.join().unwrap().unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"new: x");
    world.settle();
    let made = Event::Link(link.clone(), LinkConfig::new());
    assert_eq!(old.events(), [made.clone(), Event::Unlink(link), Event::Shutdown]);
    assert_eq!(new.events(), [made]);
}

#[test]
fn a_link_that_is_made_while_the_next_provider_makes_the_others_is_made_there_too() {
    let world = patient();
    let (hangs, is_inside, release) = hang();
    let first = world.add_linked(&Recorder::new("old"));
    let second = world.add(&forwarder(STORE, "", "Work"));
    let new = Recorder::linking("new", move |_, _| {
        hangs();
        Ok(())
    });
    let (host, next) = (world.host.clone(), Arc::clone(&new));
    let replacing = thread::spawn(move || host.replace_provider(LinkName::default(), next));
    is_inside.recv_timeout(LONG).unwrap();
    // One link comes and one goes meanwhile.
    world.host.link(&store_link(&second), LinkConfig::new()).unwrap();
    assert_eq!(&world.host.call(&second, "Forward", b"x").unwrap()[..], b"old: x");
    world.host.unlink(&store_link(&first)).unwrap();
    drop(release);
    replacing.join().unwrap().unwrap();
    assert_eq!(&world.host.call(&second, "Forward", b"x").unwrap()[..], b"new: x");
    world.settle();
    let [first, second] = [first, second].map(|actor| store_link(&actor));
    let made = |link: &LinkKey| Event::Link(link.clone(), LinkConfig::new());
    assert_eq!(new.events(), [made(&first), made(&second), Event::Unlink(first)]);
}

#[test]
fn a_link_that_is_declared_anew_while_the_next_provider_makes_the_others_is_ended_and_made_again_there() {
    let world = patient();
    let (hangs, is_inside, release) = hang();
    world.host.add_provider(LinkName::default(), Recorder::new("old")).unwrap();
    let mut links = [(); 2].map(|()| store_link(&world.add(&forwarder(STORE, "", "Work"))));
    // They are made in this order.
    links.sort();
    links.iter().for_each(|link| world.host.link(link, LinkConfig::new()).unwrap());
    let [first, second] = links;
    let last = second.clone();
    let new = Recorder::linking("new", move |link, _| {
        if *link == last {
            hangs();
        }
        Ok(())
    });
    let (host, next) = (world.host.clone(), Arc::clone(&new));
    let replacing = thread::spawn(move || host.replace_provider(LinkName::default(), next));
    is_inside.recv_timeout(LONG).unwrap();
    let config = LinkConfig::new().with("url", "another");
    world.host.unlink(&first).unwrap();
    world.host.link(&first, config.clone()).unwrap();
    drop(release);
    replacing.join().unwrap().unwrap();
    world.settle();
    let made = |link: &LinkKey| Event::Link(link.clone(), LinkConfig::new());
    let again = Event::Link(first.clone(), config);
    assert_eq!(new.events(), [made(&first), made(&second), Event::Unlink(first.clone()), again]);
    assert_eq!(&world.host.call(&first.actor, "Forward", b"x").unwrap()[..], b"new: x");
}

#[test]
fn a_provider_that_comes_back_while_it_still_drains_is_not_shut_down() {
    let world = patient();
    let mut links = [(); 2].map(|()| store_link(&world.add(&forwarder(STORE, "", "Work"))));
    // They are made in this order.
    links.sort();
    let (hangs, is_inside, release) = hang();
    let last = links[1].clone();
    let provider = Recorder::unlinking("back", move |link| {
        if *link == last {
            hangs();
        }
    });
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    links.iter().for_each(|link| world.host.link(link, LinkConfig::new()).unwrap());
    world.host.replace_provider(LinkName::default(), Recorder::new("next")).unwrap();
    is_inside.recv_timeout(LONG).unwrap();
    let (host, back) = (world.host.clone(), Arc::clone(&provider));
    let replacing = thread::spawn(move || host.replace_provider(LinkName::default(), back));
    let made = Event::Link(links[0].clone(), LinkConfig::new());
    until("it makes the first link again", || provider.events().last() == Some(&made));
    drop(release);
    replacing.join().unwrap().unwrap();
    world.settle();
    assert_eq!(provider.shutdowns(), 0);
    for link in &links {
        assert_eq!(&world.host.call(&link.actor, "Forward", b"x").unwrap()[..], b"back: x");
    }
}

#[test]
fn an_actor_that_leaves_is_linked_to_nobody_any_more() {
    let world = patient();
    let (hangs, is_inside, release) = hang();
    let actor = world.add(&echo());
    let other = Recorder::of("test:other", "other");
    world.host.add_provider(LinkName::default(), Recorder::front("door", move |_| hangs())).unwrap();
    world.host.add_provider(LinkName::default(), other.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let (host, its) = (world.host.clone(), actor.clone());
    let removal = thread::spawn(move || host.remove_actor(&its));
    is_inside.recv_timeout(LONG).unwrap();
    let (host, link) = (world.host.clone(), other_link(&actor, &other));
    let error = in_time(move || host.link(&link, LinkConfig::new()).unwrap_err());
    assert!(matches!(error, Error::UnknownActor { .. }), "{error}");
    assert_eq!(other.events(), [], "it was not asked");
    drop(release);
    removal.join().unwrap().unwrap();
}

#[test]
fn an_actor_that_comes_back_is_linked_again_only_when_its_old_link_has_ended() {
    let world = patient();
    let (provider, is_inside, release) = holding();
    let key = module_key();
    let module = world.sign(&forwarder(STORE, "", "Work"), &key, |c| c.capability(STORE));
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    let actor = world.host.add_actor(module.clone()).unwrap();
    let link = store_link(&actor);
    world.host.link(&link, LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    world.host.remove_actor(&actor).unwrap();
    world.host.add_actor(module).unwrap();
    assert_eq!(&world.host.call(&actor, "echo", b"again").unwrap()[..], b"again");
    let (host, again) = (world.host.clone(), link.clone());
    let linking = thread::spawn(move || host.link(&again, LinkConfig::new()));
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"done");
    linking.join().unwrap().unwrap();
    let made = Event::Link(link.clone(), LinkConfig::new());
    assert_eq!(provider.events(), [made.clone(), Event::Unlink(link), made]);
    release.send(()).unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"").unwrap()[..], b"done");
}

#[test]
fn a_provider_that_is_replaced_while_an_actor_leaves_ends_its_links_and_then_itself() {
    let world = patient();
    let (old, is_inside, release) = holding();
    let actor = world.add(&calls_twice(STORE, "Work"));
    world.host.add_provider(LinkName::default(), old.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    world.host.remove_actor(&actor).unwrap();
    world.host.replace_provider(LinkName::default(), Recorder::new("new")).unwrap();
    assert_eq!(old.shutdowns(), 0, "a call is in flight there");
    release.send(()).unwrap();
    // What the call asks for next has no provider any more: the new one was never linked to who leaves.
    assert_unavailable(&in_time(move || call.join().unwrap()).unwrap_err());
    world.settle();
    let link = store_link(&actor);
    let made = Event::Link(link.clone(), LinkConfig::new());
    assert_eq!(old.events(), [made, Event::Unlink(link), Event::Shutdown]);
}
