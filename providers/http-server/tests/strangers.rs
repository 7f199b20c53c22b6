//! What a stranger reads of a failure, and what the log holds of it.

mod support;

use std::sync::Mutex;

use capability_contracts::http_server::Response;
use capability_provider::{DispatchError, ErrorKind, LinkConfig};
use support::{Reply, Served, actor};

/// What was logged in this process.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Memory;

impl log::Log for Memory {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // As much as `wascc run` shows when it is told nothing else.
        if record.level() <= log::Level::Warn {
            LINES.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn remember() {
    // An error means that another test was first.
    let _ = log::set_logger(&Memory);
    log::set_max_level(log::LevelFilter::Info);
}

/// The one line of the log that holds the id of a failed request.
#[track_caller]
fn logged(reply: &Reply) -> String {
    let body = reply.json();
    let id = body.get("error").unwrap_or(&body)["request_id"].as_str().unwrap().to_owned();
    assert_eq!(reply.header["x-request-id"], id);
    let lines = LINES.lock().unwrap();
    let found: Vec<_> = lines.iter().filter(|line| line.contains(&id)).collect();
    assert_eq!(found.len(), 1, "{id} in {lines:?}");
    found[0].clone()
}

/// Words that are for the owner of a host.
const SECRETS: [&str; 6] = [
    "redis://10.0.0.7:6379",
    "vault::open at src/keys.rs",
    "AACCOUNT",
    "add it to the policy",
    "MAAAA",
    "customers-db",
];

fn failures() -> Vec<DispatchError> {
    let text = SECRETS.join(" ");
    let link = support::key(&provider_http_server::HttpServer::new(), "customers-db");
    vec![
        DispatchError::Gone { link },
        DispatchError::Refused { actor: actor(), reason: text.clone() },
        DispatchError::CapabilityUnavailable {
            capability: "wascc:keyvalue".to_owned(),
            link: "customers-db".to_owned(),
            reason: text.clone(),
        },
        DispatchError::Actor { text: text.clone() },
        DispatchError::DeadlineExceeded { actor: actor(), limit: std::time::Duration::from_millis(4711) },
        DispatchError::Busy { actor: actor(), max: 4711 },
        DispatchError::TooLarge { actor: actor(), size: 4711, limit: 10 },
        DispatchError::Failed {
            actor: actor(),
            kind: ErrorKind::Trap,
            reason: format!("{text}\n{text}\u{1b}[2J"),
        },
    ]
}

#[track_caller]
fn is_discreet(reply: &Reply) {
    let whole = format!("{} {:?} {}", reply.line, reply.lines, reply.text());
    for secret in SECRETS.iter().chain(&["4711", "default"]) {
        assert!(!whole.contains(secret), "{secret} in {whole}");
    }
}

#[test]
fn a_stranger_reads_a_code_a_sentence_and_an_id_and_the_log_holds_the_rest() {
    remember();
    for error in failures() {
        let detail = error.to_string().lines().next().unwrap().to_owned();
        let served = Served::start(move |_| Err(error.clone()));
        let reply = served.get("/");
        is_discreet(&reply);
        assert!(reply.json()["error"]["message"].as_str().unwrap().len() > 10);
        let line = logged(&reply);
        assert!(line.contains(&detail) && line.contains(&reply.code()), "{line}");
        assert!(!line.contains(['\n', '\u{1b}']), "{line:?}");
    }
}

#[test]
fn the_health_path_is_as_discreet() {
    remember();
    for error in failures() {
        let detail = error.to_string().lines().next().unwrap().to_owned();
        let named = matches!(error, DispatchError::CapabilityUnavailable { .. });
        let served = Served::with_health(LinkConfig::new(), move || Err(error.clone()));
        let reply = served.get("/health");
        is_discreet(&reply);
        let body = reply.json();
        assert_eq!((reply.status, &body["status"]), (503, &"unhealthy".into()));
        assert_eq!(body.get("capability").is_some(), named, "{body}");
        assert!(logged(&reply).contains(&detail));
    }
}

#[test]
fn a_developer_reads_the_details_as_well() {
    remember();
    let config = || LinkConfig::new().with("errors", "detailed");
    for error in failures() {
        let detail = error.to_string().lines().next().unwrap().to_owned();
        let sick = error.clone();
        let served = Served::with(config(), move |_| Err(error.clone()));
        let reply = served.get("/");
        assert!(reply.json()["error"]["message"].as_str().unwrap().contains(&detail));
        assert!(logged(&reply).contains(&detail));
        let served = Served::with_health(config(), move || Err(sick.clone()));
        assert!(served.get("/health").json()["reason"].as_str().unwrap().contains(&detail));
    }
}

#[test]
fn what_is_wrong_with_a_reply_is_for_the_log() {
    remember();
    let served = Served::start(|_| Ok(Response::ok().with_header("x-vault", "redis://10.0.0.7:6379\r\n")));
    let reply = served.get("/");
    assert_eq!(reply.code(), "bad_reply");
    assert!(!reply.text().contains("x-vault"), "{}", reply.text());
    assert!(logged(&reply).contains("x-vault"));
}

#[test]
fn a_refused_request_has_an_id_too_and_no_two_have_the_same() {
    remember();
    let served = Served::start(|_| Ok(Response::ok()));
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let reply = served.client().send("GET / HTTP/1.1\r\n\r\n");
        assert!(logged(&reply).contains("`Host`"));
        ids.insert(reply.header["x-request-id"].clone());
    }
    assert_eq!(ids.len(), 100);
}
