//! What is refused, and what is not. Run as root, the tests also give files to another user.
#![cfg(unix)]

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use trusted_files::{FileError, check_directory, make_directory, open};

/// Somebody who is neither root nor this user.
const STRANGER: u32 = 54_321;

fn policy_in(directory: &TempDir) -> PathBuf {
    let path = directory.path().join("policy.toml");
    fs::write(&path, "text").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Gives a file to another user, which only root can.
fn given_away(path: &Path) -> bool {
    let given = chown(path, Some(STRANGER), None).is_ok();
    if !given {
        eprintln!("skipped: only root can give {} to somebody else", path.display());
    }
    given
}

#[test]
fn a_file_of_this_user_is_opened() {
    let directory = directory();
    let mut text = String::new();
    open(&policy_in(&directory)).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
}

#[test]
fn a_file_that_others_may_write_to_is_refused() {
    let directory = directory();
    let path = policy_in(&directory);
    for mode in [0o666, 0o646, 0o602] {
        set_mode(&path, mode);
        let error = open(&path).unwrap_err();
        assert!(
            matches!(&error, FileError::WritableByOthers { mode: found, .. } if *found == mode),
            "{error}"
        );
        assert!(error.to_string().contains(&format!("chmod go-w {}", path.display())), "{error}");
    }
}

/// The group of the user's own is told by its name and members, which a group that nobody knows has not.
#[test]
fn a_file_that_another_group_may_write_to_is_refused() {
    let directory = directory();
    let path = policy_in(&directory);
    if chown(&path, None, Some(STRANGER)).is_err() {
        eprintln!("skipped: only root can give a file to another group");
        return;
    }
    set_mode(&path, 0o620);
    let error = open(&path).unwrap_err();
    assert!(matches!(error, FileError::WritableByOthers { mode: 0o620, .. }), "{error}");
    set_mode(&path, 0o640);
    assert!(open(&path).is_ok());
}

#[test]
fn a_file_of_another_user_is_refused() {
    let directory = directory();
    let path = policy_in(&directory);
    if !given_away(&path) {
        return;
    }
    let error = open(&path).unwrap_err();
    assert!(matches!(error, FileError::Owner { owner: STRANGER, .. }), "{error}");
    assert!(error.to_string().contains("54321") && error.to_string().contains("chown"), "{error}");
}

#[test]
fn a_link_is_refused_as_the_last_name_and_followed_before_it() {
    let directory = directory();
    let path = policy_in(&directory);
    let link = directory.path().join("link.toml");
    symlink(&path, &link).unwrap();
    assert!(matches!(open(&link).unwrap_err(), FileError::Link { .. }));

    let folder = directory.path().join("folder");
    symlink(directory.path(), &folder).unwrap();
    assert!(open(&folder.join("policy.toml")).is_ok());
    symlink("../", directory.path().join("up")).unwrap();
    let name = directory.path().file_name().unwrap();
    assert!(open(&directory.path().join("up").join(name).join("policy.toml")).is_ok());
}

#[test]
fn links_that_lead_in_a_circle_are_refused() {
    let directory = directory();
    let (one, other) = (directory.path().join("one"), directory.path().join("other"));
    symlink(&one, &other).unwrap();
    symlink(&other, &one).unwrap();
    assert!(matches!(open(&one.join("policy.toml")).unwrap_err(), FileError::TooManyLinks { .. }));
}

#[test]
fn what_is_no_file_is_refused_and_does_not_block() {
    let directory = directory();
    assert!(matches!(open(directory.path()).unwrap_err(), FileError::NotAFile { .. }));
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    assert!(matches!(open(&pipe).unwrap_err(), FileError::NotAFile { .. }));
    assert!(matches!(open(Path::new("/dev/null")).unwrap_err(), FileError::NotAFile { .. }));
    assert!(matches!(open(&directory.path().join("none")).unwrap_err(), FileError::Open { .. }));
}

#[test]
fn a_directory_on_the_way_that_others_may_write_to_is_refused_unless_it_is_sticky() {
    let directory = directory();
    let path = policy_in(&directory);
    set_mode(directory.path(), 0o777);
    let error = open(&path).unwrap_err();
    assert!(
        matches!(&error, FileError::WritableByOthers { path, .. } if *path == directory.path().canonicalize().unwrap()),
        "{error}"
    );
    set_mode(directory.path(), 0o1777);
    assert!(open(&path).is_ok());

    // The directory above counts as well.
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    set_mode(&inner, 0o700);
    File::create(inner.join("policy.toml")).unwrap();
    assert!(open(&inner.join("policy.toml")).is_ok());
    set_mode(directory.path(), 0o777);
    assert!(matches!(open(&inner.join("policy.toml")).unwrap_err(), FileError::WritableByOthers { .. }));
    assert!(matches!(check_directory(&inner).unwrap_err(), FileError::WritableByOthers { .. }));
}

#[test]
fn a_directory_of_another_user_is_refused_on_the_way_and_as_a_place() {
    let directory = directory();
    let inner = directory.path().join("inner");
    fs::create_dir(&inner).unwrap();
    File::create(inner.join("policy.toml")).unwrap();
    if !given_away(&inner) {
        return;
    }
    assert!(matches!(open(&inner.join("policy.toml")).unwrap_err(), FileError::Owner { .. }));
    assert!(matches!(check_directory(&inner).unwrap_err(), FileError::Owner { .. }));
}

#[test]
fn a_link_of_another_user_on_the_way_is_refused() {
    let directory = directory();
    let path = policy_in(&directory);
    let link = directory.path().join("link");
    symlink(path.parent().unwrap(), &link).unwrap();
    if std::os::unix::fs::lchown(&link, Some(STRANGER), None).is_err() {
        eprintln!("skipped: only root can give a link to somebody else");
        return;
    }
    assert!(matches!(open(&link.join("policy.toml")).unwrap_err(), FileError::Owner { .. }));
}

#[test]
fn a_directory_in_which_files_count_is_made_for_its_owner_and_may_not_be_sticky() {
    let directory = directory();
    let place = directory.path().join("a/b");
    let found = make_directory(&place).unwrap();
    assert_eq!(found, place.canonicalize().unwrap());
    assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
    set_mode(&place, 0o1777);
    assert!(matches!(make_directory(&place).unwrap_err(), FileError::WritableByOthers { .. }));
    let file = policy_in(&directory);
    assert!(matches!(check_directory(&file).unwrap_err(), FileError::NotADirectory { .. }));
}
