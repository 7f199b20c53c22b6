//! Guests written in the text format, and handlers that remember what they were asked.
#![allow(dead_code)]

use std::{
    sync::{Arc, Barrier, Mutex},
    thread,
};

use wapc_host::{CallOptions, Engine, Error, HostCall, HostCallError, HostHandler, Module, Reply, WapcHost};

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

/// A guest that calls the host once and never comes back.
pub(crate) fn spinning_after_a_call() -> String {
    let nothing = "(i32.const 0) ".repeat(8);
    guest(&format!("(drop (call $host_call {nothing})) (loop br 0) unreachable"))
}

/// Remembers calls and lines, and answers with the payload turned round.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Waits until there were this many calls.
    pub(crate) fn wait_for(&self, calls: usize) {
        until(|| self.calls.lock().unwrap().len() >= calls);
    }
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

/// Calls with options and returns the reply.
pub(crate) fn call_with(host: &WapcHost, operation: &str, options: &CallOptions) -> Result<Vec<u8>, Error> {
    let mut reply = Vec::new();
    host.call_with(operation, b"payload", options, &mut reply).map(|()| reply)
}

/// Lets other threads go on until `done`. The test's own runner ends one that waits for ever.
pub(crate) fn until(done: impl Fn() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

/// A handler that stands still, once for each call, until it is let go.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) entered: Arc<Barrier>,
    pub(crate) opened: Arc<Barrier>,
}

impl Gate {
    /// For `calls` calls, and one thread that lets them go together.
    pub(crate) fn new(calls: usize) -> Self {
        Self { entered: Arc::new(Barrier::new(calls + 1)), opened: Arc::new(Barrier::new(calls + 1)) }
    }
}

impl HostHandler for Gate {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        self.entered.wait();
        self.opened.wait();
        reply.copy_from(call.payload);
        Ok(())
    }
}
