//! A manifest names a file in which the highest revision of each module that ran is remembered.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt};

use capability_claims::{KeyPair, sign_module};
use serde_json::Value;

use crate::{
    running::Running,
    support::{ACCOUNT, Directory, STRANGER, STRANGER_SEED, claims, signed},
};

const RUN: [&str; 3] = ["run", "in/host.toml", "--json"];
const CHECK: [&str; 4] = ["run", "in/host.toml", "--json", "--check"];

/// A host with a ledger; `actor` is what the manifest says of its actor beside the file. All of it lies in the folder `in`.
struct Place(Directory);

impl Place {
    fn new() -> Self {
        let directory = Directory::new();
        fs::create_dir(directory.path("in")).unwrap();
        let place = Self(directory);
        place.manifest("");
        place
    }

    fn manifest(&self, actor: &str) {
        let text = format!(
            "[host]\nrevision_ledger = \"revisions\"\n[trust]\npolicy = \"policy.toml\"\n[[actor]]\nfile = \"counter.wasm\"\n{actor}\n"
        );
        self.0.write("in/host.toml", text);
        self.0.write("in/policy.toml", format!("accounts = [\"{ACCOUNT}\"]\n[end]\nentries = 1\n"));
    }

    /// Puts a module of this revision in its place. Each says something else.
    fn module(&self, revision: i32) {
        self.0.write("in/counter.wasm", signed(&guest(revision), &claims().revision(revision)));
    }

    /// The same, signed by another account, which is trusted now.
    fn theirs(&self, revision: i32) {
        let both = format!("accounts = [\"{ACCOUNT}\", \"{STRANGER}\"]\n[end]\nentries = 2\n");
        self.0.write("in/policy.toml", both);
        let stranger = KeyPair::from_seed(STRANGER_SEED).unwrap();
        let theirs = sign_module(&guest(revision), &claims().revision(revision), &stranger).unwrap();
        self.0.write("in/counter.wasm", theirs);
    }

    /// A host that serves with this revision.
    fn serves(&self, revision: i32) -> Running {
        self.module(revision);
        self.starts(revision)
    }

    fn starts(&self, revision: i32) -> Running {
        let mut host = Running::of(self.0.command(&RUN));
        let ready: Value = serde_json::from_str(&host.line()).unwrap();
        assert_eq!(ready["actors"][0]["revision"], revision, "{ready}");
        host
    }

    /// Neither a host nor a check lets this revision in.
    #[track_caller]
    fn refuses(&self, revision: i32, code: &str) {
        self.module(revision);
        for arguments in [&RUN[..], &CHECK] {
            let ran = self.0.run(arguments);
            assert_eq!(ran.error_code(), code);
            let told = ran.error()["message"].as_str().unwrap().to_owned();
            assert!(told.starts_with("in/host.toml:6:8: actor[0].file: "), "{told}");
            assert!(
                told.contains("revision 5") && told.contains(&format!("`lower_revision` = {revision}")),
                "{told}"
            );
        }
    }
}

fn guest(says: i32) -> Vec<u8> {
    let text = format!(
        "(module (memory (export \"memory\") 1) (func (export \"__guest_call\") (param i32 i32) (result i32) (i32.const {says})))"
    );
    wat::parse_str(text).unwrap()
}

#[track_caller]
fn ends(host: Running) {
    assert_eq!(host.end("-TERM").0, Some(0));
}

#[test]
fn a_lower_revision_does_not_come_back_with_the_next_start() {
    let place = Place::new();
    ends(place.serves(5));
    let mode = fs::metadata(place.0.path("in/revisions")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    place.refuses(3, "below_highest_revision");
    // What is not in the manifest any more is remembered too.
    let whole = place.0.read("in/host.toml");
    let without = String::from_utf8(whole.clone()).unwrap();
    place.0.write("in/host.toml", without.split("[[actor]]").next().unwrap());
    let mut host = Running::of(place.0.command(&RUN));
    host.line();
    ends(host);
    place.0.write("in/host.toml", whole);
    place.refuses(4, "below_highest_revision");
    ends(place.serves(5));
    ends(place.serves(6));
}

#[test]
fn a_lower_revision_comes_in_when_the_manifest_names_it_and_no_other() {
    let place = Place::new();
    ends(place.serves(5));
    place.manifest("lower_revision = 3");
    for _ in 0..2 {
        ends(place.serves(3));
    }
    place.refuses(4, "below_highest_revision");
    place.refuses(2, "below_highest_revision");
    place.manifest("");
    place.refuses(3, "below_highest_revision");
}

#[test]
fn a_revision_that_is_named_holds_for_modules_that_are_read_again() {
    let place = Place::new();
    place.manifest("lower_revision = 3");
    let mut host = place.serves(5);
    for (revision, generation) in [(3, Some(2)), (4, None), (5, Some(3)), (2, None), (3, Some(4))] {
        place.module(revision);
        host.send("-HUP");
        assert!(host.line().contains("policy.toml"));
        match generation {
            Some(generation) => {
                let told: Value = serde_json::from_str(&host.line()).unwrap();
                assert_eq!(
                    (&told["to"]["revision"], &told["to"]["generation"]),
                    (&revision.into(), &generation.into())
                );
            }
            None => assert!(host.told("{\"error\"").contains("_revision\"")),
        }
    }
    ends(host);
}

#[test]
fn a_check_changes_nothing_and_a_ledger_has_one_host() {
    let place = Place::new();
    place.module(5);
    for start in [&[][..], &["--start"]] {
        place.0.run(&[&CHECK[..], start].concat()).succeeded();
        assert!(!place.0.path("in/revisions").exists());
    }
    let host = place.serves(1);
    let before = place.0.read("in/revisions");
    place.module(5);
    for start in [&[][..], &["--start"]] {
        place.0.run(&[&CHECK[..], start].concat()).succeeded();
        assert_eq!(place.0.read("in/revisions"), before);
    }
    let other = place.0.run(&RUN);
    assert_eq!(other.error_code(), "ledger_in_use");
    assert!(other.stderr.contains("in/host.toml:2:19: host.revision_ledger"), "{}", other.stderr);
    ends(host);
}

#[test]
fn what_is_no_ledger_is_refused_and_not_written_over() {
    let place = Place::new();
    place.module(1);
    place.0.write_seed("in/revisions", "this is something else");
    for arguments in [&RUN[..], &CHECK] {
        assert_eq!(place.0.run(arguments).error_code(), "ledger_malformed");
    }
    assert_eq!(place.0.read("in/revisions"), b"this is something else\n");
}

#[test]
fn an_actor_belongs_to_its_account_while_it_is_away_until_the_manifest_names_another() {
    let place = Place::new();
    ends(place.serves(5));
    place.theirs(i32::MAX);
    for arguments in [&RUN[..], &CHECK] {
        let ran = place.0.run(arguments);
        assert_eq!(ran.error_code(), "not_the_owner");
        assert!(ran.stderr.contains(ACCOUNT) && ran.stderr.contains("`hand_over_to`"), "{}", ran.stderr);
    }
    ends(place.serves(6));
    place.manifest(&format!("hand_over_to = \"{STRANGER}\""));
    place.theirs(7);
    ends(place.starts(7));
    place.manifest("");
    place.theirs(8);
    place.module(9);
    assert_eq!(place.0.run(&RUN).error_code(), "not_the_owner");
    place.manifest("hand_over_to = \"AXXX\"");
    let ran = place.0.run(&RUN);
    assert_eq!(ran.error_code(), "malformed_key");
    assert!(ran.stderr.contains("in/host.toml:7:16: actor[0].hand_over_to"), "{}", ran.stderr);
}

#[test]
fn an_actor_that_serves_goes_to_another_account_when_the_manifest_names_it() {
    let place = Place::new();
    place.manifest(&format!("hand_over_to = \"{STRANGER}\""));
    let mut host = place.serves(5);
    place.theirs(6);
    host.send("-HUP");
    assert!(host.line().contains("policy.toml"));
    let told: Value = serde_json::from_str(&host.line()).unwrap();
    assert_eq!((&told["to"]["issuer"], &told["handover"]), (&STRANGER.into(), &"named".into()), "{told}");
    ends(host);
}
