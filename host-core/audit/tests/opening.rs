//! Opening logs: new ones, old ones, broken ones, and what is none.

use std::{fs, io::Write, path::PathBuf, thread};

use host_audit::{AuditError, AuditLog, Event, OnFailure, VerifyError, verify};
use tempfile::TempDir;

const EVENT: Event<'_> = Event::ActorRemoved { actor: "M" };

fn place() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.log");
    (directory, path)
}

fn open(path: &PathBuf) -> Result<AuditLog, AuditError> {
    AuditLog::open(path, OnFailure::Refuse)
}

#[test]
fn a_log_is_continued_where_it_ended() {
    let (_directory, path) = place();
    for run in 0..3 {
        let log = open(&path).unwrap();
        assert_eq!(log.head().records, 2 * run);
        log.record(run, &EVENT).unwrap();
        log.record(run, &EVENT).unwrap();
    }
    assert_eq!(verify(&*fs::read(&path).unwrap()).unwrap().records, 6);
}

#[test]
fn a_log_has_one_writer_at_a_time() {
    let (_directory, path) = place();
    let log = open(&path).unwrap();
    assert!(matches!(open(&path), Err(AuditError::InUse { path: named }) if named == path));
    drop(log);
    open(&path).unwrap();
}

#[test]
fn many_threads_write_one_chain() {
    let (_directory, path) = place();
    let log = open(&path).unwrap();
    thread::scope(|scope| {
        for at in 0..8 {
            let log = &log;
            scope.spawn(move || (0..25).for_each(|_| log.record(at, &EVENT).unwrap()));
        }
    });
    let summary = verify(&*fs::read(&path).unwrap()).unwrap();
    assert_eq!((summary.records, summary.head), (200, log.head().hash));
}

#[test]
fn a_broken_log_is_refused_with_its_line_and_left_as_it_is() {
    let (_directory, path) = place();
    let log = open(&path).unwrap();
    (0..3).for_each(|at| log.record(at, &EVENT).unwrap());
    drop(log);
    let changed = fs::read_to_string(&path).unwrap().replace("\"at\":1,", "\"at\":7,");
    fs::write(&path, &changed).unwrap();
    let refused = open(&path).unwrap_err();
    assert!(matches!(&refused, AuditError::Broken { source: VerifyError::Altered { line: 2, .. }, .. }));
    let told = refused.to_string();
    assert!(told.contains("audit.log") && told.contains("line 2") && told.contains("another file"), "{told}");
    assert_eq!(fs::read_to_string(&path).unwrap(), changed);
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let (_directory, path) = place();
    fs::write(&path, "precious\n").unwrap();
    assert!(matches!(
        open(&path),
        Err(AuditError::Broken { source: VerifyError::Malformed { line: 1, .. }, .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), b"precious\n");
}

#[test]
fn a_record_cut_short_is_cut_off_with_the_next_record() {
    let (_directory, path) = place();
    let log = open(&path).unwrap();
    (0..2).for_each(|at| log.record(at, &EVENT).unwrap());
    drop(log);
    let whole = fs::read(&path).unwrap();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seq\":3,\"at\":").unwrap();

    let log = open(&path).unwrap();
    assert_eq!(log.head().records, 2);
    log.record(2, &EVENT).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.as_bytes().starts_with(&whole));
    assert!(text.lines().nth(2).unwrap().contains("\"event\":\"partial_record_removed\",\"bytes\":14,"));
    assert_eq!(verify(text.as_bytes()).unwrap().records, 4);
}

#[test]
fn what_is_written_behind_its_back_stops_the_log() {
    let (_directory, path) = place();
    let log = open(&path).unwrap();
    log.record(0, &EVENT).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"x").unwrap();
    let refused = log.record(1, &EVENT).unwrap_err();
    assert!(
        matches!(refused, AuditError::Changed { expected, actual, .. } if (expected, actual) == (length, length + 1))
    );
    assert_eq!(log.lost(), 1);
}

#[test]
fn the_owners_choice_is_kept() {
    let (_directory, path) = place();
    assert_eq!(OnFailure::default(), OnFailure::Refuse);
    let log = AuditLog::open(&path, OnFailure::Continue).unwrap();
    assert_eq!((log.on_failure(), log.path()), (OnFailure::Continue, path.as_path()));
}

#[test]
fn what_cannot_be_a_log_is_refused() {
    let (directory, path) = place();
    assert!(matches!(open(&directory.path().to_owned()), Err(AuditError::NotAFile { .. })));
    assert!(matches!(open(&path.join("below")), Err(AuditError::Open { .. })));
}

#[cfg(unix)]
mod unix {
    use std::{
        os::unix::fs::{PermissionsExt, chown, symlink},
        path::Path,
    };

    use super::*;

    fn mode(path: &PathBuf) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_log_is_for_its_owner_alone() {
        let (_directory, path) = place();
        open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    /// Somebody who is neither root nor this user.
    const STRANGER: u32 = 54_321;

    fn is_untrusted(error: &AuditError, path: &Path, words: &str) -> bool {
        let told = error.to_string();
        matches!(error, AuditError::Untrusted { .. })
            && told.contains(&path.display().to_string())
            && told.contains(words)
    }

    #[test]
    fn a_log_that_others_may_write_is_refused() {
        let (_directory, path) = place();
        for (mode, writable) in [(0o622, true), (0o602, true), (0o644, false), (0o600, false)] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match open(&path) {
                Ok(_) => assert!(!writable, "{mode:o}"),
                Err(error) => assert!(writable && is_untrusted(&error, &path, "chmod go-w"), "{error}"),
            }
            AuditLog::open_anywhere(&path, OnFailure::Refuse).unwrap();
        }
    }

    #[test]
    fn a_log_of_another_user_or_where_others_may_put_one_is_refused() {
        let (directory, path) = place();
        fs::write(&path, "").unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = open(&path).unwrap_err();
        assert!(is_untrusted(&error, directory.path(), "chmod go-w"), "{error}");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        open(&path).unwrap();

        if chown(&path, Some(STRANGER), None).is_err() {
            eprintln!("skipped: only root can give a file to somebody else");
            return;
        }
        let error = open(&path).unwrap_err();
        assert!(is_untrusted(&error, &path, "belongs to user 54321"), "{error}");
        AuditLog::open_anywhere(&path, OnFailure::Refuse).unwrap();
        // Nor is one made where a stranger could put another in its place.
        chown(directory.path(), Some(STRANGER), None).unwrap();
        let new = directory.path().join("new.log");
        let error = open(&new).unwrap_err();
        assert!(is_untrusted(&error, directory.path(), "belongs to user 54321"), "{error}");
        assert!(!new.exists());
    }

    #[test]
    fn a_link_to_a_log_is_refused() {
        let (directory, path) = place();
        let link = directory.path().join("link.log");
        symlink(&path, &link).unwrap();
        for target_is_there in [false, true] {
            assert_eq!(path.exists(), target_is_there);
            let error = open(&link).unwrap_err();
            assert!(is_untrusted(&error, &link, "symbolic link"), "{error}");
            AuditLog::open_anywhere(&link, OnFailure::Refuse).unwrap();
        }
    }

    /// What a sync of the directory needs is that it is opened, and that can be watched.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_name_of_a_new_log_is_synced() {
        use std::{
            ffi::CString,
            fs::File,
            io::{ErrorKind, Read},
            os::{fd::FromRawFd, unix::ffi::OsStrExt},
        };

        let (directory, path) = place();
        // SAFETY: a new descriptor, which nobody else has.
        let mut watch = unsafe {
            let descriptor = libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC);
            assert!(descriptor >= 0);
            File::from_raw_fd(descriptor)
        };
        let name = CString::new(directory.path().as_os_str().as_bytes()).unwrap();
        let mask = libc::IN_OPEN | libc::IN_CREATE;
        // SAFETY: the name ends with a zero and outlives the call.
        let added =
            unsafe { libc::inotify_add_watch(std::os::fd::AsRawFd::as_raw_fd(&watch), name.as_ptr(), mask) };
        assert!(added >= 0);
        let mut seen = || {
            let mut events = [0; 4096];
            let length = match watch.read(&mut events) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                read => read.unwrap(),
            };
            let (mut masks, mut rest) = (Vec::new(), &events[..length]);
            // Each has four numbers of four bytes, watch, mask, cookie and length, and a name of that length.
            while let [head, ..] = rest.as_chunks::<16>().0 {
                let word = |at| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
                masks.push(word(4));
                rest = &rest[16 + word(12) as usize..];
            }
            masks
        };
        drop(open(&path).unwrap());
        let first = seen();
        let made = first.iter().position(|mask| mask & libc::IN_CREATE != 0).unwrap();
        let synced = first.iter().rposition(|mask| *mask == libc::IN_OPEN | libc::IN_ISDIR);
        assert!(synced.is_some_and(|synced| synced > made), "{first:x?}");

        let log = open(&path).unwrap();
        log.record(0, &EVENT).unwrap();
        drop(log);
        seen();
        drop(open(&path).unwrap());
        assert_eq!(seen(), [libc::IN_OPEN], "a log with records has its name on the disk");
    }

    #[test]
    fn a_log_that_is_removed_is_told_and_one_that_is_moved_goes_on() {
        let (directory, path) = place();
        let log = open(&path).unwrap();
        log.record(0, &EVENT).unwrap();
        let moved = directory.path().join("moved.log");
        fs::rename(&path, &moved).unwrap();
        log.record(1, &EVENT).unwrap();
        assert_eq!(verify(&*fs::read(&moved).unwrap()).unwrap().records, 2);
        fs::remove_file(&moved).unwrap();
        assert!(matches!(log.record(2, &EVENT), Err(AuditError::Removed { .. })));
        assert_eq!(log.lost(), 1);
    }

    #[test]
    fn a_device_is_refused() {
        assert!(matches!(open(&PathBuf::from("/dev/null")), Err(AuditError::NotAFile { .. })));
    }
}
