//! Lets a test play the host's part, in native builds only.
//!
//! [`install`] puts a function in the host's place for the current thread. It stays there until the [`TestHost`] that comes
//! back is dropped, which also remembers what the guest did.
//!
//! ```
//! use wapc_guest::{console_log, host_call, testing};
//!
//! let host = testing::install(|call| match call.operation.as_str() {
//!     "Upper" => Ok(call.payload.to_ascii_uppercase()),
//!     other => Err(format!("no operation {other}")),
//! });
//! console_log("on my way");
//! assert_eq!(host_call("default", "example:text", "Upper", b"abc").as_deref(), Ok(&b"ABC"[..]));
//! assert_eq!(host_call("default", "example:text", "Lower", b"ABC").unwrap_err().to_string(), "no operation Lower");
//! assert_eq!(host.calls().len(), 2);
//! assert_eq!(host.console(), ["on my way"]);
//! ```

use std::{
    boxed::Box,
    cell::RefCell,
    fmt,
    marker::PhantomData,
    rc::Rc,
    string::{String, ToString},
    thread_local,
    vec::Vec,
};

thread_local! {
    static INSTALLED: RefCell<Vec<Rc<State>>> = const { RefCell::new(Vec::new()) };
}

/// A call that the guest made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCall {
    /// The link's name.
    pub binding: String,
    /// The capability's id or the actor's key.
    pub namespace: String,
    /// The operation.
    pub operation: String,
    /// The payload's bytes.
    pub payload: Vec<u8>,
}

type Answer = dyn Fn(&HostCall) -> Result<Vec<u8>, String>;

struct State {
    answer: Box<Answer>,
    calls: RefCell<Vec<HostCall>>,
    console: RefCell<Vec<String>>,
}

/// The installed host. Dropping it puts back the one that was there before.
#[must_use = "the host is taken away again when this is dropped"]
pub struct TestHost {
    state: Rc<State>,
    /// Belongs to the thread on which it was installed.
    not_send: PhantomData<*const ()>,
}

/// Lets `answer` answer the calls that guests make on this thread. An error is the text that the guest gets.
pub fn install(answer: impl Fn(&HostCall) -> Result<Vec<u8>, String> + 'static) -> TestHost {
    let state =
        Rc::new(State { answer: Box::new(answer), calls: RefCell::default(), console: RefCell::default() });
    INSTALLED.with_borrow_mut(|installed| installed.push(Rc::clone(&state)));
    TestHost { state, not_send: PhantomData }
}

impl TestHost {
    /// The calls so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<HostCall> {
        self.state.calls.borrow().clone()
    }

    /// The lines logged so far, oldest first.
    #[must_use]
    pub fn console(&self) -> Vec<String> {
        self.state.console.borrow().clone()
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        INSTALLED.with_borrow_mut(|installed| installed.retain(|state| !Rc::ptr_eq(state, &self.state)));
    }
}

impl fmt::Debug for TestHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestHost")
            .field("calls", &self.state.calls)
            .field("console", &self.state.console)
            .finish_non_exhaustive()
    }
}

/// The native side of [`host_call`](crate::host_call).
pub(crate) fn host_call(
    binding: &str,
    namespace: &str,
    operation: &str,
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    let Some(host) = current() else {
        return Err("no host: a native build needs `wapc_guest::testing::install` on this thread".to_string());
    };
    let call = HostCall {
        binding: binding.to_string(),
        namespace: namespace.to_string(),
        operation: operation.to_string(),
        payload: payload.to_vec(),
    };
    host.calls.borrow_mut().push(call.clone());
    (host.answer)(&call)
}

/// The native side of [`console_log`](crate::console_log). Without a test's host the line goes nowhere.
pub(crate) fn console_log(text: &str) {
    if let Some(host) = current() {
        host.console.borrow_mut().push(text.to_string());
    }
}

fn current() -> Option<Rc<State>> {
    INSTALLED.with_borrow(|installed| installed.last().cloned())
}
