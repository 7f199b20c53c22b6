//! Calls of a guest from inside calls of its own never wait for themselves.

mod support;

use std::{
    sync::{Arc, Barrier, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

use support::{ECHO, module};
use wapc_host::{Error, HostCall, HostCallError, WapcHost, WapcHostBuilder};

/// A host whose guest calls itself through the host until it is so deep.
fn calling_itself(deepest: u32, settings: impl FnOnce(WapcHostBuilder) -> WapcHostBuilder) -> WapcHost {
    let cell = Arc::new(OnceLock::<WapcHost>::new());
    let inside = Arc::clone(&cell);
    let handler = move |call: &HostCall<'_>| {
        let mut reply = Vec::new();
        if call.context.depth() < deepest {
            let host = inside.get().expect("it is called only when it is there");
            host.call_with("callback", call.payload, &call.nested(), &mut reply)?;
        }
        Ok::<_, HostCallError>(reply)
    };
    let builder = WapcHost::builder(&module(ECHO)).handler(handler).deadline(Duration::from_secs(60));
    let host = settings(builder).build().unwrap();
    cell.set(host.clone()).expect("it is set once");
    host
}

#[test]
fn many_callers_of_a_guest_that_calls_itself_all_succeed() {
    for max in [1, 2, 16] {
        let host = calling_itself(3, |builder| builder.max_instances(max).max_wait(Duration::from_secs(60)));
        let together = Barrier::new(32);
        thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| {
                    together.wait();
                    for _ in 0..4 {
                        host.call("callback", b"round").unwrap();
                    }
                });
            }
        });
        let stats = host.pool_stats();
        assert_eq!((stats.calls, stats.exhausted, stats.in_use), (32 * 4 * 4, 0, 0), "{stats:?}");
        assert!(stats.idle <= max, "what was made for nested calls is not kept: {stats:?}");
    }
}

#[test]
fn nested_calls_have_a_limit_of_their_own() {
    let host = calling_itself(3, |builder| {
        builder.max_instances(1).nested_instances(2).max_wait(Duration::from_millis(20))
    });
    let error = host.call("callback", b"").unwrap_err();
    let Error::Guest { text, .. } = &error else { panic!("{error}") };
    assert!(text.contains("all 1 instances were busy"), "{text}");
    let host = calling_itself(3, |builder| builder.max_instances(1).nested_instances(3));
    host.call("callback", b"").unwrap();
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.idle), (4, 1), "{stats:?}");
}

#[test]
fn a_guest_that_calls_itself_without_end_comes_as_deep_as_calls_may_be() {
    let host = calling_itself(u32::MAX, |builder| builder.max_instances(1));
    let error = host.call("callback", b"").unwrap_err();
    assert!(error.to_string().contains("nested 17 calls deep, 16 are allowed"), "{error}");
    assert_eq!(host.pool_stats().created, 17);
}

#[test]
fn a_call_from_outside_gets_none_of_what_nested_calls_may_have() {
    let (inside, is_inside) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let handler = move |_: &HostCall<'_>| {
        inside.send(()).unwrap();
        let _told = may_go_on.lock().unwrap().recv();
        Ok::<_, HostCallError>("")
    };
    let builder = WapcHost::builder(&module(ECHO)).handler(handler).max_instances(1);
    let host = builder.max_wait(Duration::from_millis(20)).build().unwrap();
    thread::scope(|scope| {
        let holds = scope.spawn(|| host.call("callback", b""));
        is_inside.recv().unwrap();
        let error = host.call("echo", b"").unwrap_err();
        assert!(matches!(error, Error::PoolExhausted { max: 1, .. }), "{error}");
        go_on.send(()).unwrap();
        holds.join().unwrap().unwrap();
    });
}
