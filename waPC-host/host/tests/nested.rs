//! Calls of a guest from inside calls of its own never wait for themselves.

mod support;

use std::{
    future::Future,
    sync::{
        Arc, Barrier, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use support::{ECHO, module};
use wapc_host::{
    AsyncHost, CallContext, CallOptions, Error, HostCall, HostCallError, WapcHost, WapcHostBuilder,
};

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

/// The outcome of a future, on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    CallContext::new().wait(future).expect("it has no deadline")
}

/// A handler that waits for a call of its own has one of the threads, and so have all those around it.
#[test]
fn calls_that_are_awaited_inside_of_others_find_a_thread() {
    let cell = Arc::new(OnceLock::<AsyncHost>::new());
    let inside = Arc::clone(&cell);
    let handler = move |call: &HostCall<'_>| {
        if call.context.depth() == 3 {
            return Ok::<_, HostCallError>(Vec::new());
        }
        let calls = inside.get().expect("it is called only when it is there");
        Ok(block_on(calls.call_with("callback", "", call.nested()))?)
    };
    let builder = WapcHost::builder(&module(ECHO)).handler(handler).deadline(Duration::from_secs(60));
    let calls = AsyncHost::builder(builder.max_instances(1).build().unwrap()).max_threads(1).build();
    cell.set(calls.clone()).expect("it is set once");
    let outer: Vec<_> = (0..8).map(|_| calls.call("callback", "")).collect();
    outer.into_iter().for_each(|call| drop(block_on(call).unwrap()));
    assert!(calls.threads() <= 4, "one, and one for each that is nested: {}", calls.threads());
}

/// A guest that is called again and again from inside others does not keep its instance from those who wait for it outside.
#[test]
fn nested_calls_leave_what_becomes_idle_to_whoever_starves() {
    let host = WapcHost::builder(&module(ECHO)).handler(support::Recorder::default());
    let host = host.max_instances(1).max_wait(Duration::from_secs(60)).build().unwrap();
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut reply = Vec::new();
                while !stop.load(SeqCst) {
                    host.call_with("echo", b"nested", &CallOptions::new().depth(1), &mut reply).unwrap();
                    calls.fetch_add(1, SeqCst);
                }
            });
        }
        for _ in 0..200 {
            host.call("echo", b"outside").unwrap();
        }
        stop.store(true, SeqCst);
    });
    let stats = host.pool_stats();
    assert_eq!((stats.exhausted, stats.in_use), (0, 0), "{stats:?}");
    assert!(stats.idle <= 1, "{stats:?}");
}

#[test]
fn a_nested_call_that_waits_is_told_before_those_from_outside() {
    // One instance, and one more for nested calls, which somebody has.
    let (inside, is_inside) = mpsc::channel::<(u32, mpsc::Sender<()>)>();
    let inside = Mutex::new(inside);
    let handler = move |call: &HostCall<'_>| {
        let (go_on, may_go_on) = mpsc::channel();
        inside.lock().unwrap().send((call.context.depth(), go_on)).unwrap();
        let _told = may_go_on.recv();
        Ok::<_, HostCallError>("")
    };
    let builder = WapcHost::builder(&module(ECHO)).handler(handler).max_instances(1).nested_instances(1);
    let host = builder.max_wait(Duration::from_secs(60)).deadline(Duration::from_secs(60)).build().unwrap();
    let call = |depth| host.call_with("callback", b"", &CallOptions::new().depth(depth), &mut Vec::new());
    let waits = |count| {
        while host.pool_stats().waited < count {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        let outer = scope.spawn(|| call(0));
        let (_, outer_goes_on) = is_inside.recv().unwrap();
        let other = scope.spawn(|| call(1));
        let (_, other_goes_on) = is_inside.recv().unwrap();
        let outside = scope.spawn(|| call(0));
        waits(1);
        let nested = scope.spawn(|| call(1));
        waits(2);
        other_goes_on.send(()).unwrap();
        // The nested one has the place that became free, although it came later; the one from outside waits on.
        let (depth, nested_goes_on) = is_inside.recv().unwrap();
        assert_eq!(depth, 1);
        nested_goes_on.send(()).unwrap();
        outer_goes_on.send(()).unwrap();
        let (depth, outside_goes_on) = is_inside.recv().unwrap();
        assert_eq!(depth, 0);
        outside_goes_on.send(()).unwrap();
        for call in [outer, other, outside, nested] {
            call.join().unwrap().unwrap();
        }
    });
}
