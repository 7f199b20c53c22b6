//! A process that may have no more threads is told so by a listener, and which limit it has met.
#![cfg(target_os = "linux")]

#[path = "../../../waPC-host/engine/tests/support/alone.rs"]
mod alone;
#[path = "../../../waPC-host/system/tests/support/no_threads.rs"]
mod no_threads;

use std::{net::TcpListener, sync::Arc, time::Duration};

use bytes::Bytes;
use capability_provider::{
    ActorHandle, ActorId, CallContext, Dispatch, DispatchError, LinkConfig, LinkKey, LinkName, Provider,
    ProviderError,
};
use provider_http_server::HttpServer;

struct Nobody;

impl Dispatch for Nobody {
    fn call(&self, _: CallContext, _: &str, _: &[u8]) -> Result<Bytes, DispatchError> {
        Err(DispatchError::Actor { text: "nobody".to_owned() })
    }

    fn health(&self) -> Result<(), DispatchError> {
        Ok(())
    }
}

#[test]
fn a_listener_does_not_begin_and_gives_its_port_back() {
    alone::alone("a_listener_does_not_begin_and_gives_its_port_back", Duration::from_secs(60), || {
        let server = HttpServer::new();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let actor = ActorId::new(&format!("M{}", "A".repeat(55))).unwrap();
        let key = LinkKey::new(actor, server.capability(), LinkName::default());
        no_threads::no_more_threads();
        let config = LinkConfig::new().with("port", free.port().to_string());
        let error = server.link(&key, &config, ActorHandle::new(key.clone(), Arc::new(Nobody))).unwrap_err();
        assert!(matches!(error, ProviderError::Unavailable { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("RLIMIT_NPROC") && said.contains("http-"), "{said}");
        assert_eq!(server.local_addr(&key), None);
        TcpListener::bind(free).unwrap();
    });
}
