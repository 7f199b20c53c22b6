//! Calls keep to their time, their sizes and their depth; instances are bounded, and waiting for one is, too.

mod support;

use std::{
    sync::{Arc, Barrier, OnceLock},
    thread,
    time::{Duration, Instant},
};

use support::{ECHO, Recorder, guest, module};
use wapc_host::{CallOptions, EngineError, Error, HostCall, HostCallError, WapcHost};

#[cfg(feature = "host-interrupt")]
fn spinning() -> WapcHost {
    WapcHost::new(&module(&guest("(loop br 0) unreachable")), Recorder::default()).unwrap()
}

#[cfg(feature = "host-interrupt")]
#[test]
fn a_guest_that_never_returns_is_ended() {
    let host = spinning();
    let limit = Duration::from_millis(40);
    let error = host.call_with("spin", b"", &CallOptions::new().timeout(limit), &mut Vec::new()).unwrap_err();
    assert!(
        matches!(&error, Error::DeadlineExceeded { operation, limit: l, unreached: None } if operation == "spin" && *l == limit)
    );
    assert_eq!(host.pool_stats().discarded, 1);
}

#[cfg(feature = "host-interrupt")]
#[test]
fn the_earlier_of_two_deadlines_holds() {
    let module = module(&guest("(loop br 0) unreachable"));
    let limit = Duration::from_millis(30);
    let host = WapcHost::builder(&module).handler(Recorder::default()).deadline(limit).build().unwrap();
    let long = CallOptions::new().timeout(Duration::from_secs(60));
    let error = host.call_with("spin", b"", &long, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { limit: l, .. } if l == limit), "{error}");
}

#[test]
fn a_call_whose_time_is_up_is_not_sent() {
    let recorder = Recorder::default();
    let host = WapcHost::new(&module(ECHO), recorder.clone()).unwrap();
    let past = CallOptions::new().deadline(Instant::now());
    let error = host.call_with("callback", b"", &past, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    assert!(recorder.calls.lock().unwrap().is_empty());
}

#[test]
fn a_handler_is_told_the_remaining_time_and_the_depth() {
    let handler = |call: &HostCall<'_>| {
        let remaining = call.remaining().expect("the call has a deadline");
        assert!(remaining <= Duration::from_secs(5) && remaining > Duration::ZERO);
        Ok::<_, HostCallError>(call.context.depth().to_string())
    };
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    let options = CallOptions::new().timeout(Duration::from_secs(5)).depth(3);
    let mut reply = Vec::new();
    host.call_with("callback", b"", &options, &mut reply).unwrap();
    assert_eq!(reply, b"3");
}

#[test]
fn sizes_are_limited_in_both_directions() {
    let host = WapcHost::builder(&module(ECHO))
        .handler(Recorder::default())
        .payload_limit(100)
        .reply_limit(50)
        .build()
        .unwrap();
    let error = host.call("echo", &[0; 101]).unwrap_err();
    assert!(matches!(error, Error::PayloadTooLarge { size: 101, limit: 100, .. }), "{error}");
    let error = host.call("echo", &[0; 51]).unwrap_err();
    assert!(matches!(error, Error::ReplyTooLarge { size: 51, limit: 50, .. }), "{error}");
    assert_eq!(host.call("echo", &[0; 50]).unwrap(), [0; 50]);
}

#[test]
fn memory_is_limited() {
    let body = "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable)) (i32.const 1)";
    let host = WapcHost::builder(&module(&guest(body)))
        .handler(Recorder::default())
        .memory_limit(1 << 20)
        .build()
        .unwrap();
    let error = host.call("grow", b"").unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { limit: 1_048_576, .. }), "{error}");
}

#[test]
fn tables_are_limited_and_paid_out_of_the_same_budget() {
    let text = guest("(i32.const 1)").replacen("(memory", "(table 1000 externref) (memory", 1);
    let build = |elements, bytes| {
        WapcHost::builder(&module(&text))
            .handler(Recorder::default())
            .table_limit(elements)
            .memory_limit(bytes)
            .build()
            .map(drop)
    };
    let error = build(999, 1 << 20).unwrap_err();
    let Error::Engine(error) = error else { panic!("{error}") };
    assert!(matches!(*error, EngineError::TableLimit { requested: 1_000, limit: 999 }), "{error}");
    build(1_000, 1 << 20).unwrap();
    let error = build(1_000, 65_536).unwrap_err();
    let Error::Engine(error) = error else { panic!("{error}") };
    assert!(matches!(*error, EngineError::MemoryLimit { requested: 73_536, limit: 65_536 }), "{error}");
}

#[test]
fn a_guest_may_be_called_from_inside_its_own_call_up_to_a_depth() {
    let slot: Arc<OnceLock<WapcHost>> = Arc::new(OnceLock::new());
    let inner = slot.clone();
    let handler = move |call: &HostCall<'_>| {
        let host = inner.get().expect("it is set before the first call");
        let mut reply = Vec::new();
        host.call_with(
            "callback",
            call.payload,
            &CallOptions::new().depth(call.context.depth() + 1),
            &mut reply,
        )?;
        Ok::<_, HostCallError>(reply)
    };
    let host = WapcHost::builder(&module(ECHO)).handler(handler).max_depth(4).build().unwrap();
    slot.set(host.clone()).unwrap();
    let error = host.call("callback", b"down").unwrap_err();
    assert!(error.to_string().contains("nested 5 calls deep, 4 are allowed"), "{error}");
    assert_eq!(host.pool_stats().created, 5, "each level has an instance of its own");
    assert_eq!(host.pool_stats().in_use, 0);
}

#[test]
fn a_pool_makes_no_more_instances_than_it_may() {
    const CALLS: usize = 3;
    let (inside, go) = (Arc::new(Barrier::new(CALLS + 1)), Arc::new(Barrier::new(CALLS + 1)));
    let (entered, released) = (inside.clone(), go.clone());
    let handler = move |_: &HostCall<'_>| {
        entered.wait();
        released.wait();
        Ok::<_, HostCallError>(Vec::new())
    };
    let host = WapcHost::builder(&module(ECHO))
        .handler(handler)
        .max_instances(CALLS)
        .max_wait(Duration::from_millis(20))
        .build()
        .unwrap();
    thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS).map(|_| scope.spawn(|| host.call("callback", b"").unwrap())).collect();
        inside.wait();
        assert_eq!(host.pool_stats().in_use, CALLS);
        let error = host.call("echo", b"one too many").unwrap_err();
        assert!(matches!(error, Error::PoolExhausted { max: CALLS, .. }), "{error}");
        go.wait();
        calls.into_iter().for_each(|call| drop(call.join().unwrap()));
    });
    assert_eq!(host.call("echo", b"again").unwrap(), b"again");
    let stats = host.pool_stats();
    assert_eq!((stats.created, stats.idle, stats.in_use, stats.waited), (CALLS as u64, CALLS, 0, 1));
}

#[test]
fn a_waiting_call_gets_the_instance_that_becomes_free() {
    let host = WapcHost::builder(&module(ECHO))
        .handler(Recorder::default())
        .max_instances(2)
        .max_wait(Duration::from_secs(20))
        .build()
        .unwrap();
    thread::scope(|scope| {
        for thread in 0..8_u8 {
            let host = &host;
            scope.spawn(move || {
                for call in 0..200_u8 {
                    assert_eq!(host.call("echo", &[thread, call]).unwrap(), [thread, call]);
                    assert_eq!(host.call("callback", &[thread, call]).unwrap(), [call, thread]);
                }
            });
        }
    });
    assert!(host.pool_stats().created <= 2);
}

#[cfg(feature = "host-interrupt")]
#[test]
fn calls_in_flight_can_be_ended_and_no_more_taken() {
    let host = spinning();
    thread::scope(|scope| {
        let call = scope.spawn(|| host.call("spin", b"").unwrap_err());
        while !call.is_finished() {
            host.interrupt_all();
            thread::yield_now();
        }
        let error = call.join().unwrap();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    });
    host.close();
    let error = host.call("spin", b"").unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
}

#[test]
fn a_panic_of_the_handler_becomes_an_error_of_its_call() {
    let handler = |call: &HostCall<'_>| {
        assert!(call.payload != b"boom", "the handler saw {:?}", call.payload);
        Ok::<_, HostCallError>(b"fine".to_vec())
    };
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    let error = host.call("callback", b"boom").unwrap_err();
    assert!(
        matches!(&error, Error::HandlerPanicked { message, .. } if message.contains("the handler saw")),
        "{error}"
    );
    assert_eq!(host.call("callback", b"").unwrap(), b"fine");
}
