//! Lets a test play the host's part, in native builds only.
//!
//! ```
//! use actor_sdk::{keyvalue, messages::keyvalue::*, testing};
//!
//! let host = testing::host()
//!     .on(CAPABILITY, OP_GET, |request: GetRequest| match request.key.as_str() {
//!         "title" => Ok(GetResponse { value: "Dune".into(), exists: true }),
//!         other => Err(format!("may not read {other}")),
//!     })
//!     .install();
//! assert_eq!(keyvalue::default().get("title").unwrap().as_deref(), Some("Dune"));
//! assert_eq!(keyvalue::default().get("diary").unwrap_err().to_string(), "may not read diary");
//! assert_eq!(host.calls().len(), 2);
//! ```

use std::{
    boxed::Box,
    fmt, format,
    string::{String, ToString},
    vec::Vec,
};

use capability_contracts::{decode, encode};
use serde::{Serialize, de::DeserializeOwned};
pub use wapc_guest::testing::{HostCall, TestHost};

type Answer = Box<dyn Fn(&HostCall) -> Result<Vec<u8>, String>>;

/// A host in the making: says what it answers to which operation.
#[derive(Default)]
pub struct TestHostBuilder {
    answers: Vec<(String, String, Answer)>,
}

/// A host that answers nothing yet.
#[must_use]
pub fn host() -> TestHostBuilder {
    TestHostBuilder::default()
}

impl TestHostBuilder {
    /// Answers `operation` of `namespace`, a capability's id or an actor's key, with what `answer` returns. Its error is the
    /// text that the actor gets.
    #[must_use]
    pub fn on<T, R>(
        mut self,
        namespace: &str,
        operation: &str,
        answer: impl Fn(T) -> Result<R, String> + 'static,
    ) -> Self
    where
        T: DeserializeOwned,
        R: Serialize,
    {
        let answer = move |call: &HostCall| {
            let message = decode(&call.operation, &call.payload).map_err(|error| error.to_string())?;
            encode(&answer(message)?).map_err(|error| error.to_string())
        };
        self.answers.push((namespace.into(), operation.into(), Box::new(answer)));
        self
    }

    /// Puts the host in place for this thread, until what comes back is dropped. What it has no answer for is an error.
    pub fn install(self) -> TestHost {
        wapc_guest::testing::install(move |call| {
            let known = |(namespace, operation, _): &&(String, String, Answer)| {
                *namespace == call.namespace && *operation == call.operation
            };
            match self.answers.iter().find(known) {
                Some((_, _, answer)) => answer(call),
                None => Err(format!(
                    "the test's host has no answer to `{}` of `{}`: add one with `on`",
                    call.operation, call.namespace
                )),
            }
        })
    }
}

impl fmt::Debug for TestHostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.answers.iter().map(|(namespace, operation, _)| (namespace, operation));
        f.debug_list().entries(names).finish()
    }
}
