//! Runs the cases for guests, with a host that follows the protocol to the letter and checks everything that they do.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use wapc_engine::{Caller, Deadline, Engine, HostError, Imports, Instance, Limits, Module};

use crate::{Bytes, GuestCase, GuestStep, Outcome, Verdict, World, host_runner::judge};

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(10);
/// What is called once in a new instance, in this order, where a guest has it.
const START: [&str; 3] = ["_start", "_initialize", "wapc_init"];

/// What lies beside the guest.
struct Exchange {
    world: Arc<World>,
    replies: Vec<Vec<u8>>,
    errors: Vec<Vec<u8>>,
    host_reply: Vec<u8>,
    host_error: String,
    length_in_characters: bool,
}

type Host<'a> = Caller<'a, Exchange>;

/// Runs one case against a guest, given as its module's bytes.
pub fn run_guest_case(wasm: &[u8], case: &GuestCase) -> Verdict {
    let outcome = catch_unwind(AssertUnwindSafe(|| run(wasm, case)));
    outcome.map_or_else(|_| Verdict::Panicked { message: "the runner's host".to_owned() }, Verdict::from)
}

fn run(wasm: &[u8], case: &GuestCase) -> Result<(), String> {
    let module = Engine::new().compile(wasm).map_err(|error| error.to_string())?;
    if let Some(allowed) = &case.imports_from {
        only_imports_from(&module, allowed)?;
    }
    let world = World::new(&case.answers);
    let exchange = Exchange {
        world: world.clone(),
        replies: Vec::new(),
        errors: Vec::new(),
        host_reply: Vec::new(),
        host_error: String::new(),
        length_in_characters: false,
    };
    let mut guest = Instance::new(&module, &imports(), exchange, &Limits::new(), deadline())
        .map_err(|error| error.to_string())?;
    for start in START.into_iter().filter(|start| guest.has_function(start)).collect::<Vec<_>>() {
        guest.invoke(start, &[], deadline()).map_err(|error| error.to_string())?;
    }
    for (position, step) in case.steps.iter().enumerate() {
        run_step(&mut guest, step).map_err(|reason| format!("call {}: {reason}", position + 1))?;
    }
    world.compare(case.calls.as_deref(), case.console.as_deref())
}

fn run_step(guest: &mut Instance<Exchange>, step: &GuestStep) -> Result<(), String> {
    let mut settled = None;
    for time in 0..step.times {
        let outcome = call(guest, &step.call, &step.payload)?;
        judge(&step.expect, &outcome)?;
        if time >= step.times / 10 {
            let size = guest.memory_size();
            let before = *settled.get_or_insert(size);
            if step.memory_settles && size > before {
                return Err(format!("its memory grew from {before} to {size} bytes by repetition {time}"));
            }
        }
    }
    Ok(())
}

/// One call, with all that must hold of it whatever it is.
fn call(guest: &mut Instance<Exchange>, operation: &Bytes, payload: &Bytes) -> Result<Outcome, String> {
    let (operation, payload) = (operation.as_slice(), payload.as_slice());
    guest.data().replies.clear();
    guest.data().errors.clear();
    let entry = guest.entry("__guest_call").map_err(|error| error.to_string())?;
    let lengths = (operation.len() as u32, payload.len() as u32);
    let returned = guest.enter(&entry, lengths, [operation, payload], deadline());
    let exchange = guest.data();
    let (replies, errors) = (&mut exchange.replies, &mut exchange.errors);
    match (returned, replies.len(), errors.len()) {
        (Ok(1), 1, 0) => Ok(Outcome::Reply(replies.remove(0))),
        (Ok(0), 0, 1) => match String::from_utf8(errors.remove(0)) {
            Ok(text) => Ok(Outcome::Error(text)),
            Err(error) => Err(format!("its error is not UTF-8: {error}")),
        },
        (Ok(returned), replies, errors) => {
            Err(format!("it returned {returned} after {replies} replies and {errors} errors"))
        }
        (Err(error), ..) => Err(error.to_string()),
    }
}

fn deadline() -> Option<Deadline> {
    Some(Deadline::after(LIMIT))
}

fn only_imports_from(module: &Module, allowed: &[String]) -> Result<(), String> {
    match module.imports().find(|import| !allowed.contains(&import.module)) {
        Some(import) => Err(format!("it imports `{}.{}`", import.module, import.name)),
        None => Ok(()),
    }
}

fn imports() -> Imports<Exchange> {
    Imports::new()
        .function("wapc", "__guest_request", |mut caller: Host<'_>, [operation, payload]: [u32; 2]| {
            let [operation_bytes, payload_bytes] = caller.lent;
            caller.memory.write(operation, operation_bytes)?;
            Ok(caller.memory.write(payload, payload_bytes)?)
        })
        .function("wapc", "__guest_response", |caller: Host<'_>, [pointer, length]: [u32; 2]| {
            caller.data.replies.push(caller.memory.read(pointer, length)?.to_vec());
            Ok(())
        })
        .function("wapc", "__guest_error", |caller: Host<'_>, [pointer, length]: [u32; 2]| {
            caller.data.errors.push(caller.memory.read(pointer, length)?.to_vec());
            Ok(())
        })
        .function("wapc", "__host_call", host_call)
        .function("wapc", "__host_response_len", |caller: Host<'_>, []: [u32; 0]| {
            Ok(caller.data.host_reply.len() as u32)
        })
        .function("wapc", "__host_response", |mut caller: Host<'_>, [pointer]: [u32; 1]| {
            Ok(caller.memory.write(pointer, &caller.data.host_reply)?)
        })
        .function("wapc", "__host_error_len", |caller: Host<'_>, []: [u32; 0]| {
            let Exchange { host_error, length_in_characters, .. } = caller.data;
            let length = if *length_in_characters { host_error.chars().count() } else { host_error.len() };
            Ok(length as u32)
        })
        .function("wapc", "__host_error", |mut caller: Host<'_>, [pointer]: [u32; 1]| {
            Ok(caller.memory.write(pointer, caller.data.host_error.as_bytes())?)
        })
        .function("wapc", "__console_log", |caller: Host<'_>, [pointer, length]: [u32; 2]| {
            let text = caller.memory.read(pointer, length)?;
            caller.data.world.console_log(&String::from_utf8_lossy(text));
            Ok(())
        })
        .function("env", "abort", |_: Host<'_>, _: [u32; 4]| Err::<(), _>("the guest aborted".into()))
}

fn host_call(caller: Host<'_>, arguments: [u32; 8]) -> Result<u32, HostError> {
    let [binding, binding_length, namespace, namespace_length, operation, operation_length, payload, length] =
        arguments;
    let text = |pointer, length| -> Result<String, HostError> {
        Ok(String::from_utf8(caller.memory.read(pointer, length)?.to_vec())?)
    };
    let (binding, namespace) = (text(binding, binding_length)?, text(namespace, namespace_length)?);
    let operation = text(operation, operation_length)?;
    let payload = caller.memory.read(payload, length)?.to_vec();
    let world = caller.data.world.clone();
    let (reply, error) = match world.host_call(&binding, &namespace, &operation, &payload) {
        Ok(reply) => (reply, None),
        Err(text) => (Vec::new(), Some(text)),
    };
    let answer = world.answer(&operation);
    caller.data.host_reply = reply;
    caller.data.length_in_characters = answer.is_some_and(|answer| answer.length_in_characters);
    let status = answer.and_then(|answer| answer.status).unwrap_or(error.is_none().into());
    caller.data.host_error = error.unwrap_or_default();
    Ok(status)
}
