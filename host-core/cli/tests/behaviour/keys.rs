//! `wascc keys`.

use capability_claims::KeyPair;

use crate::support::{ACCOUNT, ACCOUNT_SEED, Directory};

#[test]
fn a_seed_goes_to_a_new_file_that_its_owner_alone_can_read() {
    let directory = Directory::new();
    for (kind, letter) in [("account", 'A'), ("module", 'M'), ("operator", 'O')] {
        let ran = directory.run(&["keys", "generate", kind, "--out", kind]);
        let seed = String::from_utf8(directory.read(kind)).unwrap();
        assert_eq!((seed.len(), &seed[..1], &seed[1..2]), (59, "S", &*letter.to_string()));
        assert!(
            !ran.succeeded().text().contains(seed.trim()) && ran.stderr.is_empty(),
            "the seed is not shown"
        );

        let shown = directory.run(&["keys", "show", kind]);
        assert_eq!(*ran.text(), format!("{}Seed file:  {kind}\n", shown.succeeded().text()));
        let key = shown.text().lines().nth(1).unwrap().strip_prefix("Public key: ").unwrap();
        assert!(key.len() == 56 && key.starts_with(letter), "{key}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(directory.path(kind)).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o600);
        }
    }
}

#[test]
fn a_key_is_never_written_over_a_file() {
    let directory = Directory::new();
    directory.write("key", "precious");
    directory
        .run(&["keys", "generate", "account", "--out", "key"])
        .failed(1, "error: key is there already; a key is never written over a file: name another one\n");
    assert_eq!(directory.read("key"), b"precious");
    let ran = directory.run(&["keys", "generate", "account", "--out", "none/key", "--json"]);
    assert_eq!(ran.error_code(), "write_file");
}

#[test]
fn without_a_file_the_seed_is_printed_with_a_warning() {
    let directory = Directory::new();
    let ran = directory.run(&["keys", "generate", "account"]);
    let seed = ran.succeeded().text().lines().find_map(|line| line.strip_prefix("Seed:       ")).unwrap();
    assert!(seed.len() == 58 && seed.starts_with("SA"));
    assert_eq!(
        ran.stderr,
        "warning: the seed is a secret, and is on your screen now; --out FILE puts it into a file instead\n"
    );
    assert_eq!(directory.names(), [""; 0]);

    let json = directory.run(&["keys", "generate", "module", "--json"]);
    let key = json.succeeded().json();
    assert!(
        key["seed"].as_str().unwrap().starts_with("SM")
            && key["public_key"].as_str().unwrap().starts_with('M')
    );
    assert!(json.stderr.starts_with("{\"warning\":"));
}

#[test]
fn json_tells_the_file_and_not_the_seed() {
    let directory = Directory::new();
    let ran = directory.run(&["keys", "generate", "module", "--out", "m.nk", "--json"]);
    // The key is that of this run.
    let seed = String::from_utf8(directory.read("m.nk")).unwrap();
    let key = KeyPair::from_seed(&seed).unwrap().public_key();
    ran.succeeded().printed(&format!("{{\"kind\":\"module\",\"public_key\":\"{key}\",\"file\":\"m.nk\"}}\n"));
}

#[test]
fn every_key_is_another_one() {
    let directory = Directory::new();
    let generate = || directory.run(&["keys", "generate", "account", "--json"]).json()["seed"].clone();
    assert_ne!(generate(), generate());
}

#[test]
fn show_tells_the_public_half_alone() {
    let directory = Directory::new();
    directory.write_seed("key", ACCOUNT_SEED);
    let ran = directory.run(&["keys", "show", "key"]);
    ran.succeeded().printed(&format!("Kind:       account\nPublic key: {ACCOUNT}\n"));
    assert_eq!(ran.stderr, "");
    directory
        .run(&["keys", "show", "key", "--json"])
        .succeeded()
        .printed(&format!("{{\"kind\":\"account\",\"public_key\":\"{ACCOUNT}\"}}\n"));
    let piped = directory.run_with_input(&["keys", "show", "-"], ACCOUNT_SEED.as_bytes());
    piped.succeeded().printed(&format!("Kind:       account\nPublic key: {ACCOUNT}\n"));
}

#[test]
fn what_is_no_seed_is_refused_and_never_repeated() {
    let directory = Directory::new();
    directory.write("public", ACCOUNT);
    directory.run(&["keys", "show", "public"]).failed(
        1,
        "error: public: this is not a key: this looks like a public key where a secret seed belongs; give the seed of this key\n",
    );
    let mut mistyped = ACCOUNT_SEED.to_owned();
    mistyped.replace_range(20..21, if &mistyped[20..21] == "A" { "B" } else { "A" });
    directory.write_seed("mistyped", &mistyped);
    directory.run(&["keys", "show", "mistyped"]).failed(
        1,
        "error: mistyped: this is not a key: its checksum is wrong, for a character was lost or mistyped; copy it once more\n",
    );
    let typed = directory.run(&["keys", "show", ACCOUNT_SEED]);
    assert!(typed.status == Some(1) && typed.stderr.contains("put it into a file"), "{}", typed.stderr);
    assert!(!typed.stderr.contains(&ACCOUNT_SEED[..10]));
    directory.write("large", [b'S'; 100_000]);
    assert_eq!(directory.run(&["keys", "show", "large", "--json"]).error_code(), "malformed_key");
    assert_eq!(directory.run(&["keys", "show", "none", "--json"]).error_code(), "read_file");
}

/// As editors on Windows save text.
#[test]
fn a_seed_file_may_begin_with_a_byte_order_mark() {
    let directory = Directory::new();
    directory.write_seed("a.nk", &format!("\u{feff}{ACCOUNT_SEED}\r"));
    directory
        .run(&["keys", "show", "a.nk"])
        .succeeded()
        .printed(&format!("Kind:       account\nPublic key: {ACCOUNT}\n"));
    // It is no less a secret by the mark.
    assert_eq!(directory.run(&["inspect", "a.nk", "--json"]).error_code(), "seed_in_file");
}
