//! A file that may not grow any more, which is what a full disk looks like: writes end in the middle of a record.
#![cfg(unix)]

use std::{env, fs, process::Command};

use host_audit::{AuditError, AuditLog, Event, OnFailure, verify};

/// Names the file to the process that this test starts.
const FILE: &str = "AUDIT_LOG_ON_A_FULL_DISK";
/// As many bytes as a file may have there: two blocks of 512.
const LIMIT: u64 = 1024;

#[test]
fn what_is_there_stays_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    // The limit holds for a process, so it is a process of its own that reaches it: this test's inner one.
    let ended = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" --exact inner --ignored --nocapture"])
        .arg(env::current_exe().unwrap())
        .env(FILE, &path)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

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
    let mut written = 0;
    let refused = loop {
        match log.record(written, &Event::HostStopped) {
            Ok(()) => written += 1,
            Err(refused) => break refused,
        }
        assert!(written < LIMIT, "nothing limits the file");
    };
    assert!(matches!(refused, AuditError::Write { .. }), "{refused}");
    for _ in 0..5 {
        assert!(log.record(0, &Event::HostStopped).is_err());
    }
    assert_eq!((log.head().records, log.lost()), (written, 6));
}
