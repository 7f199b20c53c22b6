//! `wascc new` and `wascc build`: from an empty folder to a signed module.
#![cfg(unix)]

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::support::{ACCOUNT_SEED, Directory};

const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../capabilities/actor");
const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guests/Cargo.lock");

fn with_actor() -> Directory {
    let directory = Directory::new();
    directory.run(&["new", "hello-tea", "--actor-sdk", SDK]).succeeded();
    // The versions of the guests, which are there without a network.
    fs::copy(LOCK, directory.path("hello-tea/Cargo.lock")).unwrap();
    directory
}

/// Where all builds of these tests are kept, for the next run too.
fn shared_target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-actor")
}

fn in_actor(command: &mut Command, directory: &Directory) -> Output {
    command.current_dir(directory.path("hello-tea"));
    command.env("CARGO_TARGET_DIR", shared_target()).env("CARGO_NET_OFFLINE", "true").output().unwrap()
}

/// Builds it, unless nothing here can, or what it needs was not fetched yet. With REQUIRE_WASM that is a failure.
fn built(directory: &Directory) -> Option<Output> {
    let output = in_actor(&mut directory.command(&["build"]), directory);
    let told = String::from_utf8_lossy(&output.stderr);
    // Without a network, cargo has what it fetched before and nothing else.
    if told.contains("no way to compile Rust for WebAssembly") || told.contains("offline mode") {
        assert!(env::var_os("REQUIRE_WASM").is_none(), "{told}");
        eprintln!("skipped: {told}");
        return None;
    }
    Some(output)
}

#[test]
fn a_new_actor_has_keys_that_its_owner_alone_can_read() {
    let directory = with_actor();
    for (name, mode) in [("keys", 0o700), ("keys/account.nk", 0o600), ("keys/module.nk", 0o600)] {
        let found = fs::metadata(directory.path("hello-tea").join(name)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{name}");
    }
    let ignored = String::from_utf8(directory.read("hello-tea/.gitignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "/keys/"), "{ignored}");
}

#[test]
fn nothing_is_written_over() {
    let directory = with_actor();
    let seed = directory.read("hello-tea/keys/account.nk");
    assert_eq!(directory.run(&["new", "hello-tea", "--json"]).error_code(), "folder_exists");
    assert_eq!(directory.read("hello-tea/keys/account.nk"), seed);
    directory.write("file", "mine");
    assert_eq!(directory.run(&["new", "file", "--json"]).error_code(), "folder_exists");
    assert_eq!(directory.read("file"), b"mine");
}

#[test]
fn odd_names_are_refused_before_anything_is_made() {
    let directory = Directory::new();
    let long = "a".repeat(65);
    for name in ["", "Hello", "9lives", "a b", "../up", "a/b", "tea-", "a--b", "fn", "std", "täe", ".", &long]
    {
        assert_eq!(directory.run(&["new", name, "--json"]).error_code(), "odd_name", "{name}");
    }
    assert!(directory.names().is_empty());
    assert_eq!(directory.run(&["new", "tea", "--actor-sdk", "none", "--json"]).error_code(), "read_file");
    assert!(directory.names().is_empty());
}

#[test]
fn a_released_sdk_is_what_it_depends_on_unless_told_otherwise() {
    let directory = Directory::new();
    directory.run(&["new", "tea"]).succeeded();
    let manifest = String::from_utf8(directory.read("tea/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("actor-sdk = \"{}\"", env!("CARGO_PKG_VERSION"))), "{manifest}");
}

#[test]
fn a_build_says_what_it_lacks() {
    let directory = with_actor();
    let mut build = directory.command(&["build", "hello-tea", "--json"]);
    let output = build.env("PATH", directory.path("hello-tea")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("\"no_toolchain\"") && told.contains("rustup target add"), "{told}");
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1));

    assert_eq!(directory.run(&["build", "--json"]).error_code(), "read_file");
    directory.write("hello-tea/wascc.toml", format!("name = \"{ACCOUNT_SEED}\"\n"));
    assert_eq!(directory.run(&["build", "hello-tea", "--json"]).error_code(), "seed_in_file");
    directory.write("hello-tea/wascc.toml", "name = \"tea\"\ncapabilties = []\n");
    let wrong = directory.run(&["build", "hello-tea"]);
    assert!(wrong.stderr.starts_with("error: hello-tea/wascc.toml:2:1: capabilties"), "{wrong:?}");
}

#[test]
fn a_new_actor_is_tested_built_and_signed() {
    let directory = with_actor();
    let Some(output) = built(&directory) else { return };
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(line.starts_with("./hello-tea.wasm: \"hello-tea\", "), "{line}");
    assert!(line.ends_with(" bytes, may use wascc:http_server, wascc:keyvalue\n"), "{line}");
    directory.run(&["run", "hello-tea/host.toml", "--check"]).succeeded();

    let tested = in_actor(Command::new("cargo").args(["test", "--quiet"]), &directory);
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));

    // A key that others can read signs nothing, and what was built before stays.
    let before = directory.read("hello-tea/hello-tea.wasm");
    directory.set_mode("hello-tea/keys/account.nk", 0o644);
    let exposed = built(&directory).unwrap();
    assert!(String::from_utf8_lossy(&exposed.stderr).contains("chmod 600"), "{exposed:?}");
    directory.set_mode("hello-tea/keys/account.nk", 0o600);

    directory.write("hello-tea/src/lib.rs", "fn broken( {");
    let failed = built(&directory).unwrap();
    let told = String::from_utf8_lossy(&failed.stderr);
    assert!(told.contains("src/lib.rs:1") && told.contains("error: the build failed"), "{told}");
    assert_eq!(failed.status.code(), Some(101), "the compiler's own");
    assert_eq!(directory.read("hello-tea/hello-tea.wasm"), before);
}
