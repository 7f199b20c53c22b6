//! Puts this project's host under test.

use std::{fmt::Write, rc::Rc, sync::Arc, time::Duration};

use wapc_host::{Engine, Error, HostCall, HostCallError, HostHandler, Reply, WapcHost};

use crate::{HostUnderTest, LoadedGuest, Outcome, World};

/// wapc-host as the suite sees it.
#[derive(Debug, Clone)]
pub struct WapcHostUnderTest(Engine);

impl WapcHostUnderTest {
    /// With an engine that serves all cases.
    #[must_use]
    pub fn new() -> Self {
        Self(Engine::new())
    }
}

impl Default for WapcHostUnderTest {
    fn default() -> Self {
        Self::new()
    }
}

struct Handler(Arc<World>);

impl HostHandler for Handler {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        reply.set(self.0.host_call(call.binding, call.namespace, call.operation, call.payload)?);
        Ok(())
    }

    fn console_log(&self, text: &str) {
        self.0.console_log(text);
    }
}

impl HostUnderTest for WapcHostUnderTest {
    fn name(&self) -> String {
        "wapc-host".to_owned()
    }

    fn load(&self, wasm: &[u8], world: &Arc<World>) -> Result<Rc<dyn LoadedGuest>, String> {
        let module = self.0.compile(wasm).map_err(|error| error.to_string())?;
        let builder = WapcHost::builder(&module).handler(Handler(world.clone()));
        let host = builder.deadline(Duration::from_secs(1)).build().map_err(|error| words(&error))?;
        Ok(Rc::new(host))
    }
}

impl LoadedGuest for WapcHost {
    fn call(&self, operation: &str, payload: &[u8]) -> Outcome {
        match WapcHost::call(self, operation, payload) {
            Ok(reply) => Outcome::Reply(reply),
            Err(error) => Outcome::Error(words(&error)),
        }
    }
}

/// An error with what lies behind it.
fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let _ = write!(words, ": {error}");
        source = error.source();
    }
    words
}
