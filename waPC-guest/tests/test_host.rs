//! The host that a test plays: what it sees, what it answers, and where it ends.

use std::thread;

use wapc_guest::{HostError, console_log, host_call, testing};

#[test]
fn it_sees_the_whole_call() {
    let host = testing::install(|call| Ok(call.payload.clone()));
    assert_eq!(host_call("a link", "example:any", "Any", b"\x00\xff").as_deref(), Ok(&b"\x00\xff"[..]));
    let calls = host.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].binding, "a link");
    assert_eq!(calls[0].namespace, "example:any");
    assert_eq!(calls[0].operation, "Any");
    assert_eq!(calls[0].payload, b"\x00\xff");
}

#[test]
fn its_error_names_the_call() {
    let _host = testing::install(|_| Err("no".to_owned()));
    match host_call("default", "example:any", "Any", b"") {
        Err(HostError::Failed { namespace, operation, text }) => {
            assert_eq!((namespace.as_str(), operation.as_str(), text.as_str()), ("example:any", "Any", "no"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_without_words_says_so() {
    let _host = testing::install(|_| Err(String::new()));
    let error = host_call("default", "example:any", "Any", b"").unwrap_err();
    assert!(matches!(error, HostError::Unexplained { .. }));
    assert!(error.to_string().contains("`Any` of `example:any`"), "{error}");
}

#[test]
fn the_latest_host_answers_until_it_is_dropped() {
    let first = testing::install(|_| Ok(b"first".to_vec()));
    {
        let second = testing::install(|_| Ok(b"second".to_vec()));
        assert_eq!(host_call("", "", "", b"").as_deref(), Ok(&b"second"[..]));
        console_log("to the second");
        assert_eq!(second.console(), ["to the second"]);
    }
    assert_eq!(host_call("", "", "", b"").as_deref(), Ok(&b"first"[..]));
    assert_eq!(first.calls().len(), 1);
    assert!(first.console().is_empty());
}

/// Hosts may be dropped in any order.
#[test]
fn the_earlier_host_may_go_first() {
    let first = testing::install(|_| Ok(b"first".to_vec()));
    let second = testing::install(|_| Ok(b"second".to_vec()));
    drop(first);
    assert_eq!(host_call("", "", "", b"").as_deref(), Ok(&b"second"[..]));
    drop(second);
    assert!(host_call("", "", "", b"").is_err());
}

#[test]
fn it_belongs_to_its_thread() {
    let host = testing::install(|_| Ok(Vec::new()));
    let elsewhere = thread::spawn(|| {
        console_log("goes nowhere");
        host_call("default", "example:any", "Any", b"")
    });
    let error = elsewhere.join().unwrap().unwrap_err();
    assert!(error.to_string().contains("wapc_guest::testing::install"), "{error}");
    assert!(host.calls().is_empty());
    assert!(host.console().is_empty());
}

/// A host may call the guest back while it answers.
#[test]
fn it_may_call_the_guest_while_it_answers() {
    let host = testing::install(|call| match call.operation.as_str() {
        "Outer" => host_call("default", "example:any", "Inner", b"").map_err(|error| error.to_string()),
        _ => Ok(b"inner".to_vec()),
    });
    assert_eq!(host_call("default", "example:any", "Outer", b"").as_deref(), Ok(&b"inner"[..]));
    assert_eq!(host.calls().len(), 2);
}
