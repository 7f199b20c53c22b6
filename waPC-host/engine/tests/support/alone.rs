//! Tests that may hang or end their process, each in a process of its own.

use std::{
    env,
    io::Read,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Set in a process that was started for one test.
const ALONE: &str = "WAPC_TEST_ALONE";

/// Runs `test`, which is the body of the test of this name, in a process of its own, and fails when
/// that fails or takes longer than `limit`.
#[track_caller]
pub(crate) fn alone(name: &str, limit: Duration, test: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    // The suites are also run as modules of another, where the name is longer.
    let this = thread::current();
    let full = this.name().filter(|full| full.ends_with(name)).unwrap_or(name);
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", full, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut output, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (done, ended) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        let _ = output.read_to_string(&mut text);
        let _ = done.send(());
        text
    });
    let in_time = ended.recv_timeout(limit).is_ok();
    if !in_time {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let text = reader.join().unwrap();
    assert!(in_time, "`{name}` did not end within {limit:?}: {text}");
    assert!(status.success(), "`{name}` ended with {status}: {text}");
    // A name that is wrong runs no test at all, and would pass.
    assert!(text.contains("1 passed"), "`{name}` did not run: {text}");
}
