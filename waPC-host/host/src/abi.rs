//! The functions that a guest imports (waPC, eight-argument host call).

use wapc_engine::{Caller, GuestMemory, HostError, Imports};

use crate::{
    Violation,
    exchange::{Broken, Exchange},
};

/// The module name of the imports.
const WAPC: &str = "wapc";
/// The export through which a guest is called.
pub(crate) const GUEST_CALL: &str = "__guest_call";
/// The exports that are called once for each new instance, in this order, where a guest has them.
pub(crate) const START: [&str; 3] = ["_start", "_initialize", "wapc_init"];

/// Everything that a guest may import.
pub(crate) fn imports() -> Imports<Exchange> {
    Imports::new()
        .function(
            WAPC,
            "__guest_request",
            |mut caller: Caller<'_, Exchange>, [operation, payload]: [u32; 2]| {
                let [operation_bytes, payload_bytes] = caller.lent;
                write(&mut caller.memory, "__guest_request", operation, operation_bytes)?;
                write(&mut caller.memory, "__guest_request", payload, payload_bytes)
            },
        )
        .function(WAPC, "__guest_response", |caller, [pointer, length]: [u32; 2]| {
            caller.data.set_reply(read(&caller.memory, "__guest_response", pointer, length)?);
            Ok(())
        })
        .function(WAPC, "__guest_error", |caller, [pointer, length]: [u32; 2]| {
            caller.data.set_error(read(&caller.memory, "__guest_error", pointer, length)?);
            Ok(())
        })
        .function(WAPC, "__host_call", host_call)
        .function(WAPC, "__host_response_len", |caller, []: [u32; 0]| length(caller.data.host_reply()))
        .function(WAPC, "__host_response", |mut caller, [pointer]: [u32; 1]| {
            write(&mut caller.memory, "__host_response", pointer, caller.data.host_reply())
        })
        .function(WAPC, "__host_error_len", |caller, []: [u32; 0]| length(caller.data.host_error()))
        .function(WAPC, "__host_error", |mut caller, [pointer]: [u32; 1]| {
            write(&mut caller.memory, "__host_error", pointer, caller.data.host_error())
        })
        .function(WAPC, "__console_log", |caller, [pointer, length]: [u32; 2]| {
            caller.data.console_log(read(&caller.memory, "__console_log", pointer, length)?);
            Ok(())
        })
}

/// Binding, namespace, operation and payload, each as an address and a length.
fn host_call(caller: Caller<'_, Exchange>, arguments: [u32; 8]) -> Result<u32, HostError> {
    let [binding, binding_length, namespace, namespace_length, operation, operation_length, payload, length] =
        arguments;
    let memory = &caller.memory;
    let names = [
        text(memory, "binding", binding, binding_length)?,
        text(memory, "namespace", namespace, namespace_length)?,
        text(memory, "operation", operation, operation_length)?,
    ];
    let payload = read(memory, "__host_call", payload, length)?;
    Ok(caller.data.host_call(names, payload).into())
}

fn text<'a>(
    memory: &'a GuestMemory<'_>,
    what: &'static str,
    pointer: u32,
    length: u32,
) -> Result<&'a str, HostError> {
    let bytes = read(memory, "__host_call", pointer, length)?;
    std::str::from_utf8(bytes).map_err(|_| Broken(Violation::NotUtf8 { what }).into())
}

fn read<'a>(
    memory: &'a GuestMemory<'_>,
    import: &'static str,
    pointer: u32,
    length: u32,
) -> Result<&'a [u8], HostError> {
    memory.read(pointer, length).map_err(|fault| Broken(Violation::Memory { import, fault }).into())
}

fn write(
    memory: &mut GuestMemory<'_>,
    import: &'static str,
    pointer: u32,
    bytes: &[u8],
) -> Result<(), HostError> {
    memory.write(pointer, bytes).map_err(|fault| Broken(Violation::Memory { import, fault }).into())
}

/// A length as the guest is told it. More than four GiB could not be written into its memory anyway.
fn length(bytes: &[u8]) -> Result<u32, HostError> {
    u32::try_from(bytes.len()).map_err(Into::into)
}
