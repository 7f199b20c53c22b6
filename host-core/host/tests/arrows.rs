//! Who may know whom: the crates of the workspace depend on each other only along the arrows of `docs/architecture.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Each crate of the house beside those of the house that it may depend on.
const ARROWS: [(&str, &[&str]); 13] = [
    ("wapc-engine", &[]),
    ("wapc-host", &["wapc-engine"]),
    ("wascc-guest", &[]),
    ("capability-contracts", &[]),
    ("capability-claims", &[]),
    ("capability-provider", &[]),
    ("actor-sdk", &["wascc-guest", "capability-contracts"]),
    ("host-audit", &[]),
    (
        "host-core",
        &["wapc-host", "capability-claims", "capability-contracts", "capability-provider", "host-audit"],
    ),
    ("provider-http-server", PROVIDER),
    ("provider-keyvalue-memory", PROVIDER),
    ("provider-keyvalue-redis", PROVIDER),
    ("provider-logging", PROVIDER),
];
const PROVIDER: &[&str] = &["capability-provider", "capability-contracts"];

/// The crates that anybody may know. Each knows at most those before it.
const FOUNDATIONS: [&str; 4] = ["untrusted-text", "system-limits", "trusted-files", "call-context"];

/// The crates that stand on top and may know anybody: the command line, the examples, the benches and the suites.
const TOPS: [&str; 10] = [
    "wascc",
    "invoke",
    "rpc",
    "kv-counter",
    "embed-axum",
    "dictionary",
    "layers",
    "call-overhead",
    "provider-conformance",
    "wapc-conformance",
];

#[test]
fn crates_depend_on_each_other_along_the_arrows_only() {
    let dependencies = dependencies();
    let allowed: BTreeMap<_, _> = ARROWS.into_iter().collect();
    for (package, needs) in &dependencies {
        if TOPS.contains(&package.as_str()) {
            continue;
        }
        if let Some(at) = FOUNDATIONS.iter().position(|foundation| foundation == package) {
            for need in needs.iter().filter(|need| dependencies.contains_key(*need)) {
                assert!(FOUNDATIONS[..at].contains(&need.as_str()), "{package} may not depend on {need}");
            }
            continue;
        }
        let allowed = allowed.get(package.as_str());
        let allowed =
            allowed.unwrap_or_else(|| panic!("{package} has no place among the arrows; give it one"));
        for need in needs.iter().filter(|need| dependencies.contains_key(*need)) {
            let fits = allowed.contains(&need.as_str()) || FOUNDATIONS.contains(&need.as_str());
            assert!(fits, "{package} may not depend on {need}");
        }
    }
}

#[test]
fn only_the_engine_names_wasmer() {
    for (package, needs) in dependencies() {
        let names_it = needs.iter().any(|need| need.starts_with("wasmer"));
        assert!(
            !names_it || package == "wapc-engine" || package == "call-overhead",
            "{package} names wasmer"
        );
    }
}

/// The README's first command builds without what only tests need. A library below the engine that has other features then is built
/// twice, and the engine with it, which takes most of the time of both commands.
#[test]
fn the_readmes_two_commands_share_what_they_build() {
    // A library that builds others, or is built for this machine and another, may be there more than once.
    let built = |edges: &str| -> BTreeSet<String> {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--workspace", "--locked", "--offline", "--prefix", "none"])
            .args(["--edges", edges, "--format", "{p}|{f}"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter(|line| !line.contains(" (/"));
        lines.map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    };
    let (demonstration, tests) = (built("normal,build"), built("normal,build,dev"));
    assert!(demonstration.iter().any(|package| package.starts_with("wasmer v")));
    let once_more: Vec<_> = demonstration.difference(&tests).collect();
    assert!(once_more.is_empty(), "these have other features in tests: {once_more:#?}");
}

/// A thread that finds no room ends the process, or says nothing of the limit that was met, unless `system_limits::begin_thread` begins it.
#[test]
fn all_threads_are_begun_by_one_function() {
    let top = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut files = Vec::new();
    for folder in [
        "waPC-host/context",
        "waPC-host/engine",
        "waPC-host/files",
        "waPC-host/host",
        "waPC-host/system",
        "waPC-host/text",
        "capabilities/claims",
        "capabilities/contracts",
        "capabilities/provider",
        "host-core/audit",
        "host-core/cli",
        "host-core/host",
        "providers/http-server",
        "providers/keyvalue-memory",
        "providers/keyvalue-redis",
        "providers/logging",
    ] {
        sources(&top.join(folder).join("src"), &mut files);
    }
    let begins = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        // Tests may do as they like, and stand at the end.
        let code = text.split("\nmod tests {").next().unwrap_or_default();
        code.contains("thread::spawn") || code.contains("thread::Builder")
    };
    let is_test = |file: &&PathBuf| file.components().any(|part| part.as_os_str() == "interleavings");
    let found: Vec<_> = files.iter().filter(|file| !is_test(file) && begins(file)).collect();
    assert_eq!(found, [&top.join("waPC-host/system/src/threads.rs")]);
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The packages of the workspace, each with its dependencies (those of its tests left out).
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let needs = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies.filter(|need| need["kind"] != "dev").map(|need| text(&need["name"])).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|p| (text(&p["name"]), needs(p))).collect()
}
