//! The suites of the engine and the host once more, to be run under a sanitizer; see README.md.
//!
//! Left out is the suite that counts allocations, which a sanitizer makes of its own.

#[path = "../../engine/tests/cache.rs"]
mod engine_cache;
#[path = "../../engine/tests/checks.rs"]
mod engine_checks;
#[path = "../../engine/tests/compile_limits.rs"]
mod engine_compile_limits;
#[path = "../../engine/tests/deadlines.rs"]
mod engine_deadlines;
#[path = "../../engine/tests/engine_calls.rs"]
mod engine_engine_calls;
#[path = "../../engine/tests/fuel.rs"]
mod engine_fuel;
#[path = "../../engine/tests/imports.rs"]
mod engine_imports;
#[path = "../../engine/tests/invoke.rs"]
mod engine_invoke;
#[path = "../../engine/tests/limits.rs"]
mod engine_limits;
#[path = "../../engine/tests/load.rs"]
mod engine_load;
#[path = "../../engine/tests/random_deadlines.rs"]
mod engine_random_deadlines;
#[path = "../../engine/tests/short_functions.rs"]
mod engine_short_functions;
#[path = "../../engine/tests/stack_end.rs"]
mod engine_stack_end;
#[path = "../../engine/tests/texts.rs"]
mod engine_texts;
#[path = "../../host/tests/assemblyscript.rs"]
mod host_assemblyscript;
#[path = "../../host/tests/async_calls.rs"]
mod host_async_calls;
#[path = "../../host/tests/cancel.rs"]
mod host_cancel;
#[path = "../../host/tests/cancel_inside.rs"]
mod host_cancel_inside;
#[path = "../../host/tests/check.rs"]
mod host_check;
#[path = "../../host/tests/console.rs"]
mod host_console;
#[path = "../../host/tests/fuel.rs"]
mod host_fuel;
#[path = "../../host/tests/handles.rs"]
mod host_handles;
#[path = "../../host/tests/hostile.rs"]
mod host_hostile;
#[path = "../../host/tests/isolation.rs"]
mod host_isolation;
#[path = "../../host/tests/limits.rs"]
mod host_limits;
#[path = "../../host/tests/options.rs"]
mod host_options;
#[path = "../../host/tests/pool.rs"]
mod host_pool;
#[path = "../../host/tests/protocol.rs"]
mod host_protocol;
#[path = "../../host/tests/protocol_versions.rs"]
mod host_protocol_versions;
#[path = "../../host/tests/stack_end.rs"]
mod host_stack_end;
#[path = "../../host/tests/wasi.rs"]
mod host_wasi;
