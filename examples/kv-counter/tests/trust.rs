//! The real counter module is refused, or refused its store, when its token does not allow it.

mod support;

use std::sync::Arc;

use capability_claims::{ClaimsBuilder, ClaimsError, KeyKind, KeyPair, TrustPolicy, sign_module};
use capability_contracts::{http_server, keyvalue};
use capability_provider::{CapabilityId, LinkConfig, LinkKey, LinkName};
use host_core::{Error, Host};
use provider_http_server::HttpServer;
use provider_keyvalue_memory::MemoryKeyValue;
use support::{Client, modules};

/// A time within reach of every test's token, in seconds since 1970.
const NOW: u64 = 1_900_000_000;

struct Fixture {
    account: KeyPair,
    module: KeyPair,
    wasm: Vec<u8>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            account: KeyPair::generate(KeyKind::Account).unwrap(),
            module: KeyPair::generate(KeyKind::Module).unwrap(),
            wasm: std::fs::read(modules().join("kv-counter.wasm")).unwrap(),
        }
    }

    fn claims(&self) -> ClaimsBuilder {
        ClaimsBuilder::new(self.module.public_key()).name("kv-counter").capability(http_server::CAPABILITY)
    }

    fn signed(&self, claims: &ClaimsBuilder, by: &KeyPair) -> Vec<u8> {
        sign_module(&self.wasm, claims, by).unwrap()
    }

    fn host(&self) -> Host {
        let clock = capability_claims::ManualClock::new(NOW);
        let trust = TrustPolicy::nobody().account(self.account.public_key());
        Host::builder().trust(trust).clock(Arc::new(clock)).build().unwrap()
    }

    #[track_caller]
    fn refusal(&self, module: Vec<u8>) -> ClaimsError {
        match self.host().add_actor(module).unwrap_err() {
            Error::Refused { source, .. } => *source,
            other => panic!("another error: {other}"),
        }
    }
}

#[test]
fn five_modules_are_refused_for_five_reasons() {
    let fixture = Fixture::new();
    let good = fixture.signed(&fixture.claims(), &fixture.account);
    fixture.host().add_actor(good.clone()).unwrap();

    assert!(matches!(fixture.refusal(fixture.wasm.clone()), ClaimsError::NotSigned));
    let mut flipped = good;
    let middle = fixture.wasm.len() / 2;
    flipped[middle] ^= 1;
    assert!(matches!(fixture.refusal(flipped), ClaimsError::Altered { .. }));
    let expired = fixture.signed(&fixture.claims().expires_at(NOW - 1), &fixture.account);
    assert!(matches!(fixture.refusal(expired), ClaimsError::Expired { .. }));
    let early = fixture.signed(&fixture.claims().not_before(NOW + 1), &fixture.account);
    assert!(matches!(fixture.refusal(early), ClaimsError::NotYetValid { .. }));
    let stranger = KeyPair::generate(KeyKind::Account).unwrap();
    let strange = fixture.signed(&fixture.claims(), &stranger);
    assert!(matches!(fixture.refusal(strange), ClaimsError::NotTrusted { .. }));
}

#[test]
fn a_counter_without_the_grant_cannot_reach_the_store_it_is_linked_to() {
    let fixture = Fixture::new();
    let host = fixture.host();
    let (store, server) = (Arc::new(MemoryKeyValue::new()), Arc::new(HttpServer::new()));
    host.add_provider(LinkName::default(), store.clone()).unwrap();
    host.add_provider(LinkName::default(), server.clone()).unwrap();
    let count = |claims: &ClaimsBuilder| {
        let actor = host.add_actor(fixture.signed(claims, &fixture.account)).unwrap();
        let link = |capability| {
            LinkKey::new(actor.clone(), CapabilityId::new(capability).unwrap(), LinkName::default())
        };
        host.link(&link(keyvalue::CAPABILITY), LinkConfig::new()).unwrap();
        let http = LinkConfig::new().with("port", "0").with("errors", "detailed");
        host.link(&link(http_server::CAPABILITY), http).unwrap();
        let address = server.local_addr(&link(http_server::CAPABILITY)).unwrap();
        let answer = Client::connect(&address.to_string()).get("/");
        host.remove_actor(&actor).unwrap();
        answer
    };
    let (status, body) = count(&fixture.claims());
    assert_eq!(status, 500);
    assert!(body["error"]["message"].as_str().unwrap().contains(keyvalue::CAPABILITY), "{body}");
    assert!(store.is_empty(), "nothing reached the store");

    let (status, body) = count(&fixture.claims().capability(keyvalue::CAPABILITY));
    assert_eq!((status, &body["counter"]), (200, &1.into()));
    host.shutdown();
}
