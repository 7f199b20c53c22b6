//! What becomes of instances: used again, thrown away for a reason, released when nobody needs them. All of it is counted.

mod support;

use std::{sync::Barrier, thread, time::Duration};

use support::{ECHO, Gate, Recorder, call_with, echo, module};
use wapc_host::{
    CallOptions, CancelToken, Error, HostCall, HostCallError, Isolation, PoolStats, WapcHost, WapcHostBuilder,
};

/// Leaves `calls` idle instances behind, all of which were in use at once.
fn crowd(host: &WapcHost, gate: &Gate, calls: usize) {
    thread::scope(|scope| {
        let calls: Vec<_> = (0..calls).map(|_| scope.spawn(|| host.call("callback", b"").unwrap())).collect();
        gate.entered.wait();
        gate.opened.wait();
        calls.into_iter().for_each(|call| drop(call.join().unwrap()));
    });
}

fn gated(gate: &Gate) -> WapcHostBuilder {
    WapcHost::builder(&module(ECHO)).handler(gate.clone())
}

#[test]
fn an_instance_is_used_again_after_a_call_that_went_well() {
    let host = echo();
    for _ in 0..5 {
        host.call("echo", b"").unwrap();
        host.call("fail", b"an answer, too").unwrap_err();
    }
    let stats = host.pool_stats();
    assert_eq!((stats.calls, stats.reused, stats.created, stats.discarded), (10, 10, 1, 0));
}

/// What the pool says after one call that failed, and one that went well on what is left.
#[track_caller]
fn after(host: &WapcHost, operation: &str, options: &CallOptions) -> PoolStats {
    call_with(host, operation, options).unwrap_err();
    assert_eq!(host.call("echo", b"next").unwrap(), b"next");
    let stats = host.pool_stats();
    assert_eq!((stats.in_use, stats.idle), (0, 1));
    assert_eq!(stats.discarded, stats.trapped + stats.interrupted + stats.violated);
    assert_eq!(stats.created, 1 + stats.discarded, "each was made again when it was needed");
    stats
}

#[test]
fn an_instance_that_trapped_is_thrown_away() {
    let stats = after(&echo(), "i trap", &CallOptions::new());
    assert_eq!((stats.trapped, stats.discarded), (1, 1));
    let panicking = |_: &HostCall<'_>| -> Result<&str, HostCallError> { panic!("as it must") };
    let host = WapcHost::new(&module(ECHO), panicking).unwrap();
    assert_eq!(after(&host, "callback", &CallOptions::new()).trapped, 1);
}

#[test]
fn an_instance_that_broke_the_protocol_is_thrown_away() {
    // Zero is returned, and no error is set: the guest is in no state to be called again, though it came back.
    let stats = after(&echo(), "zero", &CallOptions::new());
    assert_eq!((stats.violated, stats.discarded), (1, 1));
    let body = "(if (i32.eq (local.get $operation_length) (i32.const 4))
            (then (call $request (i32.const 0) (i32.const 16)) (call $response (i32.const 16) (local.get $length))
                (return (i32.const 1))))
        (call $response (i32.const -1) (i32.const 9)) (i32.const 1)";
    let host = WapcHost::new(&module(&support::guest(body)), Recorder::default()).unwrap();
    assert_eq!(after(&host, "wild pointer", &CallOptions::new()).violated, 1);
}

#[cfg(feature = "host-interrupt")]
#[test]
fn an_instance_that_was_interrupted_is_thrown_away() {
    let body = "(if (i32.eq (local.get $operation_length) (i32.const 4))
            (then (call $request (i32.const 0) (i32.const 16)) (call $response (i32.const 16) (local.get $length))
                (return (i32.const 1))))
        (loop br 0) unreachable";
    let host = WapcHost::new(&module(&support::guest(body)), Recorder::default()).unwrap();
    let stats = after(&host, "endless", &CallOptions::new().timeout(Duration::from_millis(30)));
    assert_eq!((stats.interrupted, stats.discarded), (1, 1));
}

#[test]
fn waits_and_those_in_vain_are_counted() {
    let gate = Gate::new(1);
    let host = gated(&gate).max_instances(1).max_wait(Duration::from_millis(5)).build().unwrap();
    thread::scope(|scope| {
        let busy = scope.spawn(|| host.call("callback", b"").unwrap());
        gate.entered.wait();
        let error = host.call("echo", b"").unwrap_err();
        assert!(matches!(error, Error::PoolExhausted { max: 1, .. }), "{error}");
        gate.opened.wait();
        busy.join().unwrap();
    });
    let stats = host.pool_stats();
    assert_eq!((stats.waited, stats.exhausted, stats.calls), (1, 1, 1));
}

#[test]
fn what_nobody_used_since_the_last_time_is_released() {
    let gate = Gate::new(4);
    let host = gated(&gate).build().unwrap();
    crowd(&host, &gate, 4);
    assert_eq!(host.release_idle(), 0, "all of them have just been used");
    assert_eq!(host.pool_stats().idle, 4);
    assert_eq!(host.call("echo", b"one is enough").unwrap(), b"one is enough");
    assert_eq!(host.release_idle(), 3);
    let stats = host.pool_stats();
    assert_eq!((stats.idle, stats.released, stats.discarded), (1, 3, 0));
    assert_eq!(host.release_idle(), 0, "one is kept");
    crowd(&host, &gate, 4);
    assert_eq!(host.pool_stats().created, 4 + 3);
}

#[test]
fn as_many_are_kept_as_the_owner_says() {
    for (kept, released) in [(0, 4), (3, 1), (9, 0)] {
        let gate = Gate::new(4);
        let host = gated(&gate).min_idle(kept).build().unwrap();
        crowd(&host, &gate, 4);
        assert_eq!(host.release_idle() + host.release_idle(), released);
        assert_eq!(host.pool_stats().idle, 4 - released);
        assert_eq!(host.call("echo", b"still here").unwrap(), b"still here");
    }
}

#[test]
fn a_pool_releases_by_itself_what_has_been_idle_for_too_long() {
    let gate = Gate::new(4);
    // With no time at all, each instance that comes back finds those too old that were there when the last one came.
    let host = gated(&gate).idle_timeout(Duration::ZERO).build().unwrap();
    crowd(&host, &gate, 4);
    for _ in 0..2 {
        host.call("echo", b"").unwrap();
    }
    let stats = host.pool_stats();
    assert!(stats.released >= 2, "{stats:?}");
    assert!(stats.idle <= 2, "{stats:?}");
    assert_eq!(stats.created, stats.released + stats.idle as u64);
}

#[test]
fn what_has_not_been_idle_for_long_is_kept() {
    let gate = Gate::new(4);
    for timeout in [Duration::from_secs(3600), Duration::from_secs(u64::MAX), Duration::MAX] {
        let host = gated(&gate).idle_timeout(timeout).max_wait(timeout).build().unwrap();
        crowd(&host, &gate, 4);
        for _ in 0..10 {
            host.call("echo", b"").unwrap();
        }
        let stats = host.pool_stats();
        assert_eq!((stats.idle, stats.released), (4, 0), "{timeout:?}");
    }
}

#[test]
fn an_instance_that_one_thread_left_is_found_by_any_other() {
    let host = echo();
    for _ in 0..20 {
        thread::scope(|scope| scope.spawn(|| host.call("echo", b"mine").unwrap()).join()).unwrap();
    }
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.calls, stats.idle), (1, 20, 1));
}

#[test]
fn threads_share_fewer_instances_than_they_are() {
    let host = WapcHost::builder(&module(ECHO))
        .handler(Recorder::default())
        .max_instances(3)
        .max_wait(Duration::from_secs(60))
        .build()
        .unwrap();
    thread::scope(|scope| {
        for thread in 0..6_u8 {
            let host = &host;
            scope.spawn(move || {
                for call in 0..300 {
                    assert_eq!(host.call("callback", &[thread, call as u8]).unwrap(), [call as u8, thread]);
                    // What is idle may go at any time, and is made again when it is needed.
                    if call % 50 == 0 {
                        host.release_idle();
                    }
                }
            });
        }
    });
    let stats = host.pool_stats();
    assert_eq!((stats.calls, stats.in_use, stats.exhausted), (6 * 300, 0, 0));
    assert!(stats.idle <= 3);
    assert_eq!(stats.created, stats.released + stats.idle as u64);
}

/// Also when its time is up while its instance is being made or started, a call is told so.
#[cfg(feature = "host-interrupt")]
#[test]
fn a_call_that_is_over_while_its_instance_starts_ends_at_its_deadline() {
    let start = r#"(func (export "wapc_init")) (func (export "_start"))"#;
    let spinning =
        support::guest("(loop br 0) unreachable").replacen("(memory", &format!("{start} (memory"), 1);
    let host = WapcHost::builder(&module(&spinning)).handler(Recorder::default()).build().unwrap();
    for nanoseconds in (0..400_000).step_by(500) {
        let options =
            CallOptions::new().timeout(Duration::from_nanos(nanoseconds)).isolation(Isolation::Fresh);
        let error = call_with(&host, "any", &options).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error:?}");
    }
}

/// Whoever calls again at once finds its instance before one that must be woken for it, but not for ever.
#[test]
fn a_call_that_waits_gets_its_turn_beside_one_that_never_stops_calling() {
    let host = WapcHost::builder(&module(ECHO))
        .handler(Recorder::default())
        .max_instances(1)
        .max_wait(Duration::from_secs(60))
        .build()
        .unwrap();
    for _ in 0..50 {
        let gate = Barrier::new(2);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                gate.wait();
                host.call("echo", b"my turn").unwrap()
            });
            gate.wait();
            while !waiting.is_finished() {
                host.call("echo", &[0; 4096]).unwrap();
            }
            assert_eq!(waiting.join().unwrap(), b"my turn");
        });
    }
    assert_eq!((host.pool_stats().exhausted, host.pool_stats().created), (0, 1));
}

/// Each of those that wait is told when it may look again, whatever the others before it do.
#[test]
fn calls_that_wait_in_line_are_all_served_though_some_give_up() {
    let gate = Gate::new(1);
    let host = gated(&gate).max_instances(1).max_wait(Duration::from_secs(60)).build().unwrap();
    let token = CancelToken::new();
    thread::scope(|scope| {
        let busy = scope.spawn(|| host.call("callback", b"").unwrap());
        gate.entered.wait();
        let calls: Vec<_> = (1..=12)
            .map(|number| {
                let (host, token) = (&host, &token);
                let call = scope.spawn(move || match number % 3 {
                    0 => call_with(host, "echo", &CallOptions::new().cancel(token)),
                    1 => call_with(host, "echo", &CallOptions::new().timeout(Duration::from_millis(5))),
                    _ => host.call("echo", b"payload"),
                });
                support::until(|| host.pool_stats().waited == number);
                call
            })
            .collect();
        token.cancel();
        gate.opened.wait();
        busy.join().unwrap();
        for (number, call) in (1_u64..).zip(calls) {
            match (number % 3, call.join().unwrap()) {
                (0, outcome) => assert!(matches!(outcome, Err(Error::Cancelled { .. })), "{outcome:?}"),
                (1, Err(error)) => assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}"),
                (_, outcome) => assert_eq!(outcome.unwrap(), b"payload"),
            }
        }
    });
    let stats = host.pool_stats();
    assert_eq!((stats.waited, stats.in_use), (12, 0));
}

#[test]
fn nothing_is_left_of_a_pool_that_was_closed_under_calls() {
    for _ in 0..20 {
        let host = echo();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let error = (0..).find_map(|_| host.call("echo", b"").err()).unwrap();
                    assert!(matches!(error, Error::Closed { .. }), "{error}");
                });
            }
            support::until(|| host.pool_stats().calls > 20);
            host.close();
        });
        let stats = host.pool_stats();
        assert_eq!((stats.idle, stats.in_use), (0, 0), "{stats:?}");
    }
}
