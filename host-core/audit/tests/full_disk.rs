//! A file that may not grow any more, which is what a full disk looks like: writes end in the middle of a record.
#![cfg(unix)]

use std::{env, fs, path::Path, process::Command};

use host_audit::{AuditError, AuditLog, Event, OnFailure, verify};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Names the file to the process that this test starts.
const FILE: &str = "AUDIT_LOG_ON_A_FULL_DISK";
/// As many bytes as a file may have there: two blocks of 512.
const LIMIT: u64 = 1024;

/// Runs one of the inner tests in a process of its own, because the limit holds for a process.
#[track_caller]
fn run(inner: &str, path: &Path) {
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 2; exec \"$0\" --exact \"$1\" --ignored --nocapture"])
        .arg(env::current_exe().unwrap())
        .arg(inner)
        .env(FILE, path)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Writes records, one each second, until there is no room for another; returns how many there are, and why there are no more.
fn fill(log: &AuditLog) -> (u64, AuditError) {
    let mut written = 0;
    loop {
        match log.record(written, &Event::HostStopped) {
            Ok(()) => written += 1,
            Err(refused) => return (written, refused),
        }
        assert!(written < LIMIT, "nothing limits the file");
    }
}

#[test]
fn what_is_there_stays_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    run("inner", &path);

    let text = fs::read_to_string(&path).unwrap();
    let records = verify(text.as_bytes()).unwrap().records;
    assert!(records > 2 && text.len() as u64 <= LIMIT, "{records} records in {} bytes", text.len());

    // Where there is room again the log goes on.
    let log = AuditLog::open(&path, OnFailure::Refuse).unwrap();
    (0..10).for_each(|at| log.record(at, &Event::HostStopped).unwrap());
    assert_eq!(verify(&*fs::read(&path).unwrap()).unwrap().records, records + 10);
}

#[test]
#[ignore = "run by what_is_there_stays_whole, under a limit"]
fn inner() {
    let Some(file) = env::var_os(FILE) else { return };
    let log = AuditLog::open(file, OnFailure::Refuse).unwrap();
    let (written, refused) = fill(&log);
    assert!(matches!(refused, AuditError::Write { .. }), "{refused}");
    for _ in 0..5 {
        assert!(log.record(0, &Event::HostStopped).is_err());
    }
    assert_eq!((log.head().records, log.lost()), (written, 6));
}

#[test]
fn with_room_again_the_log_says_how_many_records_it_lacks_and_since_when() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    run("inner_that_gets_room_again", &path);

    let text = fs::read_to_string(&path).unwrap();
    verify(text.as_bytes()).unwrap();
    let told: Vec<_> = text.lines().filter(|line| line.contains("records_lost")).collect();
    // The records before it have one second each from 0 on, so the first one that was lost has their number.
    let since = text.lines().position(|line| line.contains("records_lost")).unwrap();
    let expected = format!(r#""event":"records_lost","count":3,"since":{since},"#);
    assert!(told.len() == 1 && told[0].contains(&expected), "{told:?}");
    assert!(told[0].contains(r#""at":100,"#), "{told:?}");
    assert_eq!(text.lines().count(), since + 2);
}

#[test]
#[ignore = "run by with_room_again_the_log_says_how_many_records_it_lacks_and_since_when, under a limit"]
fn inner_that_gets_room_again() {
    let Some(file) = env::var_os(FILE) else { return };
    let log = AuditLog::open(file, OnFailure::Refuse).unwrap();
    let (written, _refused) = fill(&log);
    for later in 1..3 {
        log.record(written + later, &Event::HostStopped).unwrap_err();
    }
    // One that is tried again is no other one.
    log.record_again(written + 3, &Event::HostStopped).unwrap_err();
    assert_eq!((log.lost(), log.lost_since()), (3, Some(written)));

    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
    log.record_again(100, &Event::HostStopped).unwrap();
    assert_eq!((log.lost(), log.lost_since()), (0, None));
}
