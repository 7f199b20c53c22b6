//! Calls a guest over waPC, which is tier 2. The guest is called with bytes, and while it handles the call it calls Rust code of
//! this program; the output shows both directions. `rpc [FILE]` takes another guest.
#![forbid(unsafe_code)]

use std::{env, error::Error};

use untrusted_text::Shown;
use wapc_host::{Engine, HostCall, HostCallError, HostHandler, Reply, WapcHost};

const ECHO: &[u8] = include_bytes!("../../guests/modules/echo.wasm");

/// Answers every call of the guest with its payload in capitals.
struct Shout;

impl HostHandler for Shout {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        let said = String::from_utf8_lossy(call.payload);
        // What a guest calls things may hold anything, such as a line break or an escape sequence.
        let [binding, namespace, operation] = [call.binding, call.namespace, call.operation].map(Shown::new);
        println!("  guest -> host  {binding}/{namespace}/{operation}({said:?})");
        reply.set(said.to_uppercase());
        println!("  guest <- host  {:?}", said.to_uppercase());
        Ok(())
    }

    fn console_log(&self, text: &str) {
        println!("  guest says     {text:?}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    let module = match env::args_os().nth(1) {
        Some(file) => engine.load(file)?,
        None => engine.compile(ECHO)?,
    };
    let host = WapcHost::new(&module, Shout)?;
    for (operation, payload) in
        [("echo", "hello"), ("callback", "hello"), ("log", "hello"), ("fail", "hello")]
    {
        println!("host -> guest    {operation}({payload:?})");
        match host.call(operation, payload.as_bytes()) {
            Ok(reply) => println!("host <- guest    {:?}", String::from_utf8_lossy(&reply)),
            Err(error) => println!("host <- guest    error: {error}"),
        }
    }
    Ok(())
}
