//! `wascc audit`.

use host_audit::{AuditLog, Event, OnFailure};

use crate::support::{Directory, MODULE};

/// The log that all of this is about: three records.
fn directory() -> (Directory, String) {
    let directory = Directory::new();
    let log = AuditLog::open(directory.path("audit.log"), OnFailure::Refuse).unwrap();
    let used = Event::GrantUsed {
        actor: MODULE,
        capability: "wascc:keyvalue",
        link: Some("default"),
        operation: "Get",
    };
    log.record(1_600_000_000, &Event::HostStarted { version: "0.1.0" }).unwrap();
    log.record(1_600_000_001, &used).unwrap();
    log.record(1_600_000_060, &Event::HostStopped).unwrap();
    let text = String::from_utf8(directory.read("audit.log")).unwrap();
    (directory, text)
}

/// The hash of the record on a line, counted from 1.
fn hash(log: &str, line: usize) -> &str {
    let line = log.lines().nth(line - 1).unwrap();
    &line[line.len() - 66..line.len() - 2]
}

#[test]
fn a_whole_log_is_told_with_its_head() {
    let (directory, log) = directory();
    let head = hash(&log, 3);
    let told = |file: &str| {
        format!(
            "\
{file} is whole
Records           3
First             2020-09-13T12:26:40Z
Newest            2020-09-13T12:27:40Z
Head              {head}
"
        )
    };
    directory.run(&["audit", "verify", "audit.log"]).succeeded().printed(&told("audit.log"));
    directory.run_with_input(&["audit", "verify", "-"], log.as_bytes()).succeeded().printed(&told("-"));
    directory.run(&["audit", "verify", "audit.log", "--json"]).succeeded().printed(&format!(
        "{{\"file\":\"audit.log\",\"records\":3,\"head\":\"{head}\",\"first_at\":1600000000,\"last_at\":1600000060,\
         \"vouched\":null}}\n"
    ));
}

#[test]
fn a_log_without_records_is_whole() {
    let directory = Directory::new();
    directory.write("audit.log", "");
    let zeros = "0".repeat(64);
    directory.run(&["audit", "verify", "audit.log"]).succeeded().printed(&format!(
        "audit.log is whole\nRecords           0\nFirst             none\nNewest            none\nHead              {zeros}\n"
    ));
}

#[test]
fn a_head_vouches_for_what_is_before_it() {
    let (directory, log) = directory();
    let second = hash(&log, 2);
    let ran = directory.run(&["audit", "verify", "audit.log", "--head", second]);
    let told = "Given head        nothing is missing up to the record 2, which has the head that was given\n";
    assert!(ran.succeeded().text().contains(told), "{}", ran.text());
    let json = directory.run(&["audit", "verify", "audit.log", "--head", second, "--json"]).json();
    assert_eq!((&json["vouched"], &json["records"]), (&2.into(), &3.into()));
}

/// The log with this in place of it is refused with these words and this code.
#[track_caller]
fn refused(changed: &str, more: &[&str], code: &str, words: &str) {
    let (directory, _) = directory();
    directory.write("audit.log", changed);
    let verify = [&["audit", "verify", "audit.log"], more].concat();
    directory.run(&verify).failed(1, &format!("error: audit.log: {words}\n"));
    assert_eq!(directory.run(&[&verify[..], &["--json"]].concat()).error_code(), code);
}

#[test]
fn where_it_breaks_is_told() {
    let (_, log) = directory();
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let (said, changed) = (hash(&log, 2), log.replace("\"Get\"", "\"Set\""));
    let ran = {
        let (directory, _) = directory();
        directory.write("audit.log", &changed);
        directory.run(&["audit", "verify", "audit.log"])
    };
    assert!(ran.stderr.starts_with("error: audit.log: line 2 was changed: its hash is "), "{}", ran.stderr);
    assert!(ran.stderr.ends_with(&format!(", and it says {said}\n")), "{}", ran.stderr);

    refused(
        &[lines[0], lines[2]].concat(),
        &[],
        "audit_missing",
        "line 2 is the record 3 where 2 belongs: records before it were removed",
    );
    refused(
        &[lines[0], lines[1], lines[1], lines[2]].concat(),
        &[],
        "audit_out_of_place",
        "line 3 is the record 2, which belongs further up: it was repeated, moved or put in",
    );
    refused(
        &[lines[0], "tea\n", lines[1]].concat(),
        &[],
        "audit_malformed",
        "line 2 is no record: it does not end with a hash; it was changed or put in, or this is not an audit log",
    );
    refused(
        &log[..log.len() - 10],
        &[],
        "audit_partial",
        &format!(
            "line 3 was only partly written ({} bytes), as when a host ends while it writes; what is before it is whole (2 \
             records, head {said}). A host that opens the log cuts it off",
            lines[2].len() - 10
        ),
    );
    refused(
        &lines[..2].concat(),
        &["--head", hash(&log, 3)],
        "audit_head_missing",
        &format!(
            "no record has the hash {}: records were cut off the end or written anew after it was remembered; the log now ends \
             at the record 2 with {said}",
            hash(&log, 3)
        ),
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let directory = Directory::new();
    directory
        .run(&["audit", "verify", "none.log"])
        .failed(1, "error: cannot read none.log: No such file or directory (os error 2)\n");
    assert_eq!(directory.run(&["audit", "verify", "audit.log", "--head", "abc"]).status, Some(2));
}
