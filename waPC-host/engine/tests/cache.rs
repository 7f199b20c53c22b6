//! Compiled modules are kept on disk, and nothing there is trusted that is not what was put there.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use wapc_engine::{Engine, Error, Imports, Instance, Limits, Value};

const SEVEN: &[u8] = br#"(module (func (export "f") (result i32) i32.const 7))"#;
const EIGHT: &[u8] = br#"(module (func (export "f") (result i32) i32.const 8))"#;

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[track_caller]
fn run(cache: &TempDir, text: &[u8]) -> Value {
    let engine = Engine::builder().cache_dir(cache.path()).build().unwrap();
    let module = engine.compile(text).unwrap();
    let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
    instance.invoke("f", &[], None).unwrap()[0]
}

#[track_caller]
fn entries(cache: &TempDir) -> Vec<PathBuf> {
    fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_module_is_kept_once_and_found_again() {
    let cache = directory();
    assert_eq!(run(&cache, SEVEN), Value::I32(7));
    let kept = entries(&cache);
    assert_eq!(kept.len(), 1);
    let (bytes, modified) =
        (fs::read(&kept[0]).unwrap(), fs::metadata(&kept[0]).unwrap().modified().unwrap());
    assert_eq!(run(&cache, SEVEN), Value::I32(7));
    assert_eq!(entries(&cache), kept);
    assert_eq!(fs::metadata(&kept[0]).unwrap().modified().unwrap(), modified, "it was compiled again");
    assert_eq!(fs::read(&kept[0]).unwrap(), bytes);
    assert_eq!(run(&cache, EIGHT), Value::I32(8));
    assert_eq!(entries(&cache).len(), 2);
}

#[test]
fn a_damaged_entry_is_compiled_anew() {
    let cache = directory();
    run(&cache, SEVEN);
    let entry = entries(&cache).remove(0);
    let good = fs::read(&entry).unwrap();
    let middle = good.len() / 2;
    let mut flipped = good.clone();
    flipped[middle] ^= 1;
    for damaged in [&good[..0], &good[..50], &good[..good.len() - 1], b"nonsense", &flipped] {
        fs::write(&entry, damaged).unwrap();
        assert_eq!(run(&cache, SEVEN), Value::I32(7));
        assert_eq!(fs::read(&entry).unwrap().len(), good.len(), "it was put right");
    }
}

#[test]
fn the_entry_of_another_module_is_not_taken() {
    let cache = directory();
    run(&cache, SEVEN);
    let seven = entries(&cache).remove(0);
    run(&cache, EIGHT);
    let eight = entries(&cache).into_iter().find(|path| *path != seven).unwrap();
    fs::copy(&eight, &seven).unwrap();
    assert_eq!(run(&cache, SEVEN), Value::I32(7));
}

#[test]
fn an_entry_of_another_engine_is_not_taken() {
    let cache = directory();
    run(&cache, SEVEN);
    let entry = entries(&cache).remove(0);
    let mut foreign = fs::read(&entry).unwrap();
    // The engine's identity follows the eight bytes of the magic number.
    foreign[8] ^= 1;
    fs::write(&entry, &foreign).unwrap();
    assert_eq!(run(&cache, SEVEN), Value::I32(7));
    assert_ne!(fs::read(&entry).unwrap(), foreign, "it was replaced by one of this engine");
}

#[cfg(unix)]
#[test]
fn what_others_may_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let cache = directory();
    run(&cache, SEVEN);
    let entry = entries(&cache).remove(0);
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(run(&cache, SEVEN), Value::I32(7));
    assert_eq!(fs::metadata(&entry).unwrap().permissions().mode() & 0o777, 0o600, "it was replaced");
    fs::set_permissions(cache.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = Engine::builder().cache_dir(cache.path()).build().unwrap_err();
    assert!(matches!(&error, Error::CacheDirectory { path, .. } if path == cache.path()), "{error}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let cache = directory();
    let file = cache.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Engine::builder().cache_dir(file.join("below")).build().unwrap_err();
    assert!(matches!(error, Error::CacheDirectory { .. }), "{error}");
}
