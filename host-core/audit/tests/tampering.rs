//! What somebody does to a log afterwards, and how it shows.

use host_audit::{AuditLog, Event, Head, OnFailure, RecordHash, VerifyError, verify, verify_against};
use tempfile::TempDir;

const RECORDS: u64 = 6;

/// A log and its head.
fn log() -> (String, Head) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.log");
    let log = AuditLog::open(&path, OnFailure::Refuse).unwrap();
    for at in 0..RECORDS {
        let operation = ["Get", "Set", "Del"][at as usize % 3];
        let event =
            Event::GrantUsed { actor: "M", capability: "wascc:keyvalue", link: Some("default"), operation };
        log.record(at, &event).unwrap();
    }
    (std::fs::read_to_string(&path).unwrap(), log.head())
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

#[track_caller]
fn broken(lines: &[&str]) -> VerifyError {
    verify(lines.concat().as_bytes()).unwrap_err()
}

#[test]
fn a_whole_log_verifies_and_tells_its_head() {
    let (log, head) = log();
    let summary = verify(log.as_bytes()).unwrap();
    assert_eq!((summary.records, summary.head), (head.records, head.hash));
    assert_eq!((summary.first_at, summary.last_at, summary.vouched), (Some(0), Some(RECORDS - 1), None));
    assert_eq!(verify_against(log.as_bytes(), head.hash).unwrap().vouched, Some(RECORDS));

    let empty = verify(&b""[..]).unwrap();
    assert_eq!((empty.records, empty.head, empty.first_at), (0, RecordHash::GENESIS, None));
}

#[test]
fn a_change_of_any_bit_shows_with_its_line() {
    let (log, _) = log();
    let mut changed = log.clone().into_bytes();
    for at in 0..changed.len() {
        // A line break that is gone joins two lines, and one that is put in makes two of one; the line is that of the first.
        let line = log[..at].matches('\n').count() as u64 + 1;
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            let told = verify(&*changed).unwrap_err().to_string();
            assert!(told.starts_with(&format!("line {line} ")), "bit {bit} of byte {at}: {told}");
            changed[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_removed_record_shows() {
    let (log, _) = log();
    for removed in 0..RECORDS - 1 {
        let mut lines = lines(&log);
        lines.remove(removed as usize);
        let line = removed + 1;
        assert!(
            matches!(broken(&lines), VerifyError::Missing { line: at, expected, found } if at == line && expected == line && found == line + 1)
        );
    }
}

#[test]
fn records_in_another_order_show() {
    let (log, _) = log();
    for first in 0..RECORDS as usize - 1 {
        let mut lines = lines(&log);
        lines.swap(first, first + 1);
        assert!(matches!(broken(&lines), VerifyError::Missing { line, .. } if line == first as u64 + 1));
    }
}

#[test]
fn a_repeated_record_shows() {
    let (log, _) = log();
    for repeated in 0..RECORDS as usize {
        let mut lines = lines(&log);
        lines.insert(repeated + 1, lines[repeated]);
        let told = broken(&lines);
        let line = repeated as u64 + 2;
        assert!(
            matches!(told, VerifyError::OutOfPlace { line: at, found } if at == line && found == line - 1),
            "{told}"
        );
    }
}

#[test]
fn a_record_of_another_log_shows() {
    let (log, _) = log();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.log");
    let other = AuditLog::open(&path, OnFailure::Refuse).unwrap();
    for at in 0..RECORDS {
        other.record(at, &Event::HostStopped).unwrap();
    }
    let other = std::fs::read_to_string(&path).unwrap();
    for put_in in 1..RECORDS as usize {
        let mut lines = lines(&log);
        lines[put_in] = self::lines(&other)[put_in];
        assert!(matches!(broken(&lines), VerifyError::Unlinked { line, .. } if line == put_in as u64 + 1));
    }
    // The first record has none before it, so that it shows at the second.
    let mut lines = lines(&log);
    lines[0] = self::lines(&other)[0];
    assert!(matches!(broken(&lines), VerifyError::Unlinked { line: 2, .. }));
}

#[test]
fn a_line_that_is_no_record_shows() {
    let (log, _) = log();
    for junk in ["\n", "{}\n", "\0\0\0\0\n", "[1]\n", "{\"seq\":1}\n"] {
        for at in 0..=RECORDS as usize {
            let mut lines = lines(&log);
            lines.insert(at, junk);
            let told = broken(&lines);
            assert!(matches!(told, VerifyError::Malformed { line, .. } if line == at as u64 + 1), "{told}");
        }
    }
    let windows = log.replace('\n', "\r\n");
    assert!(matches!(verify(windows.as_bytes()), Err(VerifyError::Malformed { line: 1, .. })));
}

#[test]
fn a_record_cut_short_is_told_apart_from_a_changed_one() {
    let (log, _) = log();
    let last = log.len() - lines(&log)[RECORDS as usize - 1].len();
    for end in last + 1..log.len() {
        let told = verify(&log.as_bytes()[..end]).unwrap_err();
        let left = (end - last) as u64;
        assert!(
            matches!(&told, VerifyError::Partial { line: RECORDS, bytes, head } if *bytes == left && head.records == RECORDS - 1),
            "{told}"
        );
    }
}

#[test]
fn records_cut_off_the_end_show_to_those_who_remember_the_head() {
    let (log, head) = log();
    let middle = verify(lines(&log)[..3].concat().as_bytes()).unwrap().head;
    for kept in 0..RECORDS as usize {
        let cut = lines(&log)[..kept].concat();
        assert_eq!(verify(cut.as_bytes()).unwrap().records, kept as u64);
        let told = verify_against(cut.as_bytes(), head.hash).unwrap_err();
        assert!(
            matches!(told, VerifyError::HeadMissing { head: wanted, records, .. } if wanted == head.hash && records == kept as u64)
        );
    }
    // A head from before the log grew vouches for what was there then.
    assert_eq!(verify_against(log.as_bytes(), middle).unwrap().vouched, Some(3));
    assert_eq!(verify_against(log.as_bytes(), RecordHash::GENESIS).unwrap().vouched, Some(0));
}

#[test]
fn a_log_written_anew_shows_to_those_who_remember_the_head() {
    let (_, head) = log();
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("audit.log");
    let other = AuditLog::open(&path, OnFailure::Refuse).unwrap();
    for at in 0..RECORDS {
        other.record(at, &Event::HostStopped).unwrap();
    }
    let anew = std::fs::read(&path).unwrap();
    assert!(verify(&*anew).is_ok());
    assert!(matches!(verify_against(&*anew, head.hash), Err(VerifyError::HeadMissing { .. })));
}

#[test]
fn an_endless_line_is_not_read_to_its_end() {
    let told = verify(std::io::BufReader::new(std::io::repeat(b'x'))).unwrap_err();
    assert!(matches!(told, VerifyError::LineTooLong { line: 1, limit: 1_048_576 }));
}

#[test]
fn a_hash_is_64_lower_case_digits() {
    let (_, head) = log();
    let text = head.hash.to_string();
    assert_eq!(text.parse::<RecordHash>().unwrap(), head.hash);
    for wrong in [
        "",
        &text[1..],
        &format!("{text}0"),
        &text.to_uppercase().replace(char::is_numeric, "A"),
        &format!(" {text}"),
    ] {
        assert!(matches!(wrong.parse::<RecordHash>(), Err(VerifyError::NotAHash)), "{wrong}");
    }
}
