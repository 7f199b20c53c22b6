//! Runs guests on the public waPC host for Rust.

use wapc::{HostCallback, WapcHost};
use wasmtime_provider::WasmtimeEngineProviderBuilder;

use crate::{Contender, Failure};

/// A guest on `wapc` with `wasmtime-provider`, both set up as their documentation shows. `callback` is given the module's
/// number, binding, namespace, operation and payload of each call of the guest.
///
/// # Errors
/// When the module is not a waPC guest or cannot be started.
pub fn wapc_rs(wasm: &[u8], callback: Box<HostCallback>) -> Result<WapcHost, Failure> {
    let engine = WasmtimeEngineProviderBuilder::new().module_bytes(wasm).build()?;
    Ok(WapcHost::new(Box::new(engine), Some(callback))?)
}

/// `wapc-rs` as a contender.
pub(crate) struct WapcRs {
    host: WapcHost,
    reply: Vec<u8>,
}

impl WapcRs {
    pub(crate) fn new(wasm: &[u8]) -> Result<Self, Failure> {
        let mirror = |_, _: &str, _: &str, _: &str, payload: &[u8]| Ok(payload.to_vec());
        Ok(Self { host: wapc_rs(wasm, Box::new(mirror))?, reply: Vec::new() })
    }
}

impl Contender for WapcRs {
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure> {
        self.reply = self.host.call(operation, payload)?;
        Ok(&self.reply)
    }
}
