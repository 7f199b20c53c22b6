//! A key is rotated while the host serves: sign, trust, rotate, revoke the old one, and nothing stops.
#![cfg(unix)]

use serde_json::Value;

use crate::{
    running::{Running, get},
    support::{ACCOUNT, ACCOUNT_SEED, Directory, EMPTY, STRANGER, STRANGER_SEED, claims, signed},
};

fn directory() -> Directory {
    let directory = Directory::new();
    directory.write_seed("old.nk", ACCOUNT_SEED);
    directory.write_seed("new.nk", STRANGER_SEED);
    directory
}

fn rotate(directory: &Directory, more: &[&str]) -> Value {
    let ran = directory
        .run(&[&["--json", "keys", "rotate", "old.nk", "new.nk", "--overlap", "30d"], more].concat());
    serde_json::from_slice(&ran.succeeded().stdout).unwrap()
}

#[test]
fn a_rotation_names_both_keys_and_the_time_in_which_both_count() {
    let directory = directory();
    let told = rotate(&directory, &["--reason", "yearly", "--out", "rotation.jwt"]);
    assert_eq!((&told["from"], &told["to"]), (&ACCOUNT.into(), &STRANGER.into()));
    let [handover, end] = ["handover", "overlap_end"].map(|field| told[field].as_u64().unwrap());
    assert_eq!(end - handover, 30 * 24 * 3600);
    let later = rotate(&directory, &["--handover-in", "1h"]);
    assert!(later["handover"].as_u64().unwrap() >= handover + 3600);
    let text = String::from_utf8(directory.read("rotation.jwt")).unwrap();
    assert_eq!(text.trim_end(), told["text"].as_str().unwrap());
    let same = directory.run(&["keys", "rotate", "old.nk", "old.nk", "--overlap", "1d"]);
    assert_eq!(same.status, Some(1));
    assert!(same.stderr.contains("back to itself"), "{}", same.stderr);
}

#[test]
fn sign_trust_rotate_and_revoke_stop_nothing() {
    let directory = directory();
    let guest = wat::parse_str(include_str!("guests/counter.wat")).unwrap();
    let claims = claims().capability("wascc:http_server").capability("wascc:keyvalue");
    directory.write("counter.wasm", signed(&guest, &claims));
    directory.write("module.wasm", EMPTY);
    directory.write_seed("module.nk", crate::support::MODULE_SEED);
    directory.write(
        "host.toml",
        r#"
        [trust]
        policy = "policy.toml"
        [[actor]]
        file = "counter.wasm"
        name = "counter"
        [[provider]]
        kind = "http-server"
        [[provider]]
        kind = "keyvalue-memory"
        [[link]]
        actor = "counter"
        capability = "wascc:http_server"
        config = { port = 0 }
        [[link]]
        actor = "counter"
        capability = "wascc:keyvalue"
        "#,
    );
    let trusting = format!("accounts = [\"{ACCOUNT}\"]\n");
    directory.write("policy.toml", &trusting);
    let mut host = Running::start(&directory, &["--json"]);
    let ready: Value = serde_json::from_str(&host.line()).unwrap();
    let url = ready["listening"][0]["url"].as_str().unwrap().to_owned();
    let serves = || assert!(get(&url, "/").0.starts_with("HTTP/1.1 200"));
    serves();

    // Both keys count, also where the host runs already.
    let token = rotate(&directory, &[])["text"].as_str().unwrap().to_owned();
    let rotated = format!("{trusting}rotations = [\"{token}\"]\n");
    directory.write("policy.toml", &rotated);
    host.send("-HUP");
    let told: Value = serde_json::from_str(&host.line()).unwrap();
    assert_eq!(told["barred"], Value::Array(Vec::new()));
    serves();

    // What the new key signs is taken, before and after the old key is revoked; what the old one signed is not, after that.
    let keys = ["--issuer", "new.nk", "--subject", "module.nk", "--name", "renewed"];
    let sign = [&["sign", "module.wasm", "renewed.wasm"][..], &keys].concat();
    directory.run(&sign).succeeded();
    directory.run(&["policy", "check", "policy.toml", "renewed.wasm"]).succeeded();
    directory.write("policy.toml", format!("{rotated}[revoked]\nkeys = [\"{ACCOUNT}\"]\n"));
    directory.run(&["policy", "check", "policy.toml", "renewed.wasm"]).succeeded();
    assert_eq!(directory.run(&["policy", "check", "policy.toml", "counter.wasm"]).status, Some(1));
    assert_eq!(host.end("-TERM").0, Some(0));
}
