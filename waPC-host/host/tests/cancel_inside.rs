//! A token ends calls that are inside the guest, wherever they are in there.
#![cfg(feature = "host-interrupt")]

mod support;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use support::{ECHO, Recorder, call_with, module, spinning_after_a_call, until};
use wapc_host::{CallOptions, CancelToken, Error, HostCall, HostCallError, Isolation, WapcHost};

#[track_caller]
fn assert_cancelled<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Cancelled { .. })), "{outcome:?}");
}

/// A guest that never comes back. A cancel that is lost shows as a deadline that is exceeded.
fn spinning(recorder: &Recorder) -> WapcHost {
    WapcHost::builder(&module(&spinning_after_a_call()))
        .handler(recorder.clone())
        .deadline(Duration::from_secs(60))
        .build()
        .unwrap()
}

#[test]
fn no_cancel_is_lost_wherever_the_call_is() {
    let host = spinning(&Recorder::default());
    let begun = AtomicU32::new(0);
    for round in 0..300_u32 {
        let token = CancelToken::new();
        thread::scope(|scope| {
            let call = scope.spawn(|| {
                begun.store(round + 1, Ordering::SeqCst);
                call_with(&host, "spin", &CallOptions::new().cancel(&token))
            });
            until(|| begun.load(Ordering::SeqCst) > round);
            // Another moment in every round.
            (0..round * 20).for_each(|_| std::hint::spin_loop());
            token.cancel();
            assert_cancelled(call.join().unwrap());
        });
    }
    assert_eq!(host.pool_stats().in_use, 0);
}

#[test]
fn one_token_ends_all_its_calls_and_no_other() {
    const CALLS: usize = 3;
    let recorder = Recorder::default();
    let host = spinning(&recorder);
    let (token, other) = (CancelToken::new(), CancelToken::new());
    thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS)
            .map(|_| scope.spawn(|| call_with(&host, "spin", &CallOptions::new().cancel(&token.clone()))))
            .collect();
        let bystander = scope.spawn(|| call_with(&host, "spin", &CallOptions::new().cancel(&other)));
        recorder.wait_for(CALLS + 1);
        token.cancel();
        calls.into_iter().for_each(|call| assert_cancelled(call.join().unwrap()));
        assert!(!bystander.is_finished());
        other.cancel();
        assert_cancelled(bystander.join().unwrap());
    });
    assert_eq!(host.pool_stats().interrupted, CALLS as u64 + 1);
}

#[test]
fn nested_calls_end_with_the_one_that_they_are_nested_in() {
    let recorder = Recorder::default();
    let inner = spinning(&recorder);
    let spinning = inner.clone();
    let handler = move |call: &HostCall<'_>| {
        let mut reply = Vec::new();
        spinning.call_with("spin", call.payload, &call.nested(), &mut reply)?;
        Ok::<_, HostCallError>(reply)
    };
    let outer = WapcHost::new(&module(ECHO), handler).unwrap();
    let token = CancelToken::new();
    thread::scope(|scope| {
        let call = scope.spawn(|| call_with(&outer, "callback", &CallOptions::new().cancel(&token)));
        recorder.wait_for(1);
        token.cancel();
        assert_cancelled(call.join().unwrap());
    });
    assert_eq!((inner.pool_stats().interrupted, outer.pool_stats().interrupted), (1, 1));
}

#[test]
fn a_guest_that_is_being_started_is_ended() {
    let head = ECHO.split("(memory").next().unwrap();
    // It starts at once when the host says yes, and never when it says no.
    let text = format!(
        r#"{head} (memory (export "memory") 1)
        (func (export "wapc_init")
            (if (i32.eqz (call $host_call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                (i32.const 0) (i32.const 0) (i32.const 0))) (then (loop br 0))))
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#
    );
    let (starts, started) = mpsc::channel();
    let first = Arc::new(OnceLock::new());
    let handler = move |_: &HostCall<'_>| match first.set(()) {
        Ok(()) => Ok::<_, HostCallError>(""),
        Err(()) => {
            starts.send(()).unwrap();
            Err("no".into())
        }
    };
    let host =
        WapcHost::builder(&module(&text)).handler(handler).deadline(Duration::from_secs(60)).build().unwrap();
    let token = CancelToken::new();
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            call_with(&host, "any", &CallOptions::new().isolation(Isolation::Fresh).cancel(&token))
        });
        started.recv().unwrap();
        token.cancel();
        assert_cancelled(call.join().unwrap());
    });
    assert_eq!(host.call("any", b"").unwrap(), b"");
}
