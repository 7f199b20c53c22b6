//! Modules that have changed take the place of those that serve when SIGHUP comes.
#![cfg(unix)]

use capability_claims::{AccountBuilder, ClaimsBuilder, KeyPair, SignedPolicy};
use serde_json::Value;

use crate::{
    running::{Running, get},
    support::{
        ACCOUNT, ACCOUNT_SEED, Directory, MODULE, OPERATOR, OPERATOR_SEED, STRANGER_SEED, claims, signed,
    },
};

const COUNTER: &str = include_str!("guests/counter.wat");

/// Another actor.
const SECOND_SEED: &str = "SMAAGBAFAYDQQCIKBMGA2DQPCAIREEYUCULBOGAZDINRYHI6D4QCCIR3OQ";

fn counter(revision: i32, status: u8) -> Vec<u8> {
    signed(&guest(status), &with_caps(claims()).revision(revision))
}

fn with_caps(claims: ClaimsBuilder) -> ClaimsBuilder {
    claims.capability("wascc:http_server").capability("wascc:keyvalue")
}

/// The counter with another status in its answers, of those from 200 to 255.
fn guest(status: u8) -> Vec<u8> {
    wat::parse_str(COUNTER.replace(r"\cc\c8", &format!(r"\cc\{status:x}"))).unwrap()
}

/// With a counter behind HTTP that serves, and a policy that trusts its account.
fn directory(more: &str) -> Directory {
    let directory = Directory::new();
    directory.write("counter.wasm", counter(1, 200));
    directory.write("policy.toml", policy());
    directory.write(
        "host.toml",
        format!(
            r#"
            [trust]
            policy = "policy.toml"
            [[actor]]
            file = "counter.wasm"
            name = "counter"
            {more}
            [[provider]]
            kind = "http-server"
            [[provider]]
            kind = "keyvalue-memory"
            [[link]]
            actor = "counter"
            capability = "wascc:http_server"
            config = {{ port = 0 }}
            [[link]]
            actor = "counter"
            capability = "wascc:keyvalue"
            "#
        ),
    );
    directory
}

fn policy() -> String {
    format!("accounts = [\"{ACCOUNT}\"]\noperators = [\"{OPERATOR}\"]\n[end]\nentries = 2\n")
}

struct Serving {
    host: Running,
    url: String,
}

impl Serving {
    fn of(directory: &Directory) -> Self {
        let mut host = Running::start(directory, &["--json"]);
        let ready: Value = serde_json::from_str(&host.line()).unwrap();
        let url = ready["listening"][0]["url"].as_str().unwrap().to_owned();
        Self { host, url }
    }

    /// Sends the signal, and returns what was said of the policy.
    #[track_caller]
    fn reload(&mut self) -> Value {
        self.host.send("-HUP");
        self.next()
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        serde_json::from_str(&self.host.line()).unwrap()
    }

    #[track_caller]
    fn answers(&self, status: &str) {
        let (line, body) = get(&self.url, "/");
        assert!(
            line.starts_with(&format!("HTTP/1.1 {status}")),
            "{line}: {}",
            String::from_utf8_lossy(&body)
        );
    }
}

#[test]
fn a_module_that_has_changed_serves_from_sighup_on() {
    let directory = directory("");
    let mut serving = Serving::of(&directory);
    serving.answers("200");
    directory.write("counter.wasm", counter(2, 201));
    serving.answers("200");
    assert_eq!(serving.reload()["policy"], "policy.toml");
    let told = serving.next();
    assert_eq!((&told["module"], &told["actor"]), (&"counter.wasm".into(), &MODULE.into()), "{told}");
    assert_eq!((&told["from"]["revision"], &told["to"]["revision"]), (&1.into(), &2.into()), "{told}");
    serving.answers("201");

    // What has not changed is left alone: the next line is that of the next signal.
    assert_eq!(serving.reload()["policy"], "policy.toml");
    assert_eq!(serving.reload()["policy"], "policy.toml");
    directory.write("counter.wasm", counter(3, 202));
    serving.reload();
    assert_eq!(serving.next()["to"]["generation"], 3);
    assert_eq!(serving.host.end("-TERM").0, Some(0));
}

#[test]
fn a_module_that_is_refused_leaves_the_one_that_serves() {
    let directory = directory("");
    let mut serving = Serving::of(&directory);
    let stranger = KeyPair::from_seed(STRANGER_SEED).unwrap();
    let strangers = capability_claims::sign_module(&guest(203), &with_caps(claims()).revision(5), &stranger);
    for (module, code) in [
        (counter(0, 203), "lower_revision"),
        (guest(203), "not_signed"),
        (strangers.unwrap(), "not_trusted"),
        (b"nothing".to_vec(), "invalid_module"),
    ] {
        directory.write("counter.wasm", module);
        serving.reload();
        let told = serving.host.told("{\"error\"");
        assert!(
            told.contains(&format!("\"{code}\"")) && told.contains("host.toml:5:20: actor[0].file"),
            "{told}"
        );
        serving.answers("200");
    }
    std::fs::remove_file(directory.path("counter.wasm")).unwrap();
    serving.reload();
    assert!(serving.host.told("{\"error\"").contains("\"read_file\""));
    serving.answers("200");

    directory.write("counter.wasm", counter(2, 201));
    serving.reload();
    serving.next();
    serving.answers("201");
    assert_eq!(serving.host.end("-TERM").0, Some(0));
}

#[test]
fn each_module_stands_for_itself() {
    let directory = directory("[[actor]]\nfile = \"second.wasm\"");
    let second = |revision| {
        let key = KeyPair::from_seed(SECOND_SEED).unwrap().public_key();
        signed(&guest(200), &ClaimsBuilder::new(key).name("second").revision(revision))
    };
    directory.write("second.wasm", second(1));
    let mut serving = Serving::of(&directory);
    directory.write("counter.wasm", second(9));
    directory.write("second.wasm", second(2));
    serving.reload();
    // The module of another key is not what this place of the manifest is for.
    let told = serving.host.told("{\"error\"");
    assert!(told.contains("\"other_actor\"") && told.contains("actor[0].file"), "{told}");
    assert_eq!(serving.next()["module"], "second.wasm");
    serving.answers("200");
    assert_eq!(serving.host.end("-TERM").0, Some(0));
}

#[test]
fn under_a_policy_that_cannot_be_read_no_module_changes() {
    let directory = directory("");
    let mut serving = Serving::of(&directory);
    directory.write("counter.wasm", counter(2, 201));
    directory.write("policy.toml", "accounts = [7]\n");
    serving.host.send("-HUP");
    assert!(serving.host.told("{\"error\"").contains("\"malformed_policy\""));
    // Signals are dealt with one after the other, so what the first one asked for is done.
    directory.write("counter.wasm", counter(1, 200));
    directory.write("policy.toml", policy());
    assert_eq!(serving.reload()["policy"], "policy.toml");
    serving.answers("200");
    assert_eq!(serving.host.end("-TERM").0, Some(0));
}

/// The policy holds before a module is looked at.
#[test]
fn a_module_that_the_new_policy_bars_does_not_come_in() {
    let directory = directory("");
    let mut serving = Serving::of(&directory);
    directory.write("counter.wasm", counter(2, 201));
    let denied = format!("[actors]\ndenied = [\"{MODULE}\"]\n[end]\nentries = 3\n");
    directory.write("policy.toml", policy().replace("[end]\nentries = 2\n", &denied));
    let barred = serving.reload();
    assert_eq!(barred["barred"][0]["id"], MODULE, "{barred}");
    assert!(serving.host.told("{\"error\"").contains("\"actor_denied\""));
    serving.answers("5");
    assert_eq!(serving.host.end("-TERM").0, Some(0));
}

#[test]
fn a_token_beside_a_module_that_has_changed_counts_as_the_module() {
    let directory = directory("chain = [\"team.jwt\"]");
    let operator = KeyPair::from_seed(OPERATOR_SEED).unwrap();
    let token = |name| AccountBuilder::new(ACCOUNT.parse().unwrap()).name(name).issue(&operator).unwrap();
    directory.write("team.jwt", token("red"));
    let mut serving = Serving::of(&directory);
    directory.write("team.jwt", token("blue"));
    serving.reload();
    assert_eq!(serving.next()["to"]["generation"], 2);
    // A new line at the end says nothing else.
    directory.write("team.jwt", format!("{}\n", String::from_utf8(directory.read("team.jwt")).unwrap()));
    serving.reload();
    assert_eq!(serving.reload()["policy"], "policy.toml");
    assert_eq!(serving.host.end("-TERM").0, Some(0));
}

#[test]
fn a_signed_policy_that_is_not_taken_leaves_the_host_serving_under_the_one_before() {
    let directory = directory("");
    let text = String::from_utf8(directory.read("host.toml")).unwrap();
    let signed = text.replace(
        "[trust]",
        &format!("[host]\nrevision_ledger = \"revisions\"\n[trust]\nsigner = \"{ACCOUNT}\""),
    );
    directory.write("host.toml", signed);
    let sign = |text: &str, serial, seed| {
        SignedPolicy::sign(text, serial, &KeyPair::from_seed(seed).unwrap()).unwrap()
    };
    let genuine = |serial| sign(&policy(), serial, ACCOUNT_SEED);
    directory.write("policy.toml", genuine(2));
    let mut serving = Serving::of(&directory);
    let cut = genuine(3);
    let nobody = "[end]\nentries = 0\n";
    for (text, code) in [
        (sign(nobody, 3, STRANGER_SEED), "policy_signer"),
        (sign(nobody, 1, ACCOUNT_SEED), "policy_replayed"),
        (sign(nobody, 2, ACCOUNT_SEED), "policy_replayed"),
        (cut[..cut.len() - 50].to_owned(), "malformed_token"),
        (cut.lines().next().unwrap().to_owned(), "policy_not_signed"),
        (genuine(3).replace("operators", "# operators"), "policy_altered"),
        (nobody.to_owned(), "policy_not_signed"),
        (String::new(), "policy_not_signed"),
    ] {
        directory.write("policy.toml", text);
        serving.host.send("-HUP");
        let error = serving.host.told("{\"error\"");
        assert!(error.contains(code) && error.contains("policy.toml"), "{code}: {error}");
        serving.answers("200");
    }
    // None of them was remembered as the newest.
    directory.write("policy.toml", genuine(3));
    assert_eq!(serving.reload()["policy"], "policy.toml");
    serving.answers("200");
}
