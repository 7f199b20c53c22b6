//! Which files of a crate know each other: none should know another that knows it.
//!
//! An arrow leads from a file to the one in which something is defined that its code names: by `use`, or by a path such as `crate::keys::PublicKey` or
//! `super::Policy`. Tests and comments are not looked at. Names are followed through re-exports: a file that only declares modules and
//! re-exports what is in them is a table of contents, no arrow leads out of it, and whoever takes a name from it knows the file that the name comes
//! from. A file that has code of its own besides is one like any other, and so is a parent whose child takes something from it.
//!
//! Two ways of knowing another file are not seen: methods that it adds to a type of a third, and paths in the text of attributes.

mod circles;
mod source;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::circles::{arrows, circles, told};

/// How many files of a crate are in circles at most; none of the crates that are not named here. Whoever opens a circle lowers
/// the number; with one that is too low, the test tells the arrows of all that are left.
const IN_CIRCLES: [(&str, usize); 9] = [
    ("actor-sdk", 2),
    ("capability-contracts", 4),
    ("host-audit", 2),
    ("provider-conformance", 8),
    ("provider-keyvalue-redis", 2),
    ("wapc-conformance", 2),
    ("wascc-guest", 5),
    ("wapc-host", 11),
    ("wascc", 17),
];

#[test]
fn the_files_of_a_crate_know_each_other_in_one_direction() {
    let allowed: BTreeMap<_, _> = IN_CIRCLES.into_iter().collect();
    let mut grown = String::new();
    for (package, roots) in packages() {
        let text_of = |file: &Path| fs::read_to_string(file).ok();
        let arrows = roots.iter().map(|root| arrows(&source::read(root, &text_of)));
        let found: Vec<_> = arrows.map(|arrows| (circles(&arrows), arrows)).collect();
        let all =
            || found.iter().flat_map(|(circles, arrows)| circles.iter().map(move |circle| (circle, arrows)));
        let count: usize = all().map(|(circle, _)| circle.len()).sum();
        let most = allowed.get(package.as_str()).copied().unwrap_or_default();
        println!("{package}: {count} files in circles, {most} at most");
        if count > most {
            grown.push_str(&format!("{package}:\n"));
            all().for_each(|(circle, arrows)| grown.push_str(&told(arrows, circle)));
        }
    }
    assert!(grown.is_empty(), "more files than before know each other:\n{grown}");
}

#[test]
fn every_crate_with_circles_is_there() {
    let packages = packages();
    for (name, _) in IN_CIRCLES {
        assert!(packages.contains_key(name), "{name} is no crate of the workspace any more");
    }
}

/// The packages of the workspace, each with the root files of its library and programs.
fn packages() -> BTreeMap<String, Vec<PathBuf>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let roots = |package: &Value| {
        let targets = package["targets"].as_array().unwrap().iter();
        let built = targets.filter(|target| {
            let kinds = target["kind"].as_array().unwrap().iter();
            kinds.filter_map(Value::as_str).any(|kind| kind.ends_with("lib") || kind == "bin")
        });
        built.map(|target| text(&target["src_path"]).into()).collect()
    };
    metadata["packages"].as_array().unwrap().iter().map(|p| (text(&p["name"]), roots(p))).collect()
}

/// The circles of a crate with these files, each circle as the names of its files.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let files: BTreeMap<&Path, &str> = files.iter().map(|(file, text)| (Path::new(*file), *text)).collect();
    let text_of = |file: &Path| files.get(file).map(|text| (*text).to_owned());
    let found = circles(&arrows(&source::read(Path::new("src/lib.rs"), &text_of)));
    let name = |file: &PathBuf| file.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
    found.iter().map(|circle| circle.iter().map(name).collect()).collect()
}

const TWO: &str = "mod a; mod b;";

#[track_caller]
fn assert_circle(a: &str, b: &str) {
    assert_eq!(circles_of(&[("src/lib.rs", TWO), ("src/a.rs", a), ("src/b.rs", b)]), [["a.rs", "b.rs"]]);
}

#[track_caller]
fn assert_none(a: &str, b: &str) {
    let none: [[&str; 0]; 0] = [];
    assert_eq!(circles_of(&[("src/lib.rs", TWO), ("src/a.rs", a), ("src/b.rs", b)]), none);
}

#[test]
fn two_files_that_name_each_other_are_a_circle_in_whatever_way_they_do() {
    for b in [
        "use crate::a::A; pub struct B;",
        "use crate::{a::{self}, c}; pub struct B;",
        "pub use super::a::A as Other; pub struct B;",
        "use super::a::*; pub struct B;",
        "pub struct B(crate::a::A);",
        "pub struct B; fn f() { let a = super::a::A::new(); }",
        "pub struct B; fn f() { println!(\"{}\", crate::a::A); }",
        "pub struct B; fn f() { use crate::a; a::g(); }",
        "pub struct B; mod inner { use super::super::a::A; }",
        "#[cfg(unix)] use crate::a::A; pub struct B;",
    ] {
        assert_circle("use crate::b::B; pub struct A;", b);
    }
}

#[test]
fn tests_comments_and_other_crates_are_none() {
    for b in [
        "pub struct B;",
        "//! [`crate::a::A`]\n/// [`A`](crate::a::A)\npub struct B; // use crate::a::A;",
        "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }",
        "pub struct B; #[cfg(test)] use crate::{a::A};",
        "pub struct B; fn f() { #[cfg(test)] crate::a::count(); }",
        "pub struct B; #[cfg(test)] #[doc(hidden)] pub(crate) fn f() -> crate::a::A { crate::a::A }",
        "pub struct B; const TEXT: &str = \"crate::a::A\";",
        "use std::a::A; pub struct B; pub(in crate::a) struct C;",
        "pub struct B; fn f(b: B) { b.a::<u8>(); }",
        "pub struct B; fn f<'a>(b: &'a B) -> impl Sized + use<'a> { b }",
    ] {
        assert_none("use crate::b::B; pub struct A;", b);
    }
}

#[test]
fn names_are_followed_through_tables_of_contents() {
    let table = "mod data; mod doing; pub use data::Data; pub(crate) use doing::act;";
    let files = |data, doing| {
        circles_of(&[
            ("src/lib.rs", "mod folder; pub use folder::Data;"),
            ("src/folder/mod.rs", table),
            ("src/folder/data.rs", data),
            ("src/folder/doing.rs", doing),
        ])
    };
    let acts = "use super::Data; pub fn act(data: Data) {}";
    let none: Vec<Vec<String>> = Vec::new();
    assert_eq!(files("pub struct Data;", acts), none);
    assert_eq!(files("pub struct Data;", "pub fn act(data: crate::Data) {}"), none);
    let circle = [["folder/data.rs", "folder/doing.rs"]];
    assert_eq!(files("use crate::folder::act; pub struct Data;", acts), circle);
    assert_eq!(files("use crate::folder; pub struct Data; fn f() { folder::act(Data) }", acts), circle);
    assert_eq!(files("use super::*; pub struct Data;", acts), circle);
}

#[test]
fn a_parent_with_code_of_its_own_is_in_the_circle_with_its_child() {
    let files = |parent| {
        circles_of(&[
            ("src/lib.rs", "mod parent;"),
            ("src/parent.rs", parent),
            ("src/parent/child.rs", "use super::Size; pub fn small() -> Size { Size }"),
        ])
    };
    assert_eq!(
        files("mod child; pub use child::small; pub struct Size;"),
        [["parent/child.rs", "parent.rs"]]
    );
    assert_eq!(
        files("mod child; pub struct Size; fn f() { child::small(); }"),
        [["parent/child.rs", "parent.rs"]]
    );
    let none: Vec<Vec<String>> = Vec::new();
    assert_eq!(files("mod child; pub struct Size;"), none);
}

#[test]
fn a_long_circle_is_one() {
    let files = [
        ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
        ("src/a.rs", "use crate::b::B; pub struct A;"),
        ("src/b.rs", "use crate::c::C; pub struct B;"),
        ("src/c.rs", "use crate::a::A; use crate::d::D; pub struct C;"),
        ("src/d.rs", "pub struct D;"),
    ];
    assert_eq!(circles_of(&files), [["a.rs", "b.rs", "c.rs"]]);
}
