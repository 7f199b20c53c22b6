//! Runs guests on our host.

use wapc_host::{Engine, HostCall, HostCallError, HostHandler, Reply, WapcHost, WapcHostBuilder};

use crate::{Contender, Failure};

/// Our host with the reply in a buffer of the caller's.
pub(crate) struct Ours {
    host: WapcHost,
    reply: Vec<u8>,
}

/// Our host with a new `Vec` for each reply.
pub(crate) struct OursOwned(Ours);

/// Answers with what it was sent.
struct Mirror;

impl Ours {
    pub(crate) fn with_deadline(wasm: &[u8]) -> Result<Self, Failure> {
        Ok(Self { host: builder(wasm)?.build()?, reply: Vec::new() })
    }

    pub(crate) fn without_deadline(wasm: &[u8]) -> Result<Self, Failure> {
        Ok(Self { host: builder(wasm)?.no_deadline().build()?, reply: Vec::new() })
    }
}

impl OursOwned {
    pub(crate) fn new(wasm: &[u8]) -> Result<Self, Failure> {
        Ours::without_deadline(wasm).map(Self)
    }
}

impl Contender for Ours {
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure> {
        self.host.call_into(operation, payload, &mut self.reply)?;
        Ok(&self.reply)
    }
}

impl Contender for OursOwned {
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure> {
        self.0.reply = self.0.host.call(operation, payload)?;
        Ok(&self.0.reply)
    }
}

impl HostHandler for Mirror {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        reply.copy_from(call.payload);
        Ok(())
    }
}

fn builder(wasm: &[u8]) -> Result<WapcHostBuilder, Failure> {
    Ok(WapcHost::builder(&Engine::new().compile(wasm)?).handler(Mirror))
}
