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

/// A provider that tells what it was asked for, and waits while it makes a link if it is to.
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
            waits.lock().recv().unwrap();
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
            let (release, released) = mpsc::channel();
            let mut waits = Some(Mutex::new(released));
            let [slow, store] = ["test:slow", "test:store"].map(|capability| {
                let (asked, waits, makes) = (Mutex::default(), waits.take(), makes.clone());
                Arc::new(Store { capability, asked, waits, makes })
            });
            let link = |store: &Store| LinkKey::new(actor.clone(), store.capability(), LinkName::default());
            for store in [&slow, &store] {
                host.add_provider(LinkName::default(), Arc::clone(store) as _).unwrap();
            }
            host.link(&link(&store), LinkConfig::new()).unwrap();
            is_made.recv().unwrap();
            // The one thread that was begun for providers is in use, and there will be no other.
            let (slow_link, also) = (link(&slow), host.clone());
            let linking = thread::spawn(move || also.link(&slow_link, LinkConfig::new()));
            is_made.recv().unwrap();
            no_threads::no_more_threads();

            host.remove_provider(&store.capability(), &LinkName::default()).unwrap();
            assert!(host.wait_drained(Duration::from_secs(60)));
            assert_eq!(*store.asked.lock(), ["link", "unlink", "shutdown"]);
            let error = host.add_provider(LinkName::default(), Arc::clone(&store) as _).unwrap_err();
            assert!(matches!(error, Error::Thread { .. }), "{error:?}");
            assert!(error.to_string().contains("RLIMIT_NPROC"), "{error}");
            release.send(()).unwrap();
            linking.join().unwrap().unwrap();
        },
    );
}
