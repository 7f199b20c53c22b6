//! Streams that nobody reads.

use std::io::pipe;

use crate::support::{Directory, EMPTY, claims, signed};

#[test]
fn a_closed_standard_output_is_no_panic() {
    let directory = Directory::new();
    directory.write("counter.wasm", signed(EMPTY, &claims()));
    for arguments in [
        &["inspect", "counter.wasm"][..],
        &["inspect", "counter.wasm", "--json"],
        &["keys", "generate", "module"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = directory.command(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(141), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panic") && !stderr.contains("error"), "{stderr}");
    }
}

#[test]
fn a_closed_standard_error_is_no_panic() {
    let directory = Directory::new();
    directory.write("counter.wasm", EMPTY);
    for (arguments, status) in
        [(&["inspect", "counter.wasm"][..], 1), (&["inspect", "counter.wasm", "--json"], 1), (&["fly"], 2)]
    {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let output = directory.command(arguments).stderr(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
}
