//! A token ends calls from any thread, whatever they are doing, and touches no other call.

mod support;

use std::{sync::mpsc, thread, time::Duration};

use support::{ECHO, Gate, Recorder, call_with, echo, module, until};
use wapc_host::{CallOptions, CancelToken, Error, HostCall, HostCallError, WapcHost};

#[track_caller]
fn assert_cancelled<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert!(matches!(outcome, Err(Error::Cancelled { .. })), "{outcome:?}");
}

#[test]
fn a_cancelled_token_refuses_every_call() {
    let recorder = Recorder::default();
    let host = WapcHost::new(&module(ECHO), recorder.clone()).unwrap();
    let token = CancelToken::new();
    let options = CallOptions::new().cancel(&token);
    assert_eq!(call_with(&host, "callback", &options).unwrap(), b"daolyap");
    token.cancel();
    assert!(token.is_cancelled());
    let error = call_with(&host, "callback", &options).unwrap_err();
    assert!(matches!(&error, Error::Cancelled { operation } if operation == "callback"), "{error}");
    assert_eq!(recorder.calls.lock().unwrap().len(), 1);
    assert_eq!(host.call("echo", b"others go on").unwrap(), b"others go on");
}

#[test]
fn a_call_that_waits_for_an_instance_is_ended() {
    let gate = Gate::new(1);
    let host = WapcHost::builder(&module(ECHO))
        .handler(gate.clone())
        .max_instances(1)
        .max_wait(Duration::from_secs(60))
        .build()
        .unwrap();
    let token = CancelToken::new();
    thread::scope(|scope| {
        let busy = scope.spawn(|| host.call("callback", b"busy"));
        gate.entered.wait();
        let waiting = scope.spawn(|| call_with(&host, "echo", &CallOptions::new().cancel(&token)));
        until(|| host.pool_stats().waited == 1);
        token.cancel();
        assert_cancelled(waiting.join().unwrap());
        gate.opened.wait();
        assert_eq!(busy.join().unwrap().unwrap(), b"busy");
    });
    let stats = host.pool_stats();
    assert_eq!((stats.in_use, stats.idle, stats.discarded, stats.exhausted), (0, 1, 0, 0));
}

#[test]
fn a_token_that_comes_late_touches_no_later_call() {
    let host = echo();
    let (late, tokens) = mpsc::channel::<CancelToken>();
    thread::scope(|scope| {
        scope.spawn(move || tokens.iter().for_each(|token| token.cancel()));
        for _ in 0..2000 {
            let token = CancelToken::new();
            late.send(token.clone()).unwrap();
            match call_with(&host, "echo", &CallOptions::new().cancel(&token)) {
                Ok(reply) => assert_eq!(reply, b"payload"),
                outcome => assert_cancelled(outcome),
            }
            assert_eq!(host.call("echo", b"the next").unwrap(), b"the next");
        }
        drop(late);
    });
}

#[test]
fn a_handler_can_cancel_the_call_that_it_serves() {
    let handler = |call: &HostCall<'_>| {
        call.context.cancel().expect("the call has a token").cancel();
        Ok::<_, HostCallError>("too late")
    };
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    let token = CancelToken::new();
    assert_cancelled(call_with(&host, "callback", &CallOptions::new().cancel(&token)));
    assert_eq!(host.pool_stats().interrupted, 1);
}
