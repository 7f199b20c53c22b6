//! The path that answers for the actor's health.

mod support;

use capability_provider::{DispatchError, ErrorKind, LinkConfig};
use serde_json::json;
use support::{Served, actor};

#[test]
fn a_well_actor_is_ok() {
    let served = Served::with_health(LinkConfig::new(), || Ok(()));
    let reply = served.get("/health");
    assert_eq!((reply.status, reply.json()), (200, json!({ "status": "ok" })));
    let reply = served.client().send("HEAD /health HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(reply.status, 200);
}

#[test]
fn a_link_that_is_down_is_named() {
    let served = Served::with_health(LinkConfig::new().with("errors", "detailed"), || {
        Err(DispatchError::CapabilityUnavailable {
            capability: "wascc:keyvalue".to_owned(),
            link: "cache".to_owned(),
            reason: "no provider".to_owned(),
        })
    });
    let reply = served.get("/health");
    let body = reply.json();
    assert_eq!((reply.status, body["status"].as_str()), (503, Some("unhealthy")));
    assert_eq!((body["capability"].as_str(), body["link"].as_str()), (Some("wascc:keyvalue"), Some("cache")));
    assert!(body["reason"].as_str().unwrap().contains("no provider"), "{body}");
}

#[test]
fn an_actor_that_is_unwell_is_503_with_its_reason() {
    let served = Served::with_health(LinkConfig::new().with("errors", "detailed"), || {
        Err(DispatchError::Failed { actor: actor(), kind: ErrorKind::Trap, reason: "trapped".to_owned() })
    });
    let reply = served.get("/health");
    let body = reply.json();
    assert_eq!((reply.status, body["status"].as_str()), (503, Some("unhealthy")));
    assert!(body["reason"].as_str().unwrap().contains("trapped"), "{body}");
    assert_eq!(body.get("capability"), None);
}

#[test]
fn the_path_is_configured() {
    let unwell = || Err(DispatchError::Actor { text: "unwell".to_owned() });
    let served = Served::with_health(LinkConfig::new().with("health_path", "/ready"), unwell);
    assert_eq!(served.get("/ready?now").status, 503);
    assert_eq!(served.get("/health").text(), "from the actor");
    let reply = served.client().send("POST /ready HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(reply.text(), "from the actor");

    let served = Served::with_health(LinkConfig::new().with("health_path", ""), unwell);
    assert_eq!(served.get("/health").text(), "from the actor");
}
