//! Only the files in `src/wasmer` name wasmer, and the README names the files with unsafe code.

use std::{
    fs,
    path::{Path, PathBuf},
};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// What the names of the crates begin with that only one folder may name.
const CRATES: [&str; 3] = ["wasmer", "wasmparser", "cranelift"];

#[test]
fn only_one_folder_names_wasmer() {
    let (mut inside, mut outside) = (0, 0);
    for (path, source) in sources() {
        let named = crates_named(&source);
        if path.starts_with("wasmer") {
            inside += usize::from(!named.is_empty());
        } else {
            outside += 1;
            assert!(named.is_empty(), "src/{} names {named:?}; that belongs in src/wasmer", path.display());
        }
    }
    assert!(inside >= 10 && outside >= 10, "{inside} and {outside} files");
}

#[test]
fn a_crate_is_told_from_a_module_of_the_same_name() {
    for (source, found) in [
        ("use wasmer::Store;", vec!["wasmer"]),
        ("use ::wasmer::Store;", vec!["wasmer"]),
        ("use {std::fmt, wasmer::{Store, sys}};", vec!["wasmer"]),
        (
            "fn f(raw: wasmer_types::RawValue, o: wasmer::wasmparser::Operator) {}",
            vec!["wasmer_types", "wasmer"],
        ),
        ("extern crate wasmer;", vec!["wasmer"]),
        (
            "use wasmparser::Parser as P; const X: u8 = cranelift_codegen::X;",
            vec!["wasmparser", "cranelift_codegen"],
        ),
        ("let c = 'a'; let l: &'static str = \"\\\"\"; wasmer::f()", vec!["wasmer"]),
        ("use crate::wasmer; fn f() { wasmer::f() }", vec!["wasmer"]),
        ("mod wasmer;", vec![]),
        ("pub use crate::wasmer::store::Store;", vec![]),
        ("use crate::{error::Error, wasmer::{store::Store, types}};", vec![]),
        (
            "// wasmer::Store\n/* wasmer */ let text = \"wasmer::Store\"; let raw = r#\"\" wasmer::\"#;",
            vec![],
        ),
    ] {
        assert_eq!(crates_named(source), found, "{source}");
    }
}

#[test]
fn the_readme_names_the_files_with_unsafe_code() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## Unsafe code\n").unwrap();
    let mut named: Vec<_> =
        section.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs")).collect();
    named.sort_unstable();
    let has_unsafe = |source: &str| tokens(source).iter().any(|token| token == "unsafe");
    let files = sources().into_iter().filter(|(_, source)| has_unsafe(source));
    let mut files: Vec<_> = files.map(|(path, _)| path.display().to_string()).collect();
    files.sort_unstable();
    assert_eq!(named, files);
}

/// The crates among [`CRATES`] that a source names, each as often as a path begins with it.
fn crates_named(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let before = |index: usize| index.checked_sub(1).map(|index| tokens[index].as_str());
    // For each brace that is open, whether what stands behind it goes on a path, as in `use
    // crate::{..}`.
    let mut braces = Vec::new();
    let mut named = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let goes_on =
            before(index) == Some("::") && index.checked_sub(1).and_then(before).is_some_and(is_name);
        match token.as_str() {
            "{" => braces.push(goes_on || braces.last() == Some(&true)),
            "}" => drop(braces.pop()),
            name if CRATES.iter().any(|of| name.starts_with(of)) => {
                let begins = !goes_on && braces.last() != Some(&true);
                if begins && before(index) != Some("mod") {
                    named.push(name.to_owned());
                }
            }
            _ => {}
        }
    }
    named
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') && token != "use"
}

/// The names, the `::` and whatever else stands in a source, without comments, texts and white
/// space.
fn tokens(source: &str) -> Vec<String> {
    let (mut tokens, mut rest) = (Vec::new(), source);
    while let Some(first) = rest.chars().next() {
        let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = text(rest) {
            length
        } else {
            let length = match first {
                _ if name > 0 => name,
                ':' if rest.starts_with("::") => 2,
                _ => first.len_utf8(),
            };
            if !first.is_whitespace() {
                tokens.push(rest[..length].to_owned());
            }
            length
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the text or character that a source begins with.
fn text(source: &str) -> Option<usize> {
    let body = source.strip_prefix('b').unwrap_or(source);
    let skipped = source.len() - body.len();
    if let Some(raw) = body.strip_prefix('r')
        && raw.trim_start_matches('#').starts_with('"')
    {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let begin = skipped + 1 + hashes + 1;
        return Some(source[begin..].find(&end).map_or(source.len(), |found| begin + found + end.len()));
    }
    let mut characters = body.char_indices();
    match characters.next()?.1 {
        '"' => {
            while let Some((index, c)) = characters.next() {
                match c {
                    '\\' => drop(characters.next()),
                    '"' => return Some(skipped + index + 1),
                    _ => {}
                }
            }
            None
        }
        '\'' => {
            let shortest =
                if characters.next()?.1 == '\\' { characters.nth(1)?.0 } else { characters.next()?.0 };
            let end = shortest + body[shortest..].find('\'')?;
            // What is not closed at once is a lifetime.
            (end == shortest || body[1..].starts_with('\\')).then_some(skipped + end + 1)
        }
        _ => None,
    }
}

/// All sources, by their path in `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let (mut folders, mut found) = (vec![PathBuf::from(SOURCES)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(Path::new(SOURCES)).unwrap().to_owned(), source));
            }
        }
    }
    found
}
