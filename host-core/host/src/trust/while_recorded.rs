//! Checks that what is taken away while a record is written is not used afterwards, however long the disk takes.

use std::{
    fs,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, ManualClock, TrustPolicy, sign_module};
use capability_provider::{
    ActorHandle, ActorId, CallContext, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError, Reply,
};
use host_audit::{AuditLog, OnFailure};

use crate::{error::Error, host::Host, trust::rights::Rights};

const NOW: u64 = 1_800_000_000;
const LOG: &str = "audit.log";
const STORE: &str = "test:store";
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// Counts its uses, and keeps the way to its actor.
#[derive(Default)]
struct Store {
    uses: AtomicUsize,
    actor: OnceLock<ActorHandle>,
}

impl Provider for Store {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new(STORE).unwrap()
    }

    fn name(&self) -> &str {
        "store"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, actor: ActorHandle) -> Result<(), ProviderError> {
        let _is_first = self.actor.set(actor);
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, _: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        self.uses.fetch_add(1, SeqCst);
        Ok("".into())
    }
}

/// A host with a log that can be made to hang, an actor that calls another one, and that one, which uses the store.
struct Scene {
    host: Host,
    clock: Arc<ManualClock>,
    store: Arc<Store>,
    accounts: [KeyPair; 2],
    outer: ActorId,
    inner: ActorId,
    directory: tempfile::TempDir,
}

/// Calls out for each operation but `Rest`, which has another length.
fn guest(namespace: &str) -> Vec<u8> {
    let length = namespace.len();
    wat::parse_str(format!(
        r#"(module
            (import "wapc" "__guest_error" (func $error (param i32 i32)))
            (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 64) "{namespace}") (data (i32.const 128) "refused") (data (i32.const 192) "Use")
            (func (export "__guest_call") (param i32 i32) (result i32)
              (if (i32.eq (local.get 0) (i32.const 4)) (then (return (i32.const 1))))
              (if (call $host_call (i32.const 0) (i32.const 0) (i32.const 64) (i32.const {length})
                    (i32.const 192) (i32.const 3) (i32.const 0) (i32.const 0))
                (then (return (i32.const 1))))
              (call $error (i32.const 128) (i32.const 7))
              (i32.const 0)))"#
    ))
    .unwrap()
}

impl Scene {
    /// The actors' accounts are two, so that one of them can be revoked.
    fn new() -> Self {
        let accounts = [(); 2].map(|()| KeyPair::generate(KeyKind::Account).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let log = AuditLog::open(directory.path().join(LOG), OnFailure::Refuse).unwrap();
        let [ours, theirs] = accounts.each_ref().map(KeyPair::public_key);
        let clock = Arc::new(ManualClock::new(NOW));
        let host = Host::builder()
            .trust(TrustPolicy::nobody().account(ours).account(theirs))
            .clock(Arc::clone(&clock) as _)
            .audit(log)
            .call_deadline(LONG)
            .build()
            .unwrap();
        let add = |namespace: &str, account: &KeyPair| {
            let key = KeyPair::generate(KeyKind::Module).unwrap().public_key();
            let claims = ClaimsBuilder::new(key).issued_at(NOW).expires_at(NOW + 100).capability(namespace);
            host.add_actor(sign_module(&guest(namespace), &claims, account).unwrap()).unwrap()
        };
        let inner = add(STORE, &accounts[1]);
        let outer = add(inner.as_str(), &accounts[0]);
        let store = Arc::new(Store::default());
        host.add_provider(LinkName::default(), Arc::clone(&store) as _).unwrap();
        let link = LinkKey::new(inner.clone(), store.capability(), LinkName::default());
        host.link(&link, LinkConfig::new()).unwrap();
        Self { host, clock, store, accounts, outer, inner, directory }
    }

    fn rights(&self, actor: &ActorId) -> Arc<Rights> {
        let actor = self.host.shared().actors.find(actor.as_str()).unwrap();
        Arc::clone(&actor.current().unwrap().rights)
    }

    /// Makes a call that waits while the log has a record of this actor's written, revokes the second account meanwhile, and returns
    /// how the call ends.
    #[track_caller]
    fn revoked<R: Send>(&self, recorded: &ActorId, call: impl FnOnce() -> R + Send) -> R {
        let (recorded, revoked) = (self.rights(recorded), self.rights(&self.inner));
        let ours = TrustPolicy::nobody().account(self.accounts[0].public_key());
        let disk = self.host.shared().audit.hang();
        thread::scope(|scope| {
            let call = scope.spawn(call);
            until(|| recorded.is_recording());
            let change = scope.spawn(|| self.host.replace_policy(ours));
            until(|| revoked.hold(NOW).is_err());
            drop(disk);
            change.join().unwrap().unwrap();
            call.join().unwrap()
        })
    }
}

#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let over = Instant::now() + LONG;
    while !is_so() {
        assert!(Instant::now() < over, "it never came about");
        thread::yield_now();
    }
}

#[test]
fn what_is_revoked_while_its_first_use_is_recorded_is_not_used() {
    let scene = Scene::new();
    let called = scene.revoked(&scene.inner, || scene.host.call(&scene.inner, "Use", b""));
    assert!(matches!(called, Err(Error::Guest { .. })), "{called:?}");
    assert_eq!(scene.store.uses.load(SeqCst), 0);
}

#[test]
fn a_link_that_is_ended_while_the_first_use_over_it_is_recorded_is_not_used() {
    let scene = Scene::new();
    let rights = scene.rights(&scene.inner);
    let links = Arc::clone(&scene.host.shared().actors.find(scene.inner.as_str()).unwrap().links);
    let link = LinkKey::new(scene.inner.clone(), scene.store.capability(), LinkName::default());
    let disk = scene.host.shared().audit.hang();
    thread::scope(|scope| {
        let call = scope.spawn(|| scene.host.call(&scene.inner, "Use", b""));
        until(|| rights.is_recording());
        let change = scope.spawn(|| scene.host.unlink(&link));
        until(|| links.table().find(STORE, LinkName::DEFAULT).is_none());
        drop(disk);
        let called = call.join().unwrap();
        assert!(matches!(called, Err(Error::Guest { .. })), "{called:?}");
        change.join().unwrap().unwrap();
    });
    assert_eq!(scene.store.uses.load(SeqCst), 0);
}

#[test]
fn another_actor_that_is_revoked_while_the_first_call_to_it_is_recorded_is_not_called() {
    let scene = Scene::new();
    // What the inner one uses is known already, so that nothing else keeps it from doing so.
    scene.host.call(&scene.inner, "Use", b"").unwrap();
    let called = scene.revoked(&scene.outer, || scene.host.call(&scene.outer, "Use", b""));
    assert!(matches!(called, Err(Error::Guest { .. })), "{called:?}");
    // It would have asked for the store, and been denied it.
    let log = fs::read_to_string(scene.directory.path().join(LOG)).unwrap();
    assert!(!log.contains("grant_denied"), "{log}");
}

#[test]
fn an_actor_that_is_revoked_while_the_first_delivery_to_it_is_recorded_is_not_called() {
    let scene = Scene::new();
    let handle = scene.store.actor.get().unwrap();
    let called = scene.revoked(&scene.inner, || handle.call(CallContext::new(), "Rest", b""));
    assert!(called.unwrap_err().to_string().contains("trust"), "it is told why");
}

#[test]
fn an_actor_that_is_revoked_while_its_return_is_recorded_is_not_called() {
    let scene = Scene::new();
    scene.clock.set(NOW + 200);
    scene.host.call(&scene.inner, "Rest", b"").unwrap_err();
    scene.clock.set(NOW);
    let called = scene.revoked(&scene.inner, || scene.host.call(&scene.inner, "Rest", b""));
    assert!(matches!(called, Err(Error::NoLongerValid { .. })), "{called:?}");
}
