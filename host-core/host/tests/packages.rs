//! What the packages that go to the registry carry. That they build by themselves is shown by `cargo package --workspace` in CI.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A package that is published, with its folder and the files that go into it, seen from there.
struct Package {
    name: String,
    folder: PathBuf,
    files: Vec<String>,
}

#[test]
fn every_package_carries_its_readme_and_the_licence() {
    let licence = fs::read(top().join("LICENSE")).unwrap();
    for package in published() {
        assert!(package.files.iter().any(|file| file == "README.md"), "{} has no README.md", package.name);
        assert!(package.files.iter().any(|file| file == "LICENSE"), "{} has no LICENSE", package.name);
        let own = fs::read(package.folder.join("LICENSE")).unwrap();
        assert!(own == licence, "the LICENSE of {} is not that of the tree; link it", package.name);
    }
}

#[test]
fn every_package_says_what_it_is() {
    for package in metadata()["packages"].as_array().unwrap().iter().filter(|package| is_published(package)) {
        for field in ["description", "license", "repository", "rust_version", "readme"] {
            assert!(package[field].is_string(), "{} has no {field}", package["name"]);
        }
    }
}

/// Such a test would not build, or fail, where the package is alone. The manifest leaves it out (`exclude`).
#[test]
fn no_test_in_a_package_reads_the_tree_around_it() {
    for Package { name, folder, files } in published() {
        for file in files.iter().filter(|file| file.starts_with("tests/") && file.ends_with(".rs")) {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let leaving: Vec<_> = text.lines().filter(|line| leaves(line, file)).collect();
            assert!(leaving.is_empty(), "{name}: {file} reads the tree around its package: {leaving:#?}");
        }
    }
}

/// Says if a line of `file` has a path that goes above the package.
fn leaves(line: &str, file: &str) -> bool {
    let depth = file.matches('/').count();
    let beside_the_file = line.contains("include") || line.contains("#[path");
    let beside_the_manifest = line.contains("CARGO_MANIFEST_DIR");
    line.split('"').skip(1).step_by(2).any(|text| {
        let ups = text.split('/').take_while(|part| *part == "..").count();
        text.starts_with("/..") || (beside_the_manifest && ups > 0) || (beside_the_file && ups > depth)
    })
}

#[test]
fn a_path_that_leaves_its_package_is_seen() {
    assert!(leaves(r#"include_str!("../../README.md")"#, "tests/one.rs"));
    assert!(!leaves(r#"include_str!("../../README.md")"#, "tests/folder/one.rs"));
    assert!(!leaves(r#"include_str!("../README.md")"#, "tests/one.rs"));
    assert!(leaves(r#"Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")"#, "tests/one.rs"));
    assert!(leaves(r#"    "/../../examples/guests""#, "tests/one.rs"));
    assert!(!leaves(r#"let kid = "../../etc/passwd";"#, "tests/one.rs"));
}

fn published() -> Vec<Package> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter().filter(|package| is_published(package));
    packages.map(package).collect()
}

fn package(metadata: &Value) -> Package {
    let name = metadata["name"].as_str().unwrap().to_owned();
    let manifest = Path::new(metadata["manifest_path"].as_str().unwrap());
    let files = cargo(&["package", "--list", "--allow-dirty", "--package", &name]);
    // Windows separates folders by backslashes.
    let files = files.lines().map(|file| file.replace('\\', "/")).collect();
    Package { name, folder: manifest.parent().unwrap().to_owned(), files }
}

fn is_published(package: &Value) -> bool {
    package["publish"].is_null()
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap()
}

/// What cargo prints.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(top()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
