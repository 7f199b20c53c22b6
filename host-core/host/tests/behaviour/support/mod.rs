//! What the tests share: a host with a trusted account, actors, and a provider double.

mod actors;
mod audited;
mod load;
mod recorder;
mod vouched;
mod waiting;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use bytes::Bytes;
use capability_claims::{
    ClaimsBuilder, ClaimsError, KeyKind, KeyPair, ManualClock, PublicKey, TrustPolicy, sign_module,
};
use capability_provider::{ActorId, CapabilityId, LinkConfig, LinkKey, LinkName};
use crossbeam_channel::{Receiver, Sender, bounded};
use host_core::{Error, Host, HostBuilder};

pub(crate) use self::{
    actors::{
        asking_on, calls_then_spins, calls_twice, echo, failing, forwarder, saying, spinning, starting,
        store_then_calls, trapping, wasm,
    },
    audited::Audited,
    load::load,
    recorder::{Event, Recorder},
    vouched::Vouched,
    waiting::Waiting,
};

/// The time at which every test begins, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;
/// The capability of the provider double.
pub(crate) const STORE: &str = "test:store";
/// Longer than any test takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A call that is made on a thread of its own.
pub(crate) type CallAside = JoinHandle<Result<Bytes, Error>>;

/// A host, the account that it trusts, and its clock.
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) clock: Arc<ManualClock>,
    account: KeyPair,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A world whose host has other settings.
    pub(crate) fn with(settings: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let account = KeyPair::generate(KeyKind::Account).unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let trust = TrustPolicy::nobody().account(account.public_key());
        let builder = Host::builder().trust(trust).clock(Arc::clone(&clock) as _).call_deadline(LONG);
        Self { host: settings(builder).build().unwrap(), clock, account }
    }

    /// The account that signs.
    pub(crate) fn account(&self) -> PublicKey {
        self.account.public_key()
    }

    /// The policy that the world begins with.
    pub(crate) fn trust(&self) -> TrustPolicy {
        TrustPolicy::nobody().account(self.account())
    }

    /// The module `wat`, signed by the trusted account for `key`, with claims that grant nothing but what is added.
    pub(crate) fn sign(
        &self,
        wat: &str,
        key: &KeyPair,
        claims: impl FnOnce(ClaimsBuilder) -> ClaimsBuilder,
    ) -> Vec<u8> {
        sign_by(&self.account, wat, key, claims)
    }

    /// Adds an actor that is granted the store.
    #[track_caller]
    pub(crate) fn add(&self, wat: &str) -> ActorId {
        let key = module_key();
        self.host.add_actor(self.sign(wat, &key, |claims| claims.name("test").capability(STORE))).unwrap()
    }

    /// Adds an actor that forwards its calls to the store, adds the provider and links the two under the default name.
    #[track_caller]
    pub(crate) fn add_linked(&self, provider: &Arc<Recorder>) -> ActorId {
        let actor = self.add(&forwarder(STORE, "", "Work"));
        self.host.add_provider(LinkName::default(), Arc::clone(provider) as _).unwrap();
        self.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
        actor
    }

    /// Adds the signed `module` as an actor, links it to a provider in which calls wait, and calls it. With the actor comes the
    /// call, which waits there, and what lets it go.
    #[track_caller]
    pub(crate) fn call_and_hold(&self, module: Vec<u8>) -> (ActorId, CallAside, Sender<()>) {
        let (provider, is_inside, release) = holding();
        let actor = self.host.add_actor(module).unwrap();
        self.host.add_provider(LinkName::default(), provider).unwrap();
        self.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
        let call = self.call_aside(&actor);
        is_inside.recv_timeout(LONG).unwrap();
        (actor, call, release)
    }

    /// Waits until nothing drains any more of what was removed or replaced.
    #[track_caller]
    pub(crate) fn settle(&self) {
        assert!(self.host.wait_drained(LONG), "{}", self.host.status());
    }

    /// Calls an actor from a thread of its own.
    pub(crate) fn call_aside(&self, actor: &ActorId) -> CallAside {
        let (host, actor) = (self.host.clone(), actor.clone());
        std::thread::spawn(move || host.call(&actor, "Forward", b"payload"))
    }
}

/// Does this on a thread of its own, and fails when it has not come back after a long time.
#[track_caller]
pub(crate) fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, is_done) = bounded(1);
    let thread = std::thread::spawn(move || done.send(body()));
    match is_done.recv_timeout(LONG) {
        Ok(result) => result,
        Err(error) if error.is_timeout() => panic!("it hangs"),
        Err(_) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// Waits until this is so, and fails when it is not after a long time.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "never: {what}");
        std::thread::yield_now();
    }
}

/// Something that hangs until it is let go, which the end of the test does too: with what tells that somebody hangs there.
pub(crate) fn hang() -> (impl Fn() + Clone + Send + Sync + 'static, Receiver<()>, Sender<()>) {
    let (entered, is_inside) = bounded(1024);
    let (release, released) = bounded::<()>(0);
    let hang = move || {
        entered.send(()).unwrap();
        let _let_go = released.recv();
    };
    (hang, is_inside, release)
}

/// A provider in which calls wait until they are let go: with what tells that one came in, and what lets one go.
pub(crate) fn holding() -> (Arc<Recorder>, Receiver<()>, Sender<()>) {
    let (entered, is_inside) = bounded(8);
    let (release, released) = bounded::<()>(8);
    let provider = Recorder::answering("holding", move |_| {
        entered.send(()).unwrap();
        released.recv_timeout(LONG).unwrap();
        Ok("done".into())
    });
    (provider, is_inside, release)
}

/// That the actor is here and not called any more; returns why.
#[track_caller]
pub(crate) fn why_not_called(result: Result<Bytes, Error>, actor: &ActorId) -> ClaimsError {
    match result {
        Err(error @ Error::NoLongerValid { .. }) => {
            let text = error.to_string();
            let Error::NoLongerValid { actor: who, module, source } = error else { unreachable!() };
            assert_eq!(who, *actor);
            assert_eq!(text.matches(&module.to_string()).count(), 1, "it names the module once: {text}");
            *source
        }
        other => panic!("not refused for its token or the policy: {other:?}"),
    }
}

pub(crate) fn sign_by(
    account: &KeyPair,
    wat: &str,
    key: &KeyPair,
    claims: impl FnOnce(ClaimsBuilder) -> ClaimsBuilder,
) -> Vec<u8> {
    let claims = claims(ClaimsBuilder::new(key.public_key()).issued_at(NOW));
    sign_module(&wasm(wat), &claims, account).unwrap()
}

pub(crate) fn module_key() -> KeyPair {
    KeyPair::generate(KeyKind::Module).unwrap()
}

pub(crate) fn id_of(key: &KeyPair) -> ActorId {
    ActorId::new(&key.public_key().to_string()).unwrap()
}

pub(crate) fn store() -> CapabilityId {
    CapabilityId::new(STORE).unwrap()
}

/// The link of `actor` to the store under the default name.
pub(crate) fn store_link(actor: &ActorId) -> LinkKey {
    LinkKey::new(actor.clone(), store(), LinkName::default())
}

/// The names of a link in the order in which errors show them.
#[track_caller]
pub(crate) fn assert_unavailable(error: &Error) {
    let missing = error.unavailable().unwrap_or_else(|| panic!("something else is wrong: {error}"));
    assert_eq!((missing.capability, missing.link), (STORE, "default"));
}

/// That the token of the actor does not grant what it asked for, in the variants and in the words.
#[track_caller]
pub(crate) fn assert_not_granted(error: &Error, actor: &ActorId, asked: &str) {
    let Error::NotGranted { actor: who, .. } = error else { panic!("something else is wrong: {error}") };
    assert_eq!(who, actor);
    let Some(ClaimsError::NotGranted { capability, .. }) = error.refusal() else { panic!("{error}") };
    assert_eq!(&**capability, asked);
    assert!(error.to_string().contains(actor.as_str()), "{error}");
}

/// The failure of a host call at the bottom of an actor's own error.
#[track_caller]
pub(crate) fn host_error(error: &Error) -> &Error {
    let Error::Guest { host_error: Some(cause), .. } = error else {
        panic!("not after a host call: {error}")
    };
    cause.downcast_ref().expect("the host's own error")
}

/// The keys of an operator and of an account for which it may vouch.
pub(crate) fn operator_and_account() -> (KeyPair, KeyPair) {
    let of = |kind| KeyPair::generate(kind).unwrap();
    (of(KeyKind::Operator), of(KeyKind::Account))
}
