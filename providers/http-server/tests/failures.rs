//! What a client reads when the actor gives no answer.

mod support;

use std::time::Duration;

use capability_contracts::http_server::Response;
use capability_provider::{DispatchError, ErrorKind, LinkConfig};
use support::{Served, actor, key};

/// A listener for developers, whose actor fails.
fn failing(error: DispatchError) -> Served {
    Served::with(LinkConfig::new().with("errors", "detailed"), move |_| Err(error.clone()))
}

#[test]
fn a_missing_capability_is_named() {
    let reply = failing(DispatchError::CapabilityUnavailable {
        capability: "wascc:keyvalue".to_owned(),
        link: "default".to_owned(),
        reason: "no provider".to_owned(),
    })
    .get("/");
    assert_eq!((reply.status, reply.code().as_str()), (503, "capability_unavailable"));
    let error = &reply.json()["error"];
    assert_eq!(
        (error["capability"].as_str(), error["link"].as_str()),
        (Some("wascc:keyvalue"), Some("default"))
    );
    assert!(error["message"].as_str().unwrap().contains("wascc:keyvalue"), "{error}");
}

#[test]
fn each_failure_has_its_status_and_its_code() {
    let (actor, reason) = (actor(), "because".to_owned());
    let link = key(&provider_http_server::HttpServer::new(), "default");
    let limit = Duration::from_secs(1);
    let table = [
        (DispatchError::Gone { link }, 503, "actor_gone"),
        (DispatchError::Refused { actor: actor.clone(), reason: reason.clone() }, 503, "actor_refused"),
        (DispatchError::Actor { text: reason.clone() }, 500, "actor_error"),
        (DispatchError::DeadlineExceeded { actor: actor.clone(), limit }, 504, "deadline_exceeded"),
        (DispatchError::Busy { actor: actor.clone(), max: 4 }, 503, "busy"),
        (DispatchError::TooLarge { actor: actor.clone(), size: 9_999, limit: 10 }, 502, "reply_too_large"),
        (DispatchError::Failed { actor, kind: ErrorKind::Trap, reason }, 502, "actor_failed"),
    ];
    for (error, status, code) in table {
        let text = error.to_string();
        let reply = failing(error).get("/");
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert_eq!(reply.json()["error"]["message"].as_str(), Some(text.as_str()));
        assert_eq!(reply.header.contains_key("retry-after"), code == "busy", "{code}");
    }
}

#[test]
fn a_request_over_the_limit_of_a_call_is_the_clients_fault() {
    let served = Served::start(|request| {
        let size = capability_contracts::encode(&request).unwrap().len();
        Err(DispatchError::TooLarge { actor: actor(), size, limit: 10 })
    });
    let reply = served.get("/");
    assert_eq!((reply.status, reply.code().as_str()), (413, "request_too_large"));
}

#[test]
fn a_key_that_a_store_does_not_take_is_the_clients_fault() {
    let error = DispatchError::InputTooLarge {
        actor: actor(),
        capability: "wascc:keyvalue".to_owned(),
        link: "default".to_owned(),
        size: 2_000,
        limit: 1_024,
    };
    let reply = failing(error).get("/");
    assert_eq!((reply.status, reply.code().as_str()), (400, "input_too_large"));
}

#[test]
fn an_answer_that_is_no_response_is_a_bad_reply() {
    for bytes in [&b""[..], b"\xc1", b"\x07", b"\xa5hello", b"\x81\xaastatusCode\xa2no"] {
        let reply = Served::with_bytes(bytes).get("/");
        assert_eq!((reply.status, reply.code().as_str()), (502, "bad_reply"), "{bytes:x?}");
    }
}

#[test]
fn a_status_or_a_header_that_is_not_valid_is_a_bad_reply() {
    let ok = Response::ok;
    let responses = [
        Response::status(0),
        Response::status(100),
        Response::status(101),
        Response::status(600),
        Response::status(u32::MAX),
        ok().with_header("", "x"),
        ok().with_header("no name", "x"),
        ok().with_header("x-split", "a\r\nset-cookie: stolen=1"),
        Response { status: "OK\r\nset-cookie: stolen=1".to_owned(), ..ok() },
        (0..40_000).fold(ok(), |response, number| response.with_header(&format!("x-{number}"), "1")),
    ];
    for response in responses {
        let code = response.status_code;
        let reply = Served::start(move |_| Ok(response.clone())).get("/");
        assert_eq!((reply.status, reply.code().as_str()), (502, "bad_reply"), "{code}");
        assert!(!reply.header.contains_key("set-cookie"));
    }
}

#[test]
fn a_panic_on_the_way_to_the_actor_ends_neither_worker_nor_connection() {
    let served = Served::with(LinkConfig::new().with("workers", "1"), |request| {
        assert_ne!(request.path, "/panic", "a defect");
        Ok(Response::ok())
    });
    let mut client = served.client();
    for _ in 0..3 {
        let reply = client.get("/panic");
        assert_eq!((reply.status, reply.code().as_str()), (500, "internal_error"));
        assert_eq!(client.get("/").status, 200);
    }
}

#[test]
fn a_long_error_is_cut() {
    let reply = failing(DispatchError::Actor { text: "é".repeat(100_000) }).get("/");
    assert_eq!(reply.code(), "actor_error");
    assert!(reply.body.len() < 4096, "{}", reply.body.len());
}
