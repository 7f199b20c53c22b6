//! `wascc run`, with a socket in between.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair};
use provider_conformance::RedisServer;
use serde_json::Value;

use crate::{
    running::{Running, get},
    support::{ACCOUNT, Directory, MODULE, claims, signed},
};

const COUNTER: &str = include_str!("guests/counter.wat");

fn claims_of_the_counter() -> ClaimsBuilder {
    claims().capability("wascc:http_server").capability("wascc:keyvalue").version("1.0.0").revision(1)
}

fn directory(claims: &ClaimsBuilder, config: &str) -> Directory {
    directory_on(claims, config, r#"kind = "keyvalue-memory""#)
}

/// The same on another store.
fn directory_on(claims: &ClaimsBuilder, config: &str, store: &str) -> Directory {
    let directory = Directory::new();
    directory.write("counter.wasm", signed(&wat::parse_str(COUNTER).unwrap(), claims));
    directory.write(
        "host.toml",
        format!(
            r#"
            [trust]
            accounts = ["{ACCOUNT}"]
            [[actor]]
            file = "counter.wasm"
            name = "counter"
            [[provider]]
            kind = "http-server"
            [[provider]]
            {store}
            [[link]]
            actor = "counter"
            capability = "wascc:http_server"
            config = {{ {config} }}
            [[link]]
            actor = "counter"
            capability = "wascc:keyvalue"
            "#
        ),
    );
    directory
}

#[cfg(unix)]
#[test]
fn a_signed_actor_counts_until_sigterm() {
    let directory = directory(&claims_of_the_counter(), "port = 0");
    let mut host = Running::start(&directory, &[]);
    assert_eq!(host.line(), format!("actor \"counter\" 1.0.0 (revision 1): {MODULE}, signed by {ACCOUNT}"));
    assert_eq!(host.line(), "link `default` of \"counter\" to wascc:http_server: http-server");
    assert_eq!(host.line(), "link `default` of \"counter\" to wascc:keyvalue: keyvalue-memory");
    let listening = host.line();
    let url = listening
        .strip_prefix("listening on ")
        .and_then(|rest| rest.strip_suffix(" for \"counter\""))
        .unwrap();
    assert_eq!(host.line(), "SIGINT (Ctrl-C) or SIGTERM ends it");

    for count in [1, 2, 3] {
        let (status, body) = get(url, "/");
        assert_eq!((status.as_str(), body), ("HTTP/1.1 200 OK", [b"\x81\xa5value", &[count][..]].concat()));
    }
    assert_eq!(get(url, "/health").0, "HTTP/1.1 200 OK");

    let (status, log) = host.end("-TERM");
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains(&format!("{MODULE}: counted")), "the actor's console is in the log: {log}");
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).is_err(), "the port is free again");
}

#[cfg(unix)]
#[test]
fn a_store_in_redis_keeps_its_count_across_restarts() {
    let Some(redis) = RedisServer::for_test() else { return };
    let store = format!("kind = \"keyvalue-redis\"\nurl = \"{}\"", redis.url());
    let directory = directory_on(&claims_of_the_counter(), "port = 0", &store);
    for count in [1, 2] {
        let mut host = Running::start(&directory, &["--json"]);
        let ready: Value = serde_json::from_str(&host.line()).unwrap();
        let (status, body) = get(ready["listening"][0]["url"].as_str().unwrap(), "/");
        assert_eq!((status.as_str(), body), ("HTTP/1.1 200 OK", [b"\x81\xa5value", &[count][..]].concat()));
        assert_eq!(host.end("-TERM").0, Some(0));
    }
}

#[cfg(unix)]
#[test]
fn json_tells_what_runs_in_one_line() {
    let directory = directory(&claims_of_the_counter(), "port = 0");
    let mut host = Running::start(&directory, &["--json", "--cache-dir", "kept"]);
    let ready: Value = serde_json::from_str(&host.line()).unwrap();
    assert_eq!(
        (&ready["actors"][0]["id"], &ready["actors"][0]["version"]),
        (&MODULE.into(), &"1.0.0".into())
    );
    assert_eq!(ready["providers"][1]["name"], "keyvalue-memory");
    assert_eq!(ready["links"][0]["provider"], "http-server");
    assert_eq!(
        (&ready["listening"][0]["actor"], &ready["listening"][0]["link"]),
        (&MODULE.into(), &"default".into())
    );
    assert_eq!(get(ready["listening"][0]["url"].as_str().unwrap(), "/").0, "HTTP/1.1 200 OK");
    assert_eq!(host.end("-INT").0, Some(0));
    assert!(directory.path("kept").is_dir(), "the compiled module is kept where the user says");
}

#[cfg(unix)]
#[test]
fn what_was_not_granted_is_not_reached_though_it_is_linked() {
    let directory = directory(&claims().capability("wascc:http_server"), "port = 0, errors = \"detailed\"");
    let mut host = Running::start(&directory, &["--json"]);
    let ready: Value = serde_json::from_str(&host.line()).unwrap();
    let (status, body) = get(ready["listening"][0]["url"].as_str().unwrap(), "/");
    let body = String::from_utf8(body).unwrap();
    assert!(
        status.starts_with("HTTP/1.1 5") && body.contains("is not granted wascc:keyvalue"),
        "{status}: {body}"
    );
    assert_eq!(host.end("-TERM").0, Some(0));
}

#[cfg(unix)]
#[test]
fn two_actors_share_a_port_by_their_paths() {
    // Free a moment ago; whoever took it meanwhile is told in the failure.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let directory = directory(&claims_of_the_counter(), &format!("port = {port}"));
    let key = KeyPair::generate(KeyKind::Module).unwrap().public_key();
    let other =
        ClaimsBuilder::new(key).name("other").capability("wascc:http_server").capability("wascc:keyvalue");
    directory.write("other.wasm", signed(&wat::parse_str(COUNTER).unwrap(), &other));
    let links = r#"
        [[actor]]
        file = "other.wasm"
        name = "other"
        [[link]]
        actor = "other"
        capability = "wascc:http_server"
        config = { port = PORT, path = "/other", host = "Localhost" }
        [[link]]
        actor = "other"
        capability = "wascc:keyvalue"
        config = { prefix = "other:" }
        "#;
    let links = links.replace("PORT", &port.to_string());
    let manifest = String::from_utf8(directory.read("host.toml")).unwrap();
    directory.write("host.toml", manifest + &links);
    let mut host = Running::start(&directory, &[]);
    let listening: Vec<_> =
        (0..8).map(|_| host.line()).filter(|line| line.starts_with("listening")).collect();
    assert_eq!(
        listening,
        [
            format!("listening on http://127.0.0.1:{port} for \"counter\""),
            format!("listening on http://localhost:{port}/other for \"other\"")
        ]
    );
    let count = |host: &str, path: &str| {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let mut reply = Vec::new();
        socket.read_to_end(&mut reply).unwrap();
        *reply.last().unwrap()
    };
    for expected in [1, 2, 3] {
        assert_eq!(count("here", "/other"), expected, "the first actor serves every other host");
    }
    assert_eq!((count("localhost", "/other/x"), count("here", "/")), (1, 4));
}

#[test]
fn a_link_that_cannot_be_made_is_told_with_its_line() {
    let wrong = directory(&claims_of_the_counter(), "port = 0, helth_path = \"/\"");
    let ran = wrong.run(&["run", "host.toml"]);
    let told = "error: host.toml:14:47: link[0].config.helth_path: the provider `http-server` did not make the link `default`";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
    assert_eq!(ran.status, Some(1));
    assert_eq!(wrong.run(&["run", "host.toml", "--json"]).error_code(), "invalid_config");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let busy = directory(&claims_of_the_counter(), &format!("port = {port}"));
    assert_eq!(busy.run(&["run", "host.toml", "--json"]).error_code(), "unavailable");
}
