//! Puts the public waPC host for Rust under test by the conformance suite.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, Once},
};

use log::{LevelFilter, Log, Metadata, Record};
use wapc::WapcHost;
use wapc_conformance::{HostUnderTest, LoadedGuest, Outcome, World};

use crate::{Failure, wapc_rs};

/// `wapc` with `wasmtime-provider`. A guest that failed is replaced by a fresh instance, as a program that uses it would do.
#[derive(Debug, Clone, Copy)]
pub struct WapcRsUnderTest;

thread_local! {
    /// The case that runs on this thread, which is where the console of its guest goes.
    static WORLD: RefCell<Option<Arc<World>>> = const { RefCell::new(None) };
}

struct Guest {
    wasm: Vec<u8>,
    world: Arc<World>,
    host: RefCell<Result<WapcHost, String>>,
}

impl HostUnderTest for WapcRsUnderTest {
    fn name(&self) -> String {
        "wapc-rs".to_owned()
    }

    fn load(&self, wasm: &[u8], world: &Arc<World>) -> Result<Rc<dyn LoadedGuest>, String> {
        listen();
        WORLD.set(Some(world.clone()));
        let host = host(wasm, world).map_err(|error| error.to_string())?;
        let (wasm, world) = (wasm.to_vec(), world.clone());
        Ok(Rc::new(Guest { wasm, world, host: RefCell::new(Ok(host)) }))
    }
}

impl LoadedGuest for Guest {
    fn call(&self, operation: &str, payload: &[u8]) -> Outcome {
        let reply = match &*self.host.borrow() {
            Ok(host) => host.call(operation, payload).map_err(|error| error.to_string()),
            Err(reason) => Err(reason.clone()),
        };
        match reply {
            Ok(reply) => Outcome::Reply(reply),
            Err(text) => {
                // While a call further out is under way, the instance stays as it is.
                if let Ok(mut current) = self.host.try_borrow_mut() {
                    *current = host(&self.wasm, &self.world).map_err(|error| error.to_string());
                }
                Outcome::Error(text)
            }
        }
    }
}

fn host(wasm: &[u8], world: &Arc<World>) -> Result<WapcHost, Failure> {
    let world = world.clone();
    wapc_rs(
        wasm,
        Box::new(move |_, binding, namespace, operation, payload| {
            Ok(world.host_call(binding, namespace, operation, payload)?)
        }),
    )
}

/// Has what guests write to the log go to the case that runs on their thread.
fn listen() {
    struct Console;

    impl Log for Console {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            let text = record.args().to_string();
            let line = text.strip_prefix("Guest module ").and_then(|rest| rest.split_once(": "));
            if let Some((_, line)) = line {
                WORLD.with_borrow(|world| world.iter().for_each(|world| world.console_log(line)));
            }
        }

        fn flush(&self) {}
    }

    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| {
        if log::set_logger(&Console).is_ok() {
            log::set_max_level(LevelFilter::Info);
        }
    });
}
