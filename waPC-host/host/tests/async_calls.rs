//! Calls as futures, on an executor of a few lines: nothing of the library needs another one.

mod support;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use support::{ECHO, Gate, echo, module, until};
use wapc_host::{AsyncHost, CallOptions, Error, HostCall, HostCallError, WapcHost};

/// Wakes the thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Polls a future once.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// All of some futures, in their order.
async fn all<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs = Vec::new();
    for future in futures {
        outputs.push(future.await);
    }
    outputs
}

fn gated(gate: &Gate) -> WapcHost {
    WapcHost::builder(&module(ECHO)).handler(gate.clone()).deadline(Duration::from_secs(60)).build().unwrap()
}

#[test]
fn a_future_resolves_to_what_the_guest_answers() {
    let calls = AsyncHost::new(echo());
    assert_eq!(calls.threads(), 0, "none is started before it is needed");
    assert_eq!(block_on(calls.call("echo", "payload")).unwrap(), b"payload");
    assert_eq!(block_on(calls.call("callback", b"abc".to_vec())).unwrap(), b"cba");
    let error = block_on(calls.call("fail", "not today")).unwrap_err();
    assert!(
        matches!(&error, Error::Guest { operation, text, .. } if operation == "fail" && text == "not today")
    );
}

#[test]
fn one_thread_has_many_calls_under_way() {
    const CALLS: usize = 500;
    let calls = AsyncHost::builder(echo()).max_threads(3).build();
    let futures = (0..CALLS).map(|call| calls.call("callback", call.to_le_bytes().to_vec())).collect();
    for (call, reply) in block_on(all(futures)).into_iter().enumerate() {
        assert_eq!(reply.unwrap(), call.to_be_bytes());
    }
    assert!(calls.threads() <= 3);
    assert_eq!(calls.host().pool_stats().calls, CALLS as u64);
}

#[test]
fn the_executor_goes_on_while_a_guest_is_busy() {
    let gate = Gate::new(1);
    let calls = AsyncHost::new(gated(&gate));
    let mut busy = calls.call("callback", "slow");
    gate.entered.wait();
    assert!(poll(&mut busy).is_pending());
    assert_eq!(block_on(calls.call("echo", "quick")).unwrap(), b"quick");
    assert!(poll(&mut busy).is_pending());
    gate.opened.wait();
    assert_eq!(block_on(busy).unwrap(), b"slow");
}

#[cfg(feature = "host-interrupt")]
#[test]
fn dropping_a_future_ends_its_call() {
    let recorder = support::Recorder::default();
    let host = WapcHost::builder(&module(&support::spinning_after_a_call()))
        .handler(recorder.clone())
        .deadline(Duration::from_secs(60))
        .build()
        .unwrap();
    let calls = AsyncHost::new(host.clone());
    let began = Instant::now();
    let token = wapc_host::CancelToken::new();
    let call = calls.call_with("spin", "", CallOptions::new().cancel(&token));
    recorder.wait_for(1);
    drop(call);
    until(|| host.pool_stats().in_use == 0);
    assert_eq!(host.pool_stats().interrupted, 1);
    assert!(began.elapsed() < Duration::from_secs(30), "its deadline ended it");
    assert!(!token.is_cancelled(), "the caller's token may serve other calls");
    let call = calls.call_with("spin", "", CallOptions::new().cancel(&token));
    recorder.wait_for(2);
    token.cancel();
    assert!(matches!(block_on(call), Err(Error::Cancelled { .. })));
}

#[test]
fn calls_that_wait_are_bounded_and_can_be_given_up() {
    let gate = Gate::new(1);
    let calls = AsyncHost::builder(gated(&gate)).max_threads(1).queue_limit(2).build();
    let busy = calls.call("callback", "busy");
    gate.entered.wait();
    let (first, second) = (calls.call("echo", "first"), calls.call("echo", "second"));
    let error = block_on(calls.call("echo", "one too many")).unwrap_err();
    assert!(matches!(&error, Error::QueueFull { operation, limit: 2 } if operation == "echo"), "{error}");
    drop(first);
    let third = calls.call("echo", "third");
    gate.opened.wait();
    assert_eq!(block_on(busy).unwrap(), b"busy");
    assert_eq!(block_on(second).unwrap(), b"second");
    assert_eq!(block_on(third).unwrap(), b"third");
    assert_eq!(calls.host().pool_stats().calls, 3, "what was given up was not sent");
}

#[test]
fn the_time_of_a_call_begins_when_it_is_made() {
    let gate = Gate::new(1);
    let calls = AsyncHost::builder(gated(&gate)).max_threads(1).build();
    let busy = calls.call("callback", "busy");
    gate.entered.wait();
    let limit = Duration::from_millis(1);
    let late = calls.call_with("echo", "late", CallOptions::new().timeout(limit));
    let over = Instant::now() + limit;
    until(|| Instant::now() > over);
    gate.opened.wait();
    assert_eq!(block_on(busy).unwrap(), b"busy");
    let error = block_on(late).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { limit: l, .. } if l == limit), "{error}");
    assert_eq!(calls.host().pool_stats().calls, 1);
}

#[test]
fn threads_end_when_they_have_nothing_to_do() {
    let calls = AsyncHost::builder(echo()).idle_timeout(Duration::ZERO).build();
    for _ in 0..3 {
        assert_eq!(block_on(calls.call("echo", "again")).unwrap(), b"again");
        until(|| calls.threads() == 0);
    }
}

#[test]
fn threads_may_wait_for_ever_and_end_with_the_handle() {
    for timeout in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(i64::MAX as u64)] {
        let host =
            WapcHost::builder(&module(ECHO)).handler(Gate::new(1)).idle_timeout(timeout).max_wait(timeout);
        let host = host.deadline(timeout).build().unwrap();
        let calls = AsyncHost::builder(host).max_threads(1).idle_timeout(timeout).build();
        for _ in 0..3 {
            let options = CallOptions::new().timeout(timeout);
            assert_eq!(block_on(calls.call_with("echo", "again", options)).unwrap(), b"again");
            assert_eq!(calls.threads(), 1, "it waits");
        }
        let stats = calls.host().pool_stats();
        assert_eq!((stats.created, stats.idle, stats.released), (1, 1, 0));
        let host = calls.host().clone();
        drop(calls);
        assert_eq!(host.call("echo", b"still").unwrap(), b"still");
    }
}

#[test]
fn calls_outlive_the_handle_that_they_were_made_with() {
    let gate = Gate::new(1);
    let calls = AsyncHost::builder(gated(&gate)).max_threads(1).build();
    let (busy, waiting) = (calls.call("callback", "busy"), calls.call("echo", "waiting"));
    drop(calls);
    gate.entered.wait();
    gate.opened.wait();
    assert_eq!(block_on(busy).unwrap(), b"busy");
    assert_eq!(block_on(waiting).unwrap(), b"waiting");
}

#[test]
fn a_panic_of_the_handler_is_told_and_the_thread_goes_on() {
    let handler = |call: &HostCall<'_>| match call.payload {
        b"boom" => panic!("boom"),
        fine => Ok::<_, HostCallError>(fine.to_vec()),
    };
    let host = WapcHost::new(&module(ECHO), handler).unwrap();
    let calls = AsyncHost::builder(host).max_threads(1).build();
    let error = block_on(calls.call("callback", "boom")).unwrap_err();
    assert!(matches!(error, Error::HandlerPanicked { .. }), "{error}");
    assert_eq!(block_on(calls.call("callback", "fine")).unwrap(), b"fine");
    assert_eq!(calls.threads(), 1);
}
