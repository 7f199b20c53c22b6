//! Every file says first what it does: its header begins with a verb. The glossary has each word once, in order.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The verbs with which headers begin. Whoever needs another one adds it here.
const VERBS: &str = "Accepts Adapts Adds Appends Asks Assembles Begins Brings Builds Cancels Carries \
                     Checks Compiles Converts Crosses Decides Decodes Defines Denies Describes Embeds \
                     Encodes Ends Enters Fills Finds Follows Gives Has Holds Inspects Invokes Keeps Knows \
                     Leads Lends Lets Loads Makes Matches Moves Opens Parses Prepares Prints Provides \
                     Puts Queues Reads Records Refuses Releases Remembers Removes Replaces Resolves Runs \
                     Says Sends Serves Speaks Splits Starts Stops Swaps Takes Tells Translates Verifies \
                     Waits Writes";

/// Verbs that are nouns as well: `Tests providers` says what a file does, `Tests of providers` does not.
const NOUNS_TOO: &str = "Answers Bounds Calls Changes Counts Hosts Judges Limits Links Lists Looks Marks \
                     Measures Names Numbers Offers Plays Reports Sets Shows Signs Stores Tests Turns \
                     Walks Watches";

/// What follows a noun and not a verb.
const AFTER_A_NOUN: &str = "and are as at between by for from in into is of on or over that to under with";

#[test]
fn every_header_begins_with_a_verb() {
    let top = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).canonicalize().unwrap();
    let mut files = Vec::new();
    for package in packages() {
        sources(&package, &mut files);
    }
    files.retain(|file| {
        let path = file.strip_prefix(&top).unwrap();
        !is_test(path)
    });
    assert!(files.len() > 150, "only {} files are read", files.len());
    let mut wrong = String::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let header = text.lines().find_map(|line| line.strip_prefix("//!"));
        if let Some(header) = header.filter(|header| !begins_with_a_verb(header)) {
            wrong.push_str(&format!("{}:{header}\n", file.strip_prefix(&top).unwrap().display()));
        }
    }
    assert!(wrong.is_empty(), "these headers do not begin with a verb that the test knows:\n{wrong}");
}

#[test]
fn nouns_are_not_taken_for_verbs() {
    for header in
        ["Reads tokens.", "Tests sets.", "Reads, checks and embeds chains.", "Calls the host from a guest."]
    {
        assert!(begins_with_a_verb(header), "{header}");
    }
    for header in [
        "",
        "The pool.",
        "What a pool did.",
        "Whether it is well.",
        "This keeps instances.",
        "Its settings.",
        "Tests.",
        "Tests: what is refused.",
        "Tests of providers.",
        "Calls to other actors.",
        "Lists, sets and texts.",
    ] {
        assert!(!begins_with_a_verb(header), "{header}");
    }
}

#[test]
fn the_glossary_has_each_word_once_and_in_order() {
    let words = entries().into_iter().map(|(word, _)| word.to_lowercase()).collect::<Vec<_>>();
    assert!(words.len() > 80, "only {} entries are read", words.len());
    for pair in words.windows(2) {
        assert!(pair[0] < pair[1], "`{}` stands before `{}`", pair[0], pair[1]);
    }
}

#[test]
fn the_glossary_names_files_and_words_that_are_there() {
    let top = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let entries = entries();
    for (word, text) in &entries {
        let paths = text.split('`').skip(1).step_by(2).filter(|code| code.contains('/'));
        for path in paths {
            assert!(top.join(path).exists(), "`{word}`: there is no {path}");
        }
        for named in text.split("**").skip(1).step_by(2) {
            let is_there = entries.iter().any(|(other, _)| named == other || named == format!("{other}s"));
            assert!(is_there, "`{word}`: `{named}` has no entry");
        }
    }
}

/// The words of the glossary, each with what it says of them.
fn entries() -> Vec<(String, String)> {
    let glossary = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/glossary.md"));
    let text = fs::read_to_string(glossary).unwrap();
    let entries = text.split("\n- **").skip(1);
    entries
        .map(|entry| entry.split_once("**: ").map(|(word, text)| (word.into(), text.into())).unwrap())
        .collect()
}

fn begins_with_a_verb(header: &str) -> bool {
    let mut words = header.split_whitespace();
    let Some(first) = words.next() else { return false };
    let among = |list: &str, word: &str| list.split_whitespace().any(|known| known == word);
    among(VERBS, first.trim_end_matches(','))
        || among(NOUNS_TOO, first) && words.next().is_some_and(|next| !among(AFTER_A_NOUN, next))
}

/// Test files begin with what they show.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
}

/// The folders of the workspace's packages.
fn packages() -> Vec<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let folder = |package: &Value| {
        Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().canonicalize().unwrap()
    };
    packages.map(folder).collect()
}

/// The Rust files of a package: its build script, and all below `src` and `benches`.
fn sources(package: &Path, found: &mut Vec<PathBuf>) {
    found.extend(Some(package.join("build.rs")).filter(|file| file.is_file()));
    for folder in ["src", "benches"] {
        below(&package.join(folder), found);
    }
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
