//! A process that may have no more threads is told so by a host that is to begin, and which limit it has met.
#![cfg(target_os = "linux")]

#[path = "../../../waPC-host/engine/tests/support/alone.rs"]
mod alone;
#[path = "../../../waPC-host/system/tests/support/no_threads.rs"]
mod no_threads;

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
use capability_provider::{
    ActorHandle, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider, ProviderError, Reply,
};
use host_core::{Error, Host};
use parking_lot::Mutex;

#[test]
fn a_host_does_not_begin_and_names_the_limit() {
    alone::alone("a_host_does_not_begin_and_names_the_limit", Duration::from_secs(60), || {
        no_threads::no_more_threads();
        let error = Host::builder().trust(TrustPolicy::nobody()).build().unwrap_err();
        assert!(matches!(error, Error::Thread { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("RLIMIT_NPROC") && said.contains("wascc-housekeeper"), "{said}");
    });
}

/// A provider that remembers what it was asked for, and waits while it makes a link if it is to.
struct Store {
    capability: &'static str,
    asked: Mutex<Vec<&'static str>>,
    waits: Option<Mutex<mpsc::Receiver<()>>>,
    makes: mpsc::Sender<()>,
}

impl Provider for Store {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(self.capability).unwrap()
    }

    fn name(&self) -> &str {
        self.capability
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        self.asked.lock().push("link");
        self.makes.send(()).unwrap();
        if let Some(waits) = &self.waits {
            // It is told by being dropped.
            let _told = waits.lock().recv();
        }
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {
        self.asked.lock().push("unlink");
    }

    fn handle<'a>(&'a self, _: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        Ok("".into())
    }

    fn shutdown(&self) {
        self.asked.lock().push("shutdown");
    }
}

#[test]
fn a_provider_is_ended_by_whoever_removes_it_and_a_link_names_the_limit() {
    alone::alone(
        "a_provider_is_ended_by_whoever_removes_it_and_a_link_names_the_limit",
        Duration::from_secs(60),
        || {
            let [account, key] =
                [KeyKind::Account, KeyKind::Module].map(|kind| KeyPair::generate(kind).unwrap());
            let guest = r#"(module (memory (export "memory") 1)
                (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
            let claims = ClaimsBuilder::new(key.public_key());
            let module = sign_module(&wat::parse_str(guest).unwrap(), &claims, &account).unwrap();
            let host = Host::builder().trust(TrustPolicy::nobody().account(account.public_key())).build();
            let host = host.unwrap();
            let actor = host.add_actor(module).unwrap();
            let (makes, is_made) = mpsc::channel();
            let add = |capability: &'static str, waits| {
                let (asked, makes) = (Mutex::default(), makes.clone());
                let store = Arc::new(Store { capability, asked, waits, makes });
                host.add_provider(LinkName::default(), Arc::clone(&store) as _).unwrap();
                let link = LinkKey::new(actor.clone(), store.capability(), LinkName::default());
                (store, link)
            };
            let (store, link) = add("test:store", None);
            host.link(&link, LinkConfig::new()).unwrap();
            is_made.recv().unwrap();
            // Each of these takes one of the threads for providers, of which there may be some at rest.
            let capabilities =
                ["test:0", "test:1", "test:2", "test:3", "test:4", "test:5", "test:6", "test:7"];
            let slow = capabilities.map(|capability| {
                let (release, released) = mpsc::channel::<()>();
                let (_, link) = add(capability, Some(Mutex::new(released)));
                let ((begin, may_begin), (ended, is_ended)) = (mpsc::channel::<()>(), mpsc::channel());
                let host = host.clone();
                let linking = thread::spawn(move || {
                    if may_begin.recv().is_ok() {
                        ended.send(host.link(&link, LinkConfig::new())).unwrap();
                    }
                });
                (begin, is_ended, release, linking)
            });
            no_threads::no_more_threads();
            let refused = slow.iter().find_map(|(begin, is_ended, ..)| {
                begin.send(()).unwrap();
                loop {
                    if let Ok(linked) = is_ended.try_recv() {
                        return Some(linked.unwrap_err());
                    }
                    if is_made.try_recv().is_ok() {
                        return None;
                    }
                    thread::yield_now();
                }
            });
            let refused = refused.expect("the threads for providers have no end");
            assert!(matches!(refused, Error::Thread { .. }), "{refused:?}");
            assert!(refused.to_string().contains("RLIMIT_NPROC"), "{refused}");

            host.remove_provider(&store.capability(), &LinkName::default()).unwrap();
            assert!(host.wait_drained(Duration::from_secs(60)));
            assert_eq!(*store.asked.lock(), ["link", "unlink", "shutdown"]);
            for (begin, _, release, linking) in slow {
                drop((begin, release));
                linking.join().unwrap();
            }
        },
    );
}
