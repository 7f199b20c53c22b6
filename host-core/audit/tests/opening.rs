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
    use std::os::unix::fs::PermissionsExt;

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

    #[test]
    fn a_log_that_others_may_write_is_refused() {
        let (_directory, path) = place();
        for (mode, writable) in [(0o620, true), (0o602, true), (0o644, false), (0o600, false)] {
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let opened = open(&path);
            let refused = matches!(opened, Err(AuditError::WritableByOthers { mode: m, .. }) if m == mode);
            assert_eq!(refused, writable, "{mode:o}");
        }
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
