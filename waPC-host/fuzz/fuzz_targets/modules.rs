//! Compiles modules: bytes of any kind, valid modules of any shape, and valid modules with some bytes changed, each compiled, started
//! and called with little memory and little time.
//!
//! Each ends with its own typed error or does no harm, and a neighbour on the same engine has not noticed.
#![no_main]

use std::{sync::OnceLock, time::Duration};

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use wapc_engine::{
    Deadline, Engine, Error as EngineError, ExternKind, Imports, Instance, Limits, Module, Value, ValueType,
};
use wapc_fuzz::{expecting_panics, watch_panics};
use wapc_host::{Error, HostCall, HostCallError, WapcHost};

const TIME: Duration = Duration::from_millis(10);
const MEMORY: u64 = 1 << 20;
const TABLE: u32 = 1000;
const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";
/// How many exports of a module are called.
const EXPORTS: usize = 3;

/// What a waPC guest exports.
const EXPORTED: &str = r#"(module (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32) unreachable))"#;
/// Some of what it may import.
const IMPORTED: &str = r#"(module
    (import "wapc" "__guest_request" (func (param i32 i32)))
    (import "wapc" "__guest_response" (func (param i32 i32)))
    (import "wapc" "__guest_error" (func (param i32 i32)))
    (import "wapc" "__host_call" (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wapc" "__host_response_len" (func (result i32)))
    (import "wapc" "__host_response" (func (param i32)))
    (import "wapc" "__console_log" (func (param i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
    (import "env" "abort" (func (param i32 i32 i32 i32))))"#;

fuzz_target!(
    init: watch_panics(),
    |data: &[u8]| {
        let Some((mode, rest)) = data.split_first() else { return };
        let module = match mode % 4 {
            0 => rest.to_vec(),
            1 => [PREAMBLE, rest].concat(),
            _ => match valid(mode & 4 == 4, rest) {
                Some((module, changes)) if mode % 4 == 3 => changed(module, &changes),
                Some((module, _)) => module,
                None => return,
            },
        };
        try_module(&module);
        let greeting = neighbour().call("echo", b"good morning").expect("the neighbour is at home");
        assert_eq!(greeting, b"good morning");
    }
);

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::new)
}

fn neighbour() -> &'static WapcHost {
    static NEIGHBOUR: OnceLock<WapcHost> = OnceLock::new();
    NEIGHBOUR.get_or_init(|| {
        let echo =
            engine().compile(include_bytes!("../../host/tests/guests/echo.wat")).expect("the echo is valid");
        WapcHost::new(&echo, answer).expect("the echo starts")
    })
}

fn answer(call: &HostCall<'_>) -> Result<Vec<u8>, HostCallError> {
    match call.operation.len() % 2 {
        0 => Ok(call.payload.to_vec()),
        _ => Err(call.operation.into()),
    }
}

/// A valid module, and the bytes of the input that were not needed for it. As a guest it has the imports and exports of one.
fn valid(guest: bool, data: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut input = Unstructured::new(data);
    let mut config = wasm_smith::Config {
        // What the engine does not accept would be refused at once.
        threads_enabled: false,
        memory64_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        wide_arithmetic_enabled: false,
        exceptions_enabled: false,
        max_memories: 1,
        // Compiling takes most of the time, and most of that goes by functions and their types.
        max_types: 8,
        max_imports: 8,
        max_funcs: 6,
        max_table_elements: u64::from(TABLE) + 10,
        max_memory32_bytes: MEMORY + (1 << 17),
        ..wasm_smith::Config::default()
    };
    if guest {
        config.available_imports = wat::parse_str(IMPORTED).ok();
        config.exports = wat::parse_str(EXPORTED).ok();
    }
    let module = wasm_smith::Module::new(config, &mut input).ok()?;
    Some((module.to_bytes(), input.take_rest().to_vec()))
}

/// Three bytes for each change: where, and what is there then.
fn changed(mut module: Vec<u8>, changes: &[u8]) -> Vec<u8> {
    for change in changes.chunks_exact(3).take(8) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % module.len();
        module[at] = change[2];
    }
    module
}

fn try_module(bytes: &[u8]) {
    // A panic in the compiler is caught by the engine; that is all that can be done about it here.
    let module = match expecting_panics(|| engine().compile(bytes)) {
        Ok(module) => module,
        Err(error @ EngineError::InvalidModule { .. }) => return told(&error),
        Err(error) => panic!("{error}"),
    };
    as_numbers(&module);
    as_guest(&module);
}

/// The lowest tier: any export, called with numbers.
fn as_numbers(module: &Module) {
    module.imports().for_each(|import| assert!(!import.kind.to_string().is_empty()));
    let limits = Limits::new().memory(MEMORY).table(TABLE);
    let deadline = Some(Deadline::after(TIME));
    let mut instance = match Instance::new(module, &Imports::new(), (), &limits, deadline) {
        Ok(instance) => instance,
        Err(error) => return told(&error),
    };
    assert!(instance.memory_size() <= MEMORY);
    let functions = module.exports().filter(|export| matches!(export.kind, ExternKind::Function(_)));
    for export in functions.take(EXPORTS) {
        let arguments: Vec<_> = match instance.parameters(&export.name) {
            Ok(kinds) => kinds.into_iter().map(zero).collect(),
            Err(error) => return told(&error),
        };
        match instance.invoke(&export.name, &arguments, Some(Deadline::after(TIME))) {
            Ok(_) => assert!(instance.memory_size() <= MEMORY),
            Err(error) => told(&error),
        }
    }
}

fn zero(kind: ValueType) -> Value {
    match kind {
        ValueType::I32 => Value::I32(0),
        ValueType::I64 => Value::I64(0),
        ValueType::F32 => Value::F32(0.0),
        ValueType::F64 => Value::F64(0.0),
    }
}

/// The tier above: as a waPC guest, called twice.
fn as_guest(module: &Module) {
    let builder = WapcHost::builder(module).handler(answer).memory_limit(MEMORY).reply_limit(MEMORY as usize);
    let host = match builder.deadline(TIME).build() {
        Ok(host) => host,
        Err(error) => return failed(&error),
    };
    for payload in [&b""[..], b"payload"] {
        if let Err(error) = host.call("operation", payload) {
            failed(&error);
        }
    }
    assert_eq!(host.pool_stats().in_use, 0);
}

fn told(error: &EngineError) {
    assert!(!error.to_string().is_empty());
}

fn failed(error: &Error) {
    assert!(!error.to_string().is_empty());
    assert!(
        !matches!(error, Error::HandlerPanicked { .. } | Error::NoHandler | Error::Closed { .. }),
        "{error}"
    );
}
