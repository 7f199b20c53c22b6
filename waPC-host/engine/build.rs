//! Tells the crate what it is made of, for the identity of compiled modules on disk: the versions
//! of all that makes machine code, and its own sources.
//!
//! Whoever builds the program decides on the versions, within what the crates ask for; they stand
//! in a lock file, above the target directory as a rule, and above this crate where it is built in
//! its own workspace. What both say goes into the identity: one that says too much costs a
//! compilation, one that says too little would run code of another compiler.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

/// What the names of packages begin with that have a part in machine code, or in how it is written
/// down.
const MAKERS: [&str; 8] =
    ["cranelift", "gimli", "object", "regalloc2", "rkyv", "target-lexicon", "wasmer", "wasmparser"];

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut versions = BTreeSet::new();
    for start in [&manifest, &out] {
        let mut lock_files = start.ancestors().map(|directory| directory.join("Cargo.lock"));
        if let Some(lock_file) = lock_files.find(|path| path.is_file()) {
            println!("cargo::rerun-if-changed={}", lock_file.display());
            versions.extend(makers(&fs::read_to_string(lock_file).unwrap_or_default()));
        }
    }
    let sources = manifest.join("src");
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=build.rs");
    let versions: Vec<_> = versions.into_iter().collect();
    println!("cargo::rustc-env=WAPC_ENGINE_MAKERS={}", versions.join(", "));
    println!(
        "cargo::rustc-env=WAPC_ENGINE_SOURCES={:016x}",
        digest_of_folder(&sources, 0xcbf2_9ce4_8422_2325)
    );
}

/// The names and versions of the packages in a lock file that make code.
fn makers(lock_file: &str) -> Vec<String> {
    let packages = lock_file.split("[[package]]").skip(1);
    let field = |package: &str, name: &str| {
        let mut values = package.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        values.next().map(|value| value.trim_matches('"').to_owned())
    };
    packages
        .filter_map(|package| Some((field(package, "name")?, field(package, "version")?)))
        .filter(|(name, _)| MAKERS.iter().any(|maker| name.starts_with(maker)))
        .map(|(name, version)| format!("{name} {version}"))
        .collect()
}

/// FNV-1a over the names and contents of all files, in the order of their names.
fn digest_of_folder(folder: &Path, before: u64) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().fold(before, |before, path| {
        let named = digest(path.file_name().unwrap_or_default().as_encoded_bytes(), before);
        if path.is_dir() {
            digest_of_folder(path, named)
        } else {
            digest(&fs::read(path).unwrap_or_default(), named)
        }
    })
}

fn digest(bytes: &[u8], before: u64) -> u64 {
    bytes.iter().fold(before, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
