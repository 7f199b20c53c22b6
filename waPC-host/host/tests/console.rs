//! What a call may print is bounded, whichever way it prints.

mod support;

use support::{Recorder, call_with, guest, module};
use wapc_host::{CallOptions, WapcHost};

/// A call that prints the first `length` bytes of its memory `times` times.
fn prints(length: u32, times: u32) -> String {
    guest(&format!(
        "(local $i i32)
        (loop
          (call $console_log (i32.const 0) (i32.const {length}))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if 0 (i32.lt_u (local.get $i) (i32.const {times}))))
        (i32.const 1)"
    ))
}

fn lines(recorder: &Recorder) -> Vec<String> {
    std::mem::take(&mut recorder.lines.lock().unwrap())
}

#[test]
fn a_call_prints_no_more_than_it_may_and_a_last_line_says_so() {
    let recorder = Recorder::default();
    let builder = WapcHost::builder(&module(&prints(9, 100))).handler(recorder.clone());
    let host = builder.console_limit(25).build().unwrap();
    let told = "... 975 bytes more are not printed: a call may print 25";
    for _ in 0..2 {
        host.call("any", b"").unwrap();
        let lines = lines(&recorder);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [9, 9, 4, told.len()], "{lines:?}");
        assert_eq!(lines[3], told);
    }
}

#[test]
fn lines_without_text_count_too() {
    let recorder = Recorder::default();
    let builder = WapcHost::builder(&module(&prints(0, 1000))).handler(recorder.clone());
    builder.console_limit(10).build().unwrap().call("any", b"").unwrap();
    assert_eq!(lines(&recorder).len(), 11);
}

#[test]
fn one_call_can_be_let_print_less_and_not_more() {
    let recorder = Recorder::default();
    let builder = WapcHost::builder(&module(&prints(9, 3))).handler(recorder.clone());
    let host = builder.console_limit(20).build().unwrap();
    call_with(&host, "any", &CallOptions::new().console_limit(0)).unwrap();
    assert_eq!(lines(&recorder), ["... 30 bytes more are not printed: a call may print 0"]);
    call_with(&host, "any", &CallOptions::new().console_limit(usize::MAX)).unwrap();
    assert_eq!(lines(&recorder).len(), 3);
}

#[test]
fn what_is_printed_without_a_setting_is_bounded() {
    let recorder = Recorder::default();
    let host = WapcHost::new(&module(&prints(60_000, 1000)), recorder.clone()).unwrap();
    host.call("any", b"").unwrap();
    let printed: usize = lines(&recorder).iter().map(String::len).sum();
    assert!(printed <= (256 << 10) + 100, "{printed}");
}
