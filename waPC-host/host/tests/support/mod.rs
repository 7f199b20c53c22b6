//! Guests written in the text format, and handlers that remember what they were asked.
#![allow(dead_code)]

use std::sync::{Arc, Mutex};

use wapc_host::{Engine, HostCall, HostCallError, HostHandler, Module, Reply, WapcHost};

/// A guest that does what the first letter of the operation says; see the file.
pub(crate) const ECHO: &str = include_str!("../guests/echo.wat");

#[track_caller]
pub(crate) fn module(text: &str) -> Module {
    Engine::new().compile(text.as_bytes()).unwrap()
}

#[track_caller]
pub(crate) fn echo() -> WapcHost {
    WapcHost::new(&module(ECHO), Recorder::default()).unwrap()
}

/// A guest whose whole call is `body`, with all imports at hand; `body` leaves an i32.
pub(crate) fn guest(body: &str) -> String {
    let head = ECHO.split("(memory").next().unwrap();
    format!(
        r#"{head} (memory (export "memory") 1)
        (func (export "__guest_call") (param $operation_length i32) (param $length i32) (result i32) {body}))"#
    )
}

/// Remembers calls and lines, and answers with the payload turned round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
}

impl HostHandler for Recorder {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        let line =
            format!("{}|{}|{}|{} bytes", call.binding, call.namespace, call.operation, call.payload.len());
        self.calls.lock().unwrap().push(line);
        reply.buffer().extend(call.payload.iter().rev());
        Ok(())
    }

    fn console_log(&self, text: &str) {
        self.lines.lock().unwrap().push(text.to_owned());
    }
}
