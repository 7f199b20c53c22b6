//! A key is rotated while the host serves: sign, trust, rotate, revoke the old one, and nothing stops.
#![cfg(unix)]

use std::{
    env, fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use serde_json::Value;

use crate::{
    running::{Running, get},
    support::{ACCOUNT, ACCOUNT_SEED, Directory, MODULE_SEED, STRANGER, STRANGER_SEED, claims, signed},
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

const GUIDE: &str = include_str!("../../../../docs/rotate-keys.md");

/// One thing that the guide does.
enum Step {
    File { name: &'static str, content: String },
    Shell(String),
}

/// What the guide's steps do, from the policy at the beginning on.
fn steps() -> Vec<Step> {
    let (_, guide) = GUIDE.split_once("## In five steps").unwrap();
    let (guide, _) = guide.split_once("\n## ").unwrap();
    let mut steps = Vec::new();
    let mut title = None;
    let mut lines = guide.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:")) {
            title = Some(name);
        } else if let Some(kind) = line.strip_prefix("```") {
            let content =
                lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n") + "\n";
            match (kind, title.take()) {
                ("toml", Some(name)) => steps.push(Step::File { name, content }),
                ("sh", None) => steps.push(Step::Shell(content)),
                other => panic!("a block of the guide is neither a file nor a command: {other:?}"),
            }
        }
    }
    steps
}

/// Behind the steps, the guide has one more piece of a policy.
#[test]
fn the_date_of_a_revocation_in_the_guide_is_a_policy() {
    let (_, rest) = GUIDE.rsplit_once("```toml\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    assert!(policy.contains("since"), "{policy}");
    let policy = policy.replace("A...old", ACCOUNT);
    let document = capability_claims::PolicyDocument::from_toml(&policy).unwrap();
    assert_eq!(document.revoked.since.len(), 1);
}

/// Threads that call all the time, until they are asked how it went.
struct Callers {
    over: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Callers {
    fn of(url: &str) -> Self {
        let (over, calls) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let caller = |_| {
            let (url, over, calls) = (url.to_owned(), Arc::clone(&over), Arc::clone(&calls));
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let (status, body) = get(&url, "/");
                    assert!(
                        status.starts_with("HTTP/1.1 200"),
                        "{status}: {}",
                        String::from_utf8_lossy(&body)
                    );
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let threads = (0..2).map(caller).collect();
        Self { over, calls, threads }
    }

    /// Returns when some more calls have succeeded.
    fn go_on(&self) {
        let enough = self.calls.load(Ordering::Relaxed) + 20;
        while self.calls.load(Ordering::Relaxed) < enough {
            assert!(!self.threads.iter().any(JoinHandle::is_finished), "a call has failed");
            thread::yield_now();
        }
    }

    /// None failed.
    fn end(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        self.calls.load(Ordering::Relaxed)
    }
}

/// A host that counts behind HTTP, with the module of an account whose key is old.
fn serving() -> (Directory, Vec<u8>) {
    let directory = directory();
    let guest = wat::parse_str(include_str!("guests/counter.wat")).unwrap();
    let claims = claims().capability("wascc:http_server").capability("wascc:keyvalue").revision(1);
    let old = signed(&guest, &claims);
    directory.write("counter.wasm", &old);
    fs::remove_file(directory.path("new.nk")).unwrap();
    directory.write_seed("counter.nk", MODULE_SEED);
    directory.write(
        "host.toml",
        r#"
        [trust]
        policy = "policy.toml"
        [audit]
        file = "audit.log"
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
    (directory, old)
}

#[test]
fn the_guides_commands_rotate_a_key_and_no_call_fails() {
    let (directory, old) = serving();
    let mut steps = steps().into_iter();
    let written = |name: &str, content: &str| {
        let token = fs::read_to_string(directory.path("rotation.jwt")).unwrap_or_default();
        directory.write(name, content.replace("A...old", ACCOUNT).replace("eyJ0eXAi...", token.trim_end()));
    };
    let Some(Step::File { name, content }) = steps.next() else { panic!("the guide begins with a policy") };
    written(name, &content);
    let mut host = Running::quiet(&directory, &["--json"]);
    let ready: Value = serde_json::from_str(&host.line()).unwrap();
    let url = ready["listening"][0]["url"].as_str().unwrap().to_owned();
    let callers = Callers::of(&url);
    let mut told = Vec::new();
    for step in steps {
        callers.go_on();
        match step {
            Step::File { name, content } => {
                written(name, &content);
                directory.run(&["policy", "verify", name]).succeeded();
            }
            Step::Shell(line) => {
                shell(&directory, &line, &host);
                if line.contains("kill -HUP") {
                    told.push(serde_json::from_str::<Value>(&host.line()).unwrap());
                }
                if line.contains("wascc sign") {
                    told.push(serde_json::from_str::<Value>(&host.line()).unwrap());
                }
            }
        }
    }
    callers.go_on();
    assert!(callers.end() >= 20 * 8);

    let [rotated, again, swapped, revoked] = &told[..] else { panic!("{told:?}") };
    for policy in [rotated, again, revoked] {
        assert_eq!(policy["barred"], Value::Array(Vec::new()), "{policy}");
    }
    let new = directory.run(&["keys", "show", "new.nk", "--json"]).json()["public_key"].clone();
    assert_eq!((&swapped["from"]["issuer"], &swapped["to"]["issuer"]), (&ACCOUNT.into(), &new), "{swapped}");
    assert_eq!((&swapped["module"], &swapped["to"]["revision"]), (&"counter.wasm".into(), &2.into()));
    // The old key's module does not come back, and what the new one signed may run.
    directory.run(&["policy", "check", "policy.toml", "counter.wasm"]).succeeded();
    directory.write("counter.wasm", old);
    assert_eq!(directory.run(&["policy", "check", "policy.toml", "counter.wasm"]).status, Some(1));
    host.send("-HUP");
    host.line();
    assert!(host.told("{\"error\"").contains("\"key_revoked\""));
    assert!(get(&url, "/").0.starts_with("HTTP/1.1 200"));
    assert_eq!(host.end("-TERM").0, Some(0));
    directory.run(&["audit", "verify", "audit.log"]).succeeded();
}

/// Runs a line of the guide, in which the host's process has a name.
#[track_caller]
fn shell(directory: &Directory, line: &str, host: &Running) {
    let binary = Path::new(env!("CARGO_BIN_EXE_wascc")).parent().unwrap();
    let path = env::split_paths(&env::var_os("PATH").unwrap()).collect::<Vec<_>>();
    let path = env::join_paths([binary.to_owned()].into_iter().chain(path)).unwrap();
    let mut command = Command::new("sh");
    command.args(["-ec", line]).current_dir(directory.path("")).env("PATH", path).env("HOST", host.id());
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
}
