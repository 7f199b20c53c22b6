//! The end of a host closes all fronts at once, answers what they accepted, and keeps to its deadline whoever hangs.

use std::{
    sync::{
        Arc, Barrier, OnceLock, Weak,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use capability_provider::{CallContext, LinkConfig, LinkKey, LinkName, Provider};
use crossbeam_channel::{bounded, unbounded};

use crate::support::{Event, LONG, Recorder, World, echo, hang, in_time, spinning, store, store_link, until};

/// Longer than the end of a host may take whose deadline is some milliseconds.
const SOON: Duration = Duration::from_secs(20);

/// As a listener does: what it accepted is delivered, by several workers, before the end of its link returns.
fn listener(accepted: usize, answered: Arc<AtomicUsize>) -> Arc<Recorder> {
    let front: Arc<OnceLock<Weak<Recorder>>> = Arc::default();
    let itself = Arc::clone(&front);
    let listener = Recorder::front("listener", move |link| {
        let (requests, inbox) = unbounded();
        (0..accepted).for_each(|request| requests.send(request).unwrap());
        drop(requests);
        let actor = itself.get().and_then(Weak::upgrade).expect("it is there").handle_of(link);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for request in &inbox {
                        let reply =
                            actor.call(CallContext::new(), "HandleRequest", request.to_string().as_bytes());
                        assert_eq!(reply.unwrap(), request.to_string());
                        answered.fetch_add(1, SeqCst);
                    }
                });
            }
        });
    });
    front.set(Arc::downgrade(&listener)).unwrap();
    listener
}

#[test]
fn requests_that_were_accepted_before_the_end_are_answered() {
    type End = fn(&World, &LinkKey);
    let ends: [End; 3] = [
        |world, _| world.host.shutdown(),
        |world, link| world.host.remove_actor(&link.actor).unwrap(),
        |world, link| world.host.remove_provider(&link.capability, &link.link).unwrap(),
    ];
    for end in ends {
        let (world, answered) = (World::new(), Arc::new(AtomicUsize::new(0)));
        let door = listener(32, Arc::clone(&answered));
        let link = store_link(&world.add(&echo()));
        world.host.add_provider(LinkName::default(), door.clone()).unwrap();
        world.host.link(&link, LinkConfig::new()).unwrap();
        end(&world, &link);
        assert_eq!(answered.load(SeqCst), 32);
        assert!(
            door.handle_of(&link).call(CallContext::new(), "HandleRequest", b"").is_err(),
            "it comes too late"
        );
    }
}

/// Three links of delivering providers, which end only when all three are being ended.
#[test]
fn all_fronts_are_closed_at_once() {
    for capabilities in [["a:one", "a:two", "a:three"], ["a:one"; 3]] {
        let world = World::with(|builder| builder.drain_deadline(LONG * 2));
        let all = Arc::new(Barrier::new(capabilities.len()));
        for (at, capability) in capabilities.into_iter().enumerate() {
            let all = Arc::clone(&all);
            let name = LinkName::new(&format!("link{at}")).unwrap();
            let door = Recorder::front_of(capability, "door", move |_| {
                all.wait();
            });
            let link = LinkKey::new(world.add(&echo()), door.capability(), name.clone());
            world.host.add_provider(name, door).unwrap();
            world.host.link(&link, LinkConfig::new()).unwrap();
        }
        let host = world.host.clone();
        in_time(move || host.shutdown());
    }
}

#[test]
fn one_provider_ends_all_of_its_links_at_once() {
    let world = World::with(|builder| builder.drain_deadline(LONG * 2));
    let all = Arc::new(Barrier::new(3));
    let door = Recorder::front("door", move |_| {
        all.wait();
    });
    world.host.add_provider(LinkName::default(), door.clone()).unwrap();
    for _ in 0..3 {
        world.host.link(&store_link(&world.add(&echo())), LinkConfig::new()).unwrap();
    }
    let host = world.host.clone();
    in_time(move || host.shutdown());
    assert_eq!(door.shutdowns(), 1);
}

#[test]
fn the_end_keeps_to_its_deadline_whoever_hangs() {
    let world = World::with(|builder| {
        builder.drain_deadline(Duration::from_millis(50)).provider_deadline(Duration::MAX)
    });
    let (hangs, is_inside, _release) = hang();
    // Three fronts, a store and a provider that is being removed hang while they end a link; two guests run for ever.
    for name in ["one", "two", "three"] {
        let hangs = hangs.clone();
        let (door, name) = (Recorder::front("door", move |_| hangs()), LinkName::new(name).unwrap());
        let link = LinkKey::new(world.add(&echo()), door.capability(), name.clone());
        world.host.add_provider(name, door).unwrap();
        world.host.link(&link, LinkConfig::new()).unwrap();
    }
    let well = Recorder::of("test:well", "well");
    for capability in ["test:store2", "test:store3"] {
        let hangs = hangs.clone();
        let store = Recorder::unlinking_of(capability, "store", move |_| hangs());
        let link = LinkKey::new(world.add(&echo()), store.capability(), LinkName::default());
        world.host.add_provider(LinkName::default(), store).unwrap();
        world.host.link(&link, LinkConfig::new()).unwrap();
    }
    world.host.add_provider(LinkName::default(), well.clone()).unwrap();
    let gone = capability_provider::CapabilityId::new("test:store3").unwrap();
    world.host.remove_provider(&gone, &LinkName::default()).unwrap();
    is_inside.recv_timeout(LONG).unwrap();
    let calls = [(); 2].map(|()| world.call_aside(&world.add(&spinning())));
    while world.host.status().actors.iter().map(|actor| actor.calls).sum::<usize>() < 2 {
        thread::yield_now();
    }

    let (host, began) = (world.host.clone(), Instant::now());
    in_time(move || host.shutdown());
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(well.shutdowns(), 1, "whoever does not hang is ended as ever");
    for call in calls {
        let error = call.join().unwrap().unwrap_err();
        assert!(matches!(error, host_core::Error::Ended { .. }), "{error}");
    }
}

#[test]
fn a_provider_whose_fronts_all_hang_has_only_so_many_threads_and_delivers_nothing_more() {
    let world = World::with(|builder| builder.drain_deadline(Duration::from_millis(100)));
    let (hangs, is_inside, release) = hang();
    let door = Recorder::front("door", move |_| hangs());
    world.host.add_provider(LinkName::default(), door.clone()).unwrap();
    let links = [(); 20].map(|()| store_link(&world.add(&echo())));
    for link in &links {
        world.host.link(link, LinkConfig::new()).unwrap();
        door.handle_of(link).call(CallContext::new(), "HandleRequest", b"").unwrap();
    }
    let host = world.host.clone();
    in_time(move || host.remove_provider(&store(), &LinkName::default()).unwrap());
    for link in &links {
        door.handle_of(link).call(CallContext::new(), "HandleRequest", b"").unwrap_err();
    }
    world.settle();
    assert_eq!((is_inside.len(), world.host.status().abandoned), (16, 16));
    drop(release);
    until("all come back", || world.host.status().abandoned == 0);
}

#[test]
fn the_end_waits_for_the_fronts_of_an_actor_that_is_just_removed() {
    let world = World::new();
    let (removing, is_removing) = bounded(1);
    let itself = Arc::<OnceLock<(Weak<Recorder>, Arc<Recorder>)>>::default();
    let others = Arc::clone(&itself);
    let door = Recorder::front("door", move |link| {
        let (door, well) = others.get().expect("it was set");
        removing.send(()).unwrap();
        // Until the host ends them all, which it must not before this is over; or for so long that it would have.
        let began = Instant::now();
        while well.shutdowns() == 0 && began.elapsed() < Duration::from_millis(300) {
            thread::yield_now();
        }
        let actor = door.upgrade().expect("it is there").handle_of(link);
        assert_eq!(actor.call(CallContext::new(), "HandleRequest", b"x").unwrap(), "x");
    });
    let well = Recorder::of("test:well", "well");
    assert!(itself.set((Arc::downgrade(&door), Arc::clone(&well))).is_ok());
    world.host.add_provider(LinkName::default(), well.clone()).unwrap();
    world.host.add_provider(LinkName::default(), door.clone()).unwrap();
    let link = store_link(&world.add(&echo()));
    world.host.link(&link, LinkConfig::new()).unwrap();
    let host = world.host.clone();
    let removal = thread::spawn(move || host.remove_actor(&link.actor));
    is_removing.recv_timeout(LONG).unwrap();
    let host = world.host.clone();
    in_time(move || host.shutdown());
    removal.join().unwrap().unwrap();
    let ended = door.events().iter().filter(|event| matches!(event, Event::Unlink(_))).count();
    assert_eq!((ended, door.shutdowns(), well.shutdowns()), (1, 1, 1), "its request was answered");
}
