//! A call can have an instance of its own, of which nothing is left afterwards.

mod support;

use std::{thread, time::Duration};

use support::{ECHO, Gate, Recorder, call_with, guest, module};
use wapc_host::{CallOptions, Error, WapcHost, WapcHostBuilder};

/// Answers with how often its instance was called, as one byte.
fn counting() -> WapcHostBuilder {
    let body = "(i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
        (call $response (i32.const 0) (i32.const 1)) (i32.const 1)";
    WapcHost::builder(&module(&guest(body))).handler(Recorder::default())
}

#[test]
fn nothing_is_left_of_a_fresh_instance() {
    let host = counting().build().unwrap();
    assert_eq!(host.call("", b"").unwrap(), [1]);
    assert_eq!(host.call("", b"").unwrap(), [2]);
    for _ in 0..3 {
        assert_eq!(call_with(&host, "", &CallOptions::new().fresh()).unwrap(), [1]);
    }
    assert_eq!(host.call("", b"").unwrap(), [3], "the pool's own instance was not touched");
    let stats = host.pool_stats();
    assert_eq!((stats.calls, stats.created, stats.fresh, stats.reused), (6, 4, 3, 3));
    assert_eq!((stats.idle, stats.in_use, stats.discarded), (1, 0, 0));
}

#[test]
fn a_host_can_make_a_fresh_instance_for_every_call() {
    let host = counting().fresh_instances().build().unwrap();
    for calls in 1..=3 {
        assert_eq!(host.call("", b"").unwrap(), [1]);
        let stats = host.pool_stats();
        assert_eq!((stats.calls, stats.fresh, stats.idle), (calls, calls, 0));
    }
}

#[test]
fn a_fresh_instance_has_its_place_in_the_pool() {
    let host = counting().max_instances(1).build().unwrap();
    assert_eq!(host.pool_stats().idle, 1);
    assert_eq!(call_with(&host, "", &CallOptions::new().fresh()).unwrap(), [1]);
    let stats = host.pool_stats();
    assert_eq!((stats.released, stats.idle, stats.in_use), (1, 0, 0), "the idle one made room");
    assert_eq!(host.call("", b"").unwrap(), [1]);
}

#[test]
fn a_fresh_instance_is_waited_for_like_any_other() {
    let gate = Gate::new(1);
    let builder = |wait| {
        let builder = WapcHost::builder(&module(ECHO)).handler(gate.clone());
        builder.max_instances(1).max_wait(wait).build().unwrap()
    };
    let fresh = CallOptions::new().fresh();
    for (wait, answered) in [(Duration::ZERO, false), (Duration::from_secs(60), true)] {
        let host = builder(wait);
        thread::scope(|scope| {
            let busy = scope.spawn(|| host.call("callback", b"busy").unwrap());
            gate.entered.wait();
            let waiting = scope.spawn(|| call_with(&host, "echo", &fresh));
            support::until(|| host.pool_stats().waited == 1);
            if answered {
                gate.opened.wait();
                assert_eq!(waiting.join().unwrap().unwrap(), b"payload");
            } else {
                let error = waiting.join().unwrap().unwrap_err();
                assert!(matches!(error, Error::PoolExhausted { max: 1, .. }), "{error}");
                gate.opened.wait();
            }
            busy.join().unwrap();
        });
        let stats = host.pool_stats();
        assert_eq!((stats.exhausted, stats.fresh), (u64::from(!answered), u64::from(answered)));
    }
}
