//! The floor: the least code on wasmer that serves a waPC guest, without limits, deadlines, checks or errors.

use wasmer::{
    Function, FunctionEnv, FunctionEnvMut, Imports, Instance, Memory, Module, Store, TypedFunction, imports,
};

use crate::{Contender, Failure};

type Env<'a> = FunctionEnvMut<'a, State>;

/// A guest on bare wasmer.
pub(crate) struct Floor {
    store: Store,
    env: FunctionEnv<State>,
    guest_call: TypedFunction<(i32, i32), i32>,
}

#[derive(Default)]
struct State {
    memory: Option<Memory>,
    operation: &'static [u8],
    payload: &'static [u8],
    reply: Vec<u8>,
    host_reply: Vec<u8>,
}

impl Floor {
    pub(crate) fn new(wasm: &[u8]) -> Result<Self, Failure> {
        let mut store = Store::default();
        let module = Module::new(&store, wasm)?;
        let env = FunctionEnv::new(&mut store, State::default());
        let imports = functions(&mut store, &env);
        let instance = Instance::new(&mut store, &module, &imports)?;
        env.as_mut(&mut store).memory = Some(instance.exports.get_memory("memory")?.clone());
        if let Ok(start) = instance.exports.get_typed_function::<(), ()>(&store, "wapc_init") {
            start.call(&mut store)?;
        }
        let guest_call = instance.exports.get_typed_function(&store, "__guest_call")?;
        Ok(Self { store, env, guest_call })
    }
}

impl Contender for Floor {
    fn call(&mut self, operation: &'static str, payload: &'static [u8]) -> Result<&[u8], Failure> {
        let state = self.env.as_mut(&mut self.store);
        state.operation = operation.as_bytes();
        state.payload = payload;
        self.guest_call.call(&mut self.store, operation.len() as i32, payload.len() as i32)?;
        Ok(&self.env.as_ref(&self.store).reply)
    }
}

/// The protocol's functions. No call of the guest fails here, so that there is no error to ask for.
fn functions(store: &mut Store, env: &FunctionEnv<State>) -> Imports {
    imports! {
        "wapc" => {
            "__guest_request" => Function::new_typed_with_env(store, env, guest_request),
            "__guest_response" => Function::new_typed_with_env(store, env, guest_response),
            "__guest_error" => Function::new_typed(store, |_: u32, _: u32| {}),
            "__host_call" => Function::new_typed_with_env(store, env, host_call),
            "__host_response_len" => Function::new_typed_with_env(store, env,
                |env: Env<'_>| -> u32 { env.data().host_reply.len() as u32 }),
            "__host_response" => Function::new_typed_with_env(store, env, host_response),
            "__host_error_len" => Function::new_typed(store, || -> u32 { 0 }),
            "__host_error" => Function::new_typed(store, |_: u32| {}),
            "__console_log" => Function::new_typed(store, |_: u32, _: u32| {}),
        }
    }
}

fn guest_request(mut env: Env<'_>, operation: u32, payload: u32) {
    with_memory(&mut env, |memory, state| {
        memory[operation as usize..][..state.operation.len()].copy_from_slice(state.operation);
        memory[payload as usize..][..state.payload.len()].copy_from_slice(state.payload);
    });
}

fn guest_response(mut env: Env<'_>, pointer: u32, length: u32) {
    with_memory(&mut env, |memory, state| {
        state.reply.clear();
        state.reply.extend_from_slice(&memory[pointer as usize..][..length as usize]);
    });
}

/// Answers with what it was sent.
#[expect(clippy::too_many_arguments, reason = "the protocol has them")]
fn host_call(
    mut env: Env<'_>,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    _: u32,
    pointer: u32,
    length: u32,
) -> u32 {
    with_memory(&mut env, |memory, state| {
        state.host_reply.clear();
        state.host_reply.extend_from_slice(&memory[pointer as usize..][..length as usize]);
    });
    1
}

fn host_response(mut env: Env<'_>, pointer: u32) {
    with_memory(&mut env, |memory, state| {
        memory[pointer as usize..][..state.host_reply.len()].copy_from_slice(&state.host_reply);
    });
}

#[expect(unsafe_code, reason = "wasmer's checked copies are slower than the floor may be")]
fn with_memory(env: &mut Env<'_>, then: impl FnOnce(&mut [u8], &mut State)) {
    let (state, store) = env.data_and_store_mut();
    let memory = state.memory.clone().expect("it was put here before the guest was called");
    let view = memory.view(&store);
    // SAFETY: the guest waits for this function, and nothing else has its memory.
    then(unsafe { view.data_unchecked_mut() }, state);
}
