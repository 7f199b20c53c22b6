//! The guest modules that are committed are those of the sources in the tree, and what they should be.
//!
//! The same check as `scripts/guests check`, for machines with Rust alone. The file `DIGEST` has a line for each file that
//! the modules are made from, and for each module: SHA-256 in lower-case hex, two spaces, the path from the top of the
//! repository, sorted by the path. Line ends of sources count as LF.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

const GUESTS: &str = "examples/guests";
const CRATES: [&str; 3] = ["waPC-guest", "capabilities/contracts", "capabilities/actor"];

#[test]
fn the_committed_modules_are_those_of_the_sources() {
    let recorded: BTreeMap<String, String> = text("examples/guests/modules/DIGEST")
        .lines()
        .map(|line| line.split_once("  ").expect("a digest and a path"))
        .map(|(digest, path)| (path.to_owned(), digest.to_owned()))
        .collect();
    let found = current();
    let paths: BTreeSet<&String> = recorded.keys().chain(found.keys()).collect();
    let differing: Vec<_> =
        paths.into_iter().filter(|path| recorded.get(*path) != found.get(*path)).collect();
    assert!(
        differing.is_empty(),
        "run `scripts/guests update` and commit what it writes; differing: {differing:#?}"
    );
}

#[test]
fn every_guest_has_a_module_that_any_host_runs() {
    for guest in guests() {
        let module = fs::read(top().join(format!("{GUESTS}/modules/{guest}.wasm"))).unwrap();
        let (imports, exports) = interface(&module);
        assert_eq!(imports, BTreeSet::from(["wapc".to_owned()]), "{guest} imports from elsewhere");
        for export in ["memory", "__guest_call"] {
            assert!(exports.contains(export), "{guest} does not export {export}");
        }
    }
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(top().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn guests() -> Vec<String> {
    let folders = fs::read_dir(top().join(GUESTS)).unwrap().map(|entry| entry.unwrap().path());
    folders
        .filter(|folder| folder.join("Cargo.toml").is_file())
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// The digest of every source and module in the tree, by path.
fn current() -> BTreeMap<String, String> {
    let mut sources = vec![format!("{GUESTS}/Cargo.toml"), format!("{GUESTS}/Cargo.lock")];
    let guests = guests().into_iter().map(|guest| format!("{GUESTS}/{guest}"));
    for folder in guests.chain(CRATES.map(str::to_owned)) {
        sources.push(format!("{folder}/Cargo.toml"));
        files(&format!("{folder}/src"), "rs", &mut sources);
    }
    let mut modules = Vec::new();
    files(&format!("{GUESTS}/modules"), "wasm", &mut modules);
    let sources =
        sources.into_iter().map(|path| (sha256(text(&path).replace("\r\n", "\n").as_bytes()), path));
    let modules = modules.into_iter().map(|path| (sha256(&fs::read(top().join(&path)).unwrap()), path));
    sources.chain(modules).map(|(digest, path)| (path, digest)).collect()
}

/// Adds the files below `folder` with this extension, paths with forward slashes.
fn files(folder: &str, extension: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(top().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            files(&path, extension, found);
        } else if entry.path().extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string");
        hex
    })
}

/// The modules that a module imports from, and the names that it exports.
fn interface(module: &[u8]) -> (BTreeSet<String>, BTreeSet<String>) {
    assert_eq!(&module[..8], b"\0asm\x01\0\0\0");
    let (mut imports, mut exports) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = &module[8..];
    while let Some((&id, tail)) = rest.split_first() {
        rest = tail;
        let size = number(&mut rest);
        let (mut section, tail) = rest.split_at(size);
        rest = tail;
        if id != 2 && id != 7 {
            continue;
        }
        for _ in 0..number(&mut section) {
            let first = name(&mut section);
            if id == 2 {
                imports.insert(first);
                name(&mut section);
            } else {
                exports.insert(first);
            }
            // The kind, and the index or the function's type.
            section = &section[1..];
            number(&mut section);
        }
    }
    (imports, exports)
}

fn number(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn name(bytes: &mut &[u8]) -> String {
    let len = number(bytes);
    let (name, rest) = bytes.split_at(len);
    *bytes = rest;
    String::from_utf8(name.to_vec()).unwrap()
}
