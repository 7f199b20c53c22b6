//! Invokes raw WebAssembly: compiles modules, caches and limits them, and calls their exports with
//! numbers.
//!
//! The lowest of three tiers, and the only one that knows which engine runs underneath (wasmer,
//! with its Cranelift compiler). It passes numbers and lends bytes; what they mean is the business
//! of the tier above, `wapc-host`.
//!
//! ```text
//!   bytes (.wasm, .wat)                Imports: host functions
//!        │ Engine::compile                   │
//!        ▼            cache on disk          ▼
//!      Module ──────────────────────▶ Instance ── invoke("add", [2, 2]) ──▶ [4]
//!                                        │  Limits: memory, tables
//!                                        └─ Deadline: one thread ends what is overdue
//! ```
//!
//! # Example
//!
//! ```
//! use wapc_engine::{Engine, Imports, Instance, Limits, Value};
//!
//! # fn main() -> Result<(), wapc_engine::Error> {
//! let text = r#"(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"#;
//! let module = Engine::new().compile(text.as_bytes())?;
//! let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None)?;
//! assert_eq!(instance.invoke("add", &[Value::I32(2), Value::I32(2)], None)?, [Value::I32(4)]);
//! # Ok(())
//! # }
//! ```
//!
//! # What a guest cannot do
//!
//! It gets the memory, the tables, the time and, where its code [counts](EngineBuilder::fuel) what
//! it does, the fuel that it was given; a fault of any kind ends its own run with a typed
//! [`Error`], after which its instance is [poisoned](Error::Poisoned). A panic in a host function
//! goes no further than the run that it belongs to. WebAssembly threads (shared memories) and
//! modules with more than one memory are not accepted.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `host-interrupt` | yes | Ends a run at its deadline wherever it is, through a signal to its thread. **Takes over `SIGUSR1` in the whole program** (Unix): a program that uses that signal itself must switch the feature off. Without it a run is ended at its deadline only when it next calls the host or a runtime function, for an instruction such as `memory.grow`. A thread that blocks the signal later, or a program that sets a handler of its own, is found out and told, see [`Unreached`]. |
#![deny(unsafe_code)]

mod cache;
mod caller;
mod engine;
mod error;
mod host_error;
mod imports;
mod instance;
mod kind;
mod limits;
mod memory;
mod module;
mod text;
mod types;
mod value;
mod wasmer;
mod watchdog;

/// What [`Error::Resources`] names.
pub use system_limits::{SystemLimit, SystemResource};

pub use crate::{
    caller::Caller,
    engine::{Engine, EngineBuilder},
    error::{Error, TrapKind, Unrestorable},
    host_error::{HostError, HostPanic, Leave},
    imports::{ImportResult, Imports, Number, Parameters},
    instance::{Entry, Instance},
    limits::{
        Limits,
        compile::{CompileBound, CompileLimits},
        deadline::Deadline,
    },
    memory::{GuestMemory, MemoryFault},
    module::Module,
    types::{Export, ExternKind, Import, Signature},
    value::{ParseValueError, Value, ValueType},
    watchdog::{unreached::Unreached, watch::CancelHandle},
};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
