//! The talk's demonstration, as a new user tries it.

mod support;

use provider_conformance::RedisServer;
use serde_json::json;
use support::{Demonstration, modules};

#[test]
fn it_counts_and_everything_can_be_swapped_under_it() {
    let mut demonstration = Demonstration::start(&[]);
    let mut client = demonstration.client();
    for count in 1..=3 {
        assert_eq!(client.get("/"), (200, json!({"counter": count})));
    }
    assert_eq!(client.get("/other"), (200, json!({"counter": 1})), "each path has a counter");

    let answer = demonstration.command("swap v2");
    assert!(answer.starts_with("swapped 1.0.0 (revision 1) for 2.0.0 (revision 2)"), "{answer}");
    assert_eq!(client.get("/"), (200, json!({"version": 2, "key": "counter:", "counter": 4})));

    assert_eq!(demonstration.command("kv none"), "the store is gone");
    let (status, body) = client.get("/");
    assert_eq!(status, 503);
    assert_eq!(body["error"]["code"], "capability_unavailable");
    assert_eq!(body["error"]["capability"], "wascc:keyvalue");
    assert_eq!(body["error"]["link"], "default");
    let (status, body) = client.get("/health");
    assert_eq!((status, &body["capability"]), (503, &json!("wascc:keyvalue")));
    let health = demonstration.whole_answer("health");
    assert_eq!(health.last().unwrap(), "not healthy");
    assert!(
        health.iter().any(|line| line.contains("link `default`") && line.contains("wascc:keyvalue is down"))
    );

    assert_eq!(demonstration.command("kv memory"), "the store is now keyvalue-memory");
    assert_eq!(client.get("/").1["counter"], 1);
    assert_eq!(demonstration.whole_answer("health").last().unwrap(), "healthy");
    assert_eq!(client.get("/health").0, 200);

    demonstration.command("swap v1");
    assert_eq!(client.get("/"), (200, json!({"counter": 2})));
    demonstration.quit();
}

#[test]
fn a_store_in_redis_keeps_its_count_across_restarts() {
    let Some(redis) = RedisServer::for_test() else { return };
    let command = format!("kv redis {}", redis.url());
    for (first, second) in [(1, 2), (3, 4)] {
        let mut demonstration = Demonstration::start(&[]);
        assert_eq!(demonstration.command(&command), "the store is now keyvalue-redis");
        let mut client = demonstration.client();
        assert_eq!(client.get("/").1["counter"], first);
        assert_eq!(client.get("/").1["counter"], second);
        assert_eq!(demonstration.command("kv memory"), "the store is now keyvalue-memory");
        assert_eq!(client.get("/").1["counter"], 1);
        demonstration.quit();
    }
}

#[test]
fn what_goes_wrong_at_the_prompt_changes_nothing() {
    let mut demonstration = Demonstration::start(&[]);
    let mut client = demonstration.client();
    let unsigned = modules().join("kv-counter.wasm");
    let missing = modules().join("missing.wasm");
    for (command, expected) in [
        ("dance".to_owned(), "`dance` is no command"),
        (format!("swap {}", missing.display()), "missing.wasm"),
        (format!("swap {}", unsigned.display()), "not signed"),
        ("kv redis nonsense".to_owned(), "`url`"),
        ("kv redis redis://127.0.0.1:1".to_owned(), "127.0.0.1:1"),
    ] {
        let answer = demonstration.whole_answer(&command).join("\n");
        assert!(answer.starts_with("error: ") && answer.contains(expected), "{command}: {answer}");
    }
    assert_eq!(client.get("/").1["counter"], 1);
    demonstration.command("kv none");
    let answer = demonstration.command("kv none");
    assert!(answer.starts_with("error: "), "{answer}");
    demonstration.quit();
}

#[test]
fn it_goes_on_after_a_line_that_is_no_text() {
    let mut demonstration = Demonstration::start(&[]);
    for (line, told) in [
        (&b"\xff\xfe\n"[..], "error: `\u{fffd}\u{fffd}` is no command; try `help`"),
        (b"swap v2\xc3\r\n", "missing"),
        (b"quit\xff\n", "error: `quit\u{fffd}` is no command; try `help`"),
        (b"\0\x1b[2J\xc2\x9b\n", "error: `\\0\\u{1b}[2J\\u{9b}` is no command; try `help`"),
    ] {
        let answer = demonstration.bytes(line);
        let is_told =
            if told == "missing" { answer.starts_with("error: cannot read v2") } else { answer == told };
        assert!(is_told, "{}: {answer:?}", line.escape_ascii());
    }
    assert_eq!(demonstration.client().get("/").1["counter"], 1);
    assert_eq!(demonstration.command("kv none"), "the store is gone");
    demonstration.quit();
}

#[test]
fn it_goes_on_when_its_input_ends_until_it_is_interrupted() {
    let mut demonstration = Demonstration::start(&[]);
    demonstration.close_input();
    let mut client = demonstration.client();
    assert_eq!(client.get("/").1["counter"], 1);
    assert!(demonstration.interrupt().success());
}

#[test]
fn the_help_names_every_command() {
    let mut demonstration = Demonstration::start(&[]);
    let help = demonstration.whole_answer("help").join("\n");
    for command in
        ["status", "health", "swap v1|v2|FILE", "kv memory", "kv redis URL", "kv none", "help", "quit"]
    {
        assert!(help.contains(command), "{command}");
    }
    let status = demonstration.whole_answer("status").join("\n");
    for part in ["kv-counter 1.0.0", "keyvalue-memory", "http-server", "wascc:logging"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    demonstration.quit();
}

#[test]
fn its_keys_can_be_kept_for_modules_of_the_users_own() {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    let option = keys.to_str().unwrap();
    let read = || ["account.nk", "module.nk"].map(|name| std::fs::read_to_string(keys.join(name)).unwrap());
    Demonstration::start(&["--keys", option]).quit();
    let first = read();
    Demonstration::start(&["--keys", option]).quit();
    assert_eq!(read(), first, "they are made once");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(keys.join("account.nk")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
