//! What one call asks for tightens what the host allows, and never widens it.

mod support;

use std::time::Duration;

use support::{ECHO, Recorder, call_with, module};
use wapc_host::{CallOptions, Error, HostCall, HostCallError, WapcHost};

fn limited() -> WapcHost {
    WapcHost::builder(&module(ECHO))
        .handler(Recorder::default())
        .payload_limit(100)
        .reply_limit(50)
        .build()
        .unwrap()
}

#[test]
fn a_payload_keeps_to_the_lower_limit() {
    let host = limited();
    for (asked, limit) in [(10, 10), (1000, 100)] {
        let options = CallOptions::new().payload_limit(asked);
        let error = host.call_with("echo", &[0; 101], &options, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, Error::PayloadTooLarge { size: 101, limit: l, .. } if l == limit), "{error}");
    }
    // The operation's own name is no payload.
    let options = CallOptions::new().payload_limit(0);
    host.call_with("echo", b"", &options, &mut Vec::new()).unwrap();
}

#[test]
fn a_reply_keeps_to_the_lower_limit() {
    let host = limited();
    for (asked, limit) in [(10, 10), (1000, 50)] {
        let options = CallOptions::new().reply_limit(asked);
        let error = host.call_with("echo", &[0; 51], &options, &mut Vec::new()).unwrap_err();
        assert!(matches!(error, Error::ReplyTooLarge { size: 51, limit: l, .. } if l == limit), "{error}");
    }
    assert_eq!(host.call("echo", &[0; 50]).unwrap(), [0; 50], "the next call has its own limit");
    assert_eq!(host.pool_stats().discarded, 0);
}

#[test]
fn nested_options_go_one_deeper_and_end_no_later() {
    let handler = |call: &HostCall<'_>| {
        let (nested, deadline) =
            (format!("{:?}", call.nested()), format!("{:?}", call.context.deadline().unwrap()));
        assert!(nested.contains("depth: 4") && nested.contains(&deadline), "{nested}");
        Ok::<_, HostCallError>("")
    };
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    let options = CallOptions::new().depth(3).timeout(Duration::from_secs(20));
    assert_eq!(call_with(&host, "callback", &options).unwrap(), b"");
}
