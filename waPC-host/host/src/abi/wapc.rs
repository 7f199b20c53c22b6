//! Offers the protocol's own functions, in every version of it. The host call of the older ones is told apart by its type.

use wapc_engine::{Caller, GuestMemory, HostError, Imports};

use super::{read, write};
use crate::{Violation, exchange::Exchange, refusal::Refusal};

/// The module names of the imports: today's, and the two that it had before.
const MODULES: [&str; 3] = ["wapc", "wasmbus", "wascap"];
/// The longest binding, namespace or operation of a host call, in bytes.
const NAME: u32 = 64 * 1024;
/// What stands between the namespace and the operation where they are passed as one.
const SEPARATOR: char = '!';

pub(super) fn offer(imports: Imports<Exchange>) -> Imports<Exchange> {
    MODULES.into_iter().fold(imports, |imports, module| {
        let imports = offer_call(imports, module);
        let imports = offer_host_call(imports, module);
        imports.function(module, "__console_log", |caller, [pointer, length]: [u32; 2]| {
            caller.data.console_log(read(&caller.memory, "__console_log", pointer, length)?);
            Ok(())
        })
    })
}

/// What a guest needs to be called.
fn offer_call(imports: Imports<Exchange>, module: &str) -> Imports<Exchange> {
    imports
        .short_function(
            module,
            "__guest_request",
            |mut caller: Caller<'_, Exchange>, [operation, payload]: [u32; 2]| {
                let [operation_bytes, payload_bytes] = caller.lent;
                write(&mut caller.memory, "__guest_request", operation, operation_bytes)?;
                write(&mut caller.memory, "__guest_request", payload, payload_bytes)
            },
        )
        .short_function(module, "__guest_response", |caller, [pointer, length]: [u32; 2]| {
            caller.data.set_reply(read(&caller.memory, "__guest_response", pointer, length)?);
            Ok(())
        })
        .function(module, "__guest_error", |caller, [pointer, length]: [u32; 2]| {
            caller.data.set_error(read(&caller.memory, "__guest_error", pointer, length)?);
            Ok(())
        })
}

/// What a guest needs to call the host.
fn offer_host_call(imports: Imports<Exchange>, module: &str) -> Imports<Exchange> {
    imports
        .function(module, "__host_call", host_call)
        .function(module, "__host_call", host_call_without_binding)
        .function(module, "__host_call", host_call_in_one_name)
        .short_function(module, "__host_response_len", |caller, []: [u32; 0]| {
            length(caller.data.host_reply())
        })
        .short_function(module, "__host_response", |mut caller, [pointer]: [u32; 1]| {
            write(&mut caller.memory, "__host_response", pointer, caller.data.host_reply())
        })
        .short_function(module, "__host_error_len", |caller, []: [u32; 0]| length(caller.data.host_error()))
        .short_function(module, "__host_error", |mut caller, [pointer]: [u32; 1]| {
            write(&mut caller.memory, "__host_error", pointer, caller.data.host_error())
        })
}

/// Binding, namespace, operation and payload, each as an address and a length.
fn host_call(caller: Caller<'_, Exchange>, arguments: [u32; 8]) -> Result<u32, HostError> {
    let [binding, binding_length, namespace, namespace_length, operation, operation_length, payload, length] =
        arguments;
    let memory = &caller.memory;
    let names = [
        name(memory, "binding", binding, binding_length)?,
        name(memory, "namespace", namespace, namespace_length)?,
        name(memory, "operation", operation, operation_length)?,
    ];
    let payload = read(memory, "__host_call", payload, length)?;
    Ok(caller.data.host_call(names, payload).into())
}

/// Namespace, operation and payload: the version before there were bindings.
fn host_call_without_binding(caller: Caller<'_, Exchange>, arguments: [u32; 6]) -> Result<u32, HostError> {
    let [namespace, namespace_length, operation, operation_length, payload, length] = arguments;
    let memory = &caller.memory;
    let namespace = name(memory, "namespace", namespace, namespace_length)?;
    let operation = name(memory, "operation", operation, operation_length)?;
    let payload = read(memory, "__host_call", payload, length)?;
    Ok(caller.data.host_call(["", namespace, operation], payload).into())
}

/// `namespace!Operation` and payload: the oldest version. Without a separator there is no namespace.
fn host_call_in_one_name(caller: Caller<'_, Exchange>, arguments: [u32; 4]) -> Result<u32, HostError> {
    let [operation, operation_length, payload, length] = arguments;
    let memory = &caller.memory;
    let both = name(memory, "operation", operation, operation_length)?;
    let (namespace, operation) = both.split_once(SEPARATOR).unwrap_or(("", both));
    let payload = read(memory, "__host_call", payload, length)?;
    Ok(caller.data.host_call(["", namespace, operation], payload).into())
}

fn name<'a>(
    memory: &'a GuestMemory<'_>,
    what: &'static str,
    pointer: u32,
    length: u32,
) -> Result<&'a str, HostError> {
    let bytes = read(memory, "__host_call", pointer, length)?;
    if length > NAME {
        return Err(Refusal::Broken(Violation::NameTooLong { what, length, limit: NAME }).into());
    }
    std::str::from_utf8(bytes).map_err(|_| Refusal::Broken(Violation::NotUtf8 { what }).into())
}

/// A length as the guest is told it. More than four GiB could not be written into its memory anyway.
fn length(bytes: &[u8]) -> Result<u32, HostError> {
    u32::try_from(bytes.len()).map_err(Into::into)
}
