//! Changes of the host come from any thread and from anywhere, and never stop it.

use std::{
    sync::{Arc, OnceLock},
    thread,
};

use capability_provider::{CallContext, LinkConfig, LinkName, ProviderError};
use host_core::{Error, Host};
use parking_lot::Mutex;

use crate::support::{LONG, Recorder, STORE, World, echo, forwarder, module_key, store, store_link};

#[test]
fn a_host_is_one_thing_for_all_threads() {
    fn goes_anywhere<T: Clone + Send + Sync + 'static>(_: &T) {}
    let world = World::new();
    goes_anywhere(&world.host);
    let modules: Vec<_> = (0..8).map(|_| world.sign(&echo(), &module_key(), |c| c)).collect();
    thread::scope(|scope| {
        for module in &modules {
            let host = world.host.clone();
            scope.spawn(move || {
                let actor = host.add_actor(module.clone()).unwrap();
                assert_eq!(&host.call(&actor, "op", b"here").unwrap()[..], b"here");
            });
        }
    });
    assert_eq!(world.host.status().actors.len(), modules.len());
}

#[test]
fn of_two_that_add_the_same_actor_one_does() {
    let world = World::new();
    let module = world.sign(&echo(), &module_key(), |c| c);
    let added: Vec<_> = thread::scope(|scope| {
        let adding: Vec<_> = (0..4).map(|_| scope.spawn(|| world.host.add_actor(module.clone()))).collect();
        adding.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(added.iter().filter(|result| result.is_ok()).count(), 1);
    let others = added.iter().filter(|result| matches!(result, Err(Error::ActorExists { .. }))).count();
    assert_eq!(others, 3);
}

#[test]
fn a_provider_may_call_the_actor_while_it_links() {
    let world = World::new();
    let actor = world.add(&echo());
    let heard = Arc::new(Mutex::new(None));
    let hears = Arc::clone(&heard);
    let provider = Recorder::linking("eager", move |_, actor| {
        *hears.lock() = Some(actor.call(CallContext::new(), "op", b"already there").unwrap());
        actor.health().unwrap();
        Ok(())
    });
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    assert_eq!(heard.lock().as_deref(), Some(&b"already there"[..]));
}

#[test]
fn calls_health_and_status_go_on_while_a_provider_takes_its_time_to_link() {
    let world = World::new();
    let actor = world.add(&forwarder(STORE, "", "Work"));
    let (entered, is_inside) = crossbeam_channel::bounded(1);
    let (release, released) = crossbeam_channel::bounded::<()>(1);
    let slow = Recorder::linking("slow", move |_, _| {
        entered.send(()).unwrap();
        released.recv_timeout(LONG).unwrap();
        Ok(())
    });
    world.host.add_provider(LinkName::default(), slow).unwrap();
    let (host, link) = (world.host.clone(), store_link(&actor));
    let linking = thread::spawn(move || host.link(&link, LinkConfig::new()));
    is_inside.recv_timeout(LONG).unwrap();
    assert_eq!(&world.host.call(&actor, "echo", b"x").unwrap()[..], b"x");
    assert!(world.host.health().healthy());
    assert!(world.host.status().links.is_empty(), "it is not made yet");
    release.send(()).unwrap();
    linking.join().unwrap().unwrap();
    assert_eq!(world.host.status().links.len(), 1);
}

#[test]
fn a_change_inside_a_change_is_an_error_and_no_deadlock() {
    let world = World::new();
    let actor = world.add(&echo());
    let inside: Arc<OnceLock<Host>> = Arc::default();
    let host = Arc::clone(&inside);
    let provider = Recorder::linking("meddler", move |link, _| {
        let host = host.get().expect("it was set");
        let error = host.unlink(link).unwrap_err();
        assert!(matches!(error, Error::Reentered), "{error}");
        Err(ProviderError::Failed { operation: "link".to_owned(), source: Box::new(error) })
    });
    inside.set(world.host.clone()).unwrap();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    let error = world.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    assert!(matches!(error, Error::LinkFailed { .. }), "{error}");
    world.host.remove_provider(&store(), &LinkName::default()).expect("the turn was given back");
}
