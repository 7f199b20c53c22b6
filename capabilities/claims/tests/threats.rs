//! The table of threats, `docs/threats.md`, names only tests that there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const TABLE: &str = include_str!("../../../docs/threats.md");

/// The rows of the tables: those lines that name tests.
fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Threat"))
}

/// What a line has in code marks that names a test: the path of a file, and the test's name.
fn tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|code| code.split_once(".rs::"))
}

/// Whether a source has a test of this name, as a function or as a row of a macro that makes functions of its rows.
fn has_test(source: &str, name: &str) -> bool {
    let (function, row) = (format!("fn {name}("), format!("{name} "));
    let mut marked = false;
    source.lines().map(str::trim).any(|line| {
        let found =
            (marked && line.starts_with(&function)) || (line.starts_with(&row) && line.contains("=>"));
        marked = line == "#[test]" || (marked && line.starts_with("#["));
        found
    })
}

#[test]
fn every_test_that_the_table_names_is_in_the_tree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = BTreeMap::new();
    let mut missing = Vec::new();
    for (file, name) in rows().flat_map(tests) {
        let source = sources
            .entry(file)
            .or_insert_with(|| fs::read_to_string(root.join(format!("{file}.rs"))).unwrap_or_default());
        if !has_test(source, name) {
            missing.push(format!("{file}.rs::{name}"));
        }
    }
    assert!(missing.is_empty(), "docs/threats.md names tests that are not there: {missing:#?}");
}

#[test]
fn every_threat_has_a_test() {
    let without: Vec<&str> = rows().filter(|line| tests(line).next().is_none()).collect();
    assert!(without.is_empty(), "{without:#?}");
    assert!(rows().count() > 50, "the tables were found");
}

#[test]
fn every_threat_stands_in_the_table_once() {
    let mut seen = BTreeSet::new();
    let twice: Vec<_> =
        rows().filter_map(|line| line.split(" | ").next()).filter(|threat| !seen.insert(*threat)).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn a_test_is_known_by_its_mark_or_its_row() {
    assert!(has_test("#[test]\nfn a() {", "a"));
    assert!(has_test("#[test]\n#[cfg(unix)]\nfn a() {", "a"));
    assert!(has_test("    a [1..=2] SHORT => Ok(_),", "a"));
    for source in ["fn a() {", "#[test]\nfn ab() {", "#[test]\nfn b() {\n}\nfn a() {", "a = 1;", ""] {
        assert!(!has_test(source, "a"), "{source}");
    }
}
