//! Records are read as soon as each is checked, and no others.

use std::ops::ControlFlow;

use host_audit::{VerifyError, verify, verify_each};

const LOG: &str = include_str!("format.log");

/// The numbers of the records that were read, and what came of it.
fn read(log: &str) -> (Vec<u64>, Result<u64, VerifyError>) {
    let mut read = Vec::new();
    let all = |record: host_audit::Record<'_>| {
        read.push(record.seq);
        ControlFlow::<()>::Continue(())
    };
    let ended = verify_each(log.as_bytes(), all).map(|ended| match ended {
        ControlFlow::Continue(summary) => summary.records,
        ControlFlow::Break(()) => panic!("nobody broke off"),
    });
    (read, ended)
}

#[test]
fn each_record_is_read_once_in_its_order() {
    let mut lines = LOG.lines();
    let each = |record: host_audit::Record<'_>| {
        assert_eq!(Some(record.json), lines.next());
        let json: serde_json::Value = serde_json::from_str(record.json).unwrap();
        assert_eq!(
            (&json["seq"], &json["at"], &json["event"]),
            (&record.seq.into(), &record.at.into(), &record.event.into())
        );
        ControlFlow::<()>::Continue(())
    };
    let ended = verify_each(LOG.as_bytes(), each).unwrap();
    assert_eq!(ended, ControlFlow::Continue(verify(LOG.as_bytes()).unwrap()));
    assert_eq!(lines.next(), None);
}

#[test]
fn what_comes_after_the_place_where_a_log_breaks_is_not_read() {
    let (seqs, ended) = read(&LOG.replace("\"operation\":\"Get\"", "\"operation\":\"Set\""));
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert!(matches!(ended, Err(VerifyError::Altered { line: 7, .. })), "{ended:?}");
    let (seqs, ended) = read(LOG.trim_end());
    assert_eq!(seqs.len(), 22);
    assert!(matches!(ended, Err(VerifyError::Partial { line: 23, .. })), "{ended:?}");
}

#[test]
fn whoever_has_read_enough_breaks_off() {
    // Even where the log breaks further on.
    let broken = format!("{LOG}tea\n");
    let each = |record: host_audit::Record<'_>| {
        if record.event == "actor_loaded" {
            ControlFlow::Break(record.seq)
        } else {
            ControlFlow::Continue(())
        }
    };
    assert_eq!(verify_each(broken.as_bytes(), each).unwrap(), ControlFlow::Break(3));
}

/// This crate writes none of these. With another character of the same length in its place such a line has another hash, so the hash
/// is made here.
#[test]
fn a_record_that_is_not_in_ascii_is_none() {
    for (name, refused) in [("cou\u{202e}nter", true), ("cou\\u202enter", false)] {
        let hashed = format!(
            "{{\"seq\":1,\"at\":1,\"prev\":\"{}\",\"event\":\"actor_refused\",\"name\":\"{name}\"",
            "0".repeat(64)
        );
        let hash = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(&hashed));
        let (seqs, ended) = read(&format!("{hashed},\"hash\":\"{hash}\"}}\n"));
        assert_eq!(matches!(ended, Err(VerifyError::Malformed { line: 1, .. })), refused, "{ended:?}");
        assert_eq!(seqs.is_empty(), refused);
    }
}
