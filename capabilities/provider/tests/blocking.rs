//! Providers that block, behind the adapter.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use capability_provider::{
    ActorHandle, ActorId, Blocking, CallContext, CancelToken, CapabilityCall, CapabilityId, LinkConfig,
    LinkKey, LinkName, Provider, ProviderError, Reply,
};

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);

/// Tells that it was called, and replies when it is told to.
struct Gate {
    called: Sender<Sender<()>>,
}

impl Provider for Gate {
    fn capability(&self) -> CapabilityId {
        CapabilityId::new("test:gate").unwrap()
    }

    fn name(&self) -> &str {
        "gate"
    }

    fn link(&self, _: &LinkKey, _: &LinkConfig, _: ActorHandle) -> Result<(), ProviderError> {
        Ok(())
    }

    fn unlink(&self, _: &LinkKey) {}

    fn handle<'a>(&'a self, call: &CapabilityCall<'a>) -> Result<Reply<'a>, ProviderError> {
        match call.operation {
            "panic" => panic!("as it was asked to"),
            "wait" => {
                let (open, opened) = channel();
                self.called.send(open).unwrap();
                let _opened = opened.recv();
            }
            _ => {}
        }
        Ok(Bytes::copy_from_slice(call.payload).into())
    }
}

/// The gate on so many threads, and what it tells of its calls.
fn gate(threads: usize) -> (Blocking<Gate>, Receiver<Sender<()>>) {
    let (called, is_called) = channel();
    (Blocking::builder(Gate { called }).threads(threads).build(), is_called)
}

fn call(gate: &Blocking<Gate>, operation: &str, context: &CallContext) -> Result<Bytes, ProviderError> {
    let (actor, link): (ActorId, _) =
        ("MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW".parse().unwrap(), LinkName::default());
    let call = CapabilityCall::new(&actor, &link, operation, b"payload").within(context);
    gate.handle(&call)?.wait(&call)
}

#[test]
fn a_call_is_answered_from_another_thread() {
    let (gate, _) = gate(2);
    assert_eq!(&call(&gate, "echo", &CallContext::new()).unwrap()[..], b"payload");
    let error = call(&gate, "panic", &CallContext::new()).unwrap_err();
    assert!(error.to_string().contains("its thread panicked"), "{error}");
    assert_eq!(&call(&gate, "echo", &CallContext::new()).unwrap()[..], b"payload");
    assert_eq!(gate.abandoned(), 0);
}

#[test]
fn a_call_lets_go_at_its_deadline_and_when_it_is_cancelled() {
    let (gate, is_called) = gate(2);
    let began = Instant::now();
    let error = call(&gate, "wait", &CallContext::new().with_timeout(Duration::from_millis(20))).unwrap_err();
    assert!(
        matches!(error, ProviderError::DeadlineExceeded { limit, .. } if limit <= Duration::from_millis(20))
    );
    let first = is_called.recv().unwrap();
    let token = CancelToken::new();
    let context = CallContext::new().with_timeout(LONG).with_cancel(&token);
    let error = thread::scope(|scope| {
        let waiting = scope.spawn(|| call(&gate, "wait", &context).unwrap_err());
        let second = is_called.recv().unwrap();
        token.cancel();
        let error = waiting.join().unwrap();
        assert_eq!(gate.abandoned(), 2);
        // Both threads are taken: nobody waits for one.
        let error_of_third = call(&gate, "echo", &CallContext::new()).unwrap_err();
        assert!(error_of_third.to_string().contains("(2 of them outlasted"), "{error_of_third}");
        assert!(matches!(gate.health(), Err(ProviderError::Unavailable { .. })));
        drop((first, second));
        error
    });
    assert!(matches!(error, ProviderError::Cancelled { .. }), "{error}");
    while gate.abandoned() > 0 {
        assert!(began.elapsed() < LONG);
        thread::yield_now();
    }
    gate.health().unwrap();
    while call(&gate, "echo", &CallContext::new()).is_err() {
        assert!(began.elapsed() < LONG, "a thread does not become free");
    }
    assert!(began.elapsed() < LONG / 2);
}
