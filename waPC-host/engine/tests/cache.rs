//! Compiled modules are kept on disk, and nothing there is trusted that is not what was put there.

#[cfg(unix)]
use std::path::Path;
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

/// Gives a file or directory to another user, if this one may: root alone does.
#[cfg(unix)]
fn give_away(path: &Path) -> bool {
    let given = std::os::unix::fs::lchown(path, Some(54_321), None).is_ok();
    if !given {
        eprintln!("skipped in part: only root can give files to others");
    }
    given
}

#[cfg(unix)]
#[track_caller]
fn refused(directory: &Path) -> String {
    let error = Engine::builder().cache_dir(directory).build().unwrap_err();
    assert!(matches!(&error, Error::CacheDirectory { path, .. } if path == directory), "{error}");
    error.to_string()
}

#[cfg(unix)]
#[test]
fn a_directory_of_another_user_is_not_used() {
    let cache = directory();
    run(&cache, SEVEN);
    if give_away(cache.path()) {
        let text = refused(cache.path());
        assert!(text.contains("54321") && text.contains("chown"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn an_entry_of_another_user_is_compiled_anew() {
    use std::os::unix::fs::MetadataExt;
    let cache = directory();
    run(&cache, SEVEN);
    let entry = entries(&cache).remove(0);
    if give_away(&entry) {
        assert_eq!(run(&cache, SEVEN), Value::I32(7));
        assert_ne!(fs::metadata(&entry).unwrap().uid(), 54_321, "it was replaced");
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_could_have_exchanged_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let above = directory();
    let cache = above.path().join("cache");
    Engine::builder().cache_dir(&cache).build().unwrap();
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let text = refused(&cache);
    assert!(text.contains("chmod"), "{text}");
    // Where everybody may write but to what is his own, nobody could have.
    fs::set_permissions(above.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    Engine::builder().cache_dir(&cache).build().unwrap();
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let (cache, elsewhere) = (directory(), directory());
    run(&cache, SEVEN);
    let entry = entries(&cache).remove(0);
    let moved = elsewhere.path().join("moved");
    fs::rename(&entry, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &entry).unwrap();
    assert_eq!(run(&cache, SEVEN), Value::I32(7));
    assert!(fs::symlink_metadata(&entry).unwrap().is_file(), "the link was replaced, and not followed");
    assert!(moved.is_file());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let cache = directory();
    let file = cache.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Engine::builder().cache_dir(file.join("below")).build().unwrap_err();
    assert!(matches!(error, Error::CacheDirectory { .. }), "{error}");
}
