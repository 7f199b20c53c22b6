//! What a call finds of earlier ones in its instance: whatever they left, or nothing.

mod support;

use std::{thread, time::Duration};

use support::{ECHO, Gate, Recorder, call_with, guest, module};
use wapc_host::{CallOptions, Error, Isolation, NotPristine, Unrestorable, WapcHost, WapcHostBuilder};

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
        assert_eq!(call_with(&host, "", &CallOptions::new().isolation(Isolation::Fresh)).unwrap(), [1]);
    }
    assert_eq!(host.call("", b"").unwrap(), [3], "the pool's own instance was not touched");
    let stats = host.pool_stats();
    assert_eq!((stats.calls, stats.created, stats.fresh, stats.reused), (6, 4, 3, 3));
    assert_eq!((stats.idle, stats.in_use, stats.discarded), (1, 0, 0));
}

#[test]
fn a_host_can_make_a_fresh_instance_for_every_call() {
    let host = counting().isolation(Isolation::Fresh).build().unwrap();
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
    assert_eq!(call_with(&host, "", &CallOptions::new().isolation(Isolation::Fresh)).unwrap(), [1]);
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
    let fresh = CallOptions::new().isolation(Isolation::Fresh);
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

fn pristine() -> CallOptions {
    CallOptions::new().isolation(Isolation::Pristine)
}

#[test]
fn a_pristine_call_finds_nothing_of_the_one_before() {
    let host = counting().isolation(Isolation::Pristine).build().unwrap();
    for _ in 0..5 {
        assert_eq!(host.call("", b"").unwrap(), [1]);
    }
    let stats = host.pool_stats();
    assert_eq!(
        (stats.calls, stats.created, stats.fresh, stats.reused),
        (5, 1, 0, 5),
        "one instance serves them all"
    );
    assert_eq!((host.isolation(), host.not_pristine()), (Isolation::Pristine, None));
}

#[test]
fn shared_and_pristine_calls_never_meet_in_an_instance() {
    let host = counting().build().unwrap();
    for calls in 1..=3 {
        assert_eq!(host.call("", b"").unwrap(), [calls]);
        assert_eq!(call_with(&host, "", &pristine()).unwrap(), [1]);
    }
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.idle, stats.fresh), (2, 2, 0), "each kind has its own");
    let single = counting().max_instances(1).build().unwrap();
    for _ in 0..3 {
        assert_eq!(single.call("", b"").unwrap(), [1], "the other one made room");
        assert_eq!(call_with(&single, "", &pristine()).unwrap(), [1]);
    }
    assert_eq!(single.pool_stats().released, 5);
}

#[test]
fn a_call_cannot_ask_for_less_isolation_than_the_host_has() {
    let host = counting().isolation(Isolation::Pristine).build().unwrap();
    for isolation in [Isolation::Shared, Isolation::Pristine, Isolation::Fresh] {
        assert_eq!(call_with(&host, "", &CallOptions::new().isolation(isolation)).unwrap(), [1]);
    }
    assert_eq!(host.pool_stats().fresh, 1);
}

/// Stores its payload where the operation's length says, and answers how many bytes of `secret` it finds in all of its memory.
fn searching() -> String {
    guest(
        "(local $at i32) (local $found i32)
        (loop $search
            (local.set $found (i32.add (local.get $found) (i32.eq (i32.load8_u (local.get $at)) (i32.const 0xEE))))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $search (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
        (if (local.get $operation_length) (then (drop (memory.grow (i32.const 1)))))
        (memory.fill (i32.const 9) (i32.const 0xEE) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 9)))
        (i32.store (i32.const 0) (local.get $found))
        (call $response (i32.const 0) (i32.const 4)) (i32.const 1)",
    )
}

#[test]
fn a_secret_of_one_call_is_not_found_by_the_next() {
    let builder = || WapcHost::builder(&module(&searching())).handler(Recorder::default());
    let shared = builder().build().unwrap();
    shared.call("", b"").unwrap();
    assert_ne!(shared.call("", b"").unwrap(), [0; 4], "the search finds what is there");
    let host = builder().isolation(Isolation::Pristine).build().unwrap();
    for operation in ["", "", "grow", "", "grow", "grow", ""] {
        assert_eq!(host.call(operation, b"").unwrap(), [0; 4]);
    }
}

#[test]
fn an_instance_in_which_a_call_failed_is_not_put_back() {
    let body = "(if (local.get $operation_length) (then unreachable)) (call $response (i32.const 0) (i32.const 1)) (i32.const 1)";
    let host = WapcHost::builder(&module(&guest(body))).handler(Recorder::default());
    let host = host.isolation(Isolation::Pristine).build().unwrap();
    host.call("trap", b"").unwrap_err();
    host.call("", b"").unwrap();
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.trapped), (2, 1));
}

/// A guest that does `start` before its first call.
fn starting(start: &str) -> WapcHostBuilder {
    let text = guest("(call $response (i32.const 0) (i32.const 8)) (i32.const 1)");
    let at = text.find("(memory").unwrap();
    let (imports, rest) = text.split_at(at);
    let text = format!(
        r#"{imports} (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        {rest}"#
    );
    let text =
        format!("{} (func $start {start}) (start $start))", text.trim_end().strip_suffix(')').unwrap());
    WapcHost::builder(&module(&text)).handler(Recorder::default()).isolation(Isolation::Pristine)
}

const DRAWS: &str = "(drop (call $random (i32.const 0) (i32.const 8)))";

#[test]
fn a_start_that_drew_what_should_differ_is_not_frozen() {
    let nothing = "(i32.const 0) ".repeat(8);
    let calls = format!("(drop (call $host_call {nothing}))");
    for (start, reason) in [(DRAWS, NotPristine::DrewRandom), (&calls, NotPristine::CalledHost)] {
        let host = starting(start).build().unwrap();
        assert_eq!((host.isolation(), host.not_pristine()), (Isolation::Fresh, Some(reason)));
        host.call("", b"").unwrap();
        host.call("", b"").unwrap();
        assert_eq!(host.pool_stats().fresh, 2, "{reason}");
    }
    let host = starting(DRAWS).build().unwrap();
    assert_ne!(host.call("", b"").unwrap(), host.call("", b"").unwrap());
}

#[test]
fn the_owner_may_allow_a_frozen_start() {
    let host = starting(DRAWS).allow_frozen_start().build().unwrap();
    assert_eq!((host.isolation(), host.not_pristine()), (Isolation::Pristine, None));
    assert_eq!(host.call("", b"").unwrap(), host.call("", b"").unwrap());
    assert_eq!(host.pool_stats().fresh, 0);
}

#[test]
fn a_guest_that_may_drop_segments_gets_fresh_instances() {
    let text = guest("(data.drop 0) (call $response (i32.const 0) (i32.const 1)) (i32.const 1)");
    let text = format!(r#"{} (data "gone"))"#, text.trim_end().strip_suffix(')').unwrap());
    let host = WapcHost::builder(&module(&text)).handler(Recorder::default());
    let host = host.isolation(Isolation::Pristine).allow_frozen_start().build().unwrap();
    assert_eq!(host.not_pristine(), Some(NotPristine::Engine(Unrestorable::PassiveSegments)));
    host.call("", b"").unwrap();
    assert_eq!((host.isolation(), host.pool_stats().fresh), (Isolation::Fresh, 1));
}
