//! Measures the capability tier: a call through the host, a call that goes on to a provider, and the demonstration's counter
//! on the in-memory store.

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use call_overhead::ECHO;
use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
use capability_contracts::{encode, http_server, keyvalue};
use capability_provider::{
    ActorHandle, ActorId, CapabilityCall, CapabilityId, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError, Reply,
};
use criterion::{Criterion, criterion_group, criterion_main};
use host_core::Host;
use provider_keyvalue_memory::MemoryKeyValue;

/// The capability that the benches' guest calls.
const BENCH: &str = "bench";

const COUNTER: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/guests/modules/kv-counter.wasm"));

/// Answers with what it was sent.
#[derive(Debug)]
struct Mirror;

impl Provider for Mirror {
    fn capability(&self) -> CapabilityId {
        capability(BENCH)
    }

    fn name(&self) -> &str {
        "mirror"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        Ok(Bytes::copy_from_slice(call.payload).into())
    }
}

fn capability(id: &str) -> CapabilityId {
    CapabilityId::new(id).unwrap()
}

/// A host with one actor, granted and linked to one provider.
fn linked(wasm: &[u8], id: &str, provider: Arc<dyn Provider>) -> (Host, ActorId) {
    let account = KeyPair::generate(KeyKind::Account).unwrap();
    let module = KeyPair::generate(KeyKind::Module).unwrap();
    let claims = ClaimsBuilder::new(module.public_key()).name("bench").capability(id);
    let signed = sign_module(wasm, &claims, &account).unwrap();
    let host = Host::builder().trust(TrustPolicy::nobody().account(account.public_key())).build().unwrap();
    host.add_provider(LinkName::default(), provider).unwrap();
    let actor = host.add_actor(signed).unwrap();
    let link = LinkKey::new(actor.clone(), capability(id), LinkName::default());
    host.link(&link, LinkConfig::new()).unwrap();
    (host, actor)
}

fn call(c: &mut Criterion) {
    let wasm = wat::parse_str(ECHO).unwrap();
    let (host, actor) = linked(&wasm, BENCH, Arc::new(Mirror));
    let payload = [0x5a; 64];
    let mut group = c.benchmark_group("host");
    group.bench_function("call/64", |b| b.iter(|| host.call(&actor, "echo", black_box(&payload)).unwrap()));
    assert_eq!(&host.call(&actor, "callback", &payload).unwrap()[..], payload);
    group.bench_function("call and provider/64", |b| {
        b.iter(|| host.call(&actor, "callback", black_box(&payload)).unwrap());
    });
    group.finish();
    host.shutdown();
}

fn counter(c: &mut Criterion) {
    let (host, actor) = linked(COUNTER, keyvalue::CAPABILITY, Arc::new(MemoryKeyValue::new()));
    let request = http_server::Request { method: "GET".into(), path: "/".into(), ..Default::default() };
    let request = encode(&request).unwrap();
    c.bench_function("counter", |b| {
        b.iter(|| host.call(&actor, http_server::OP_HANDLE_REQUEST, black_box(&request)).unwrap());
    });
    host.shutdown();
}

criterion_group!(benches, call, counter);
criterion_main!(benches);
