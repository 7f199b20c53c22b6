//! Serves the benches' guest as their floor: the least code on wasmer that does, without limits, deadlines, checks or errors.
//!
//! Nothing here is meant to be used; it says how fast a host that does nothing else could be.

use wasmer::{
    Engine, Extern, Function, FunctionEnv, FunctionEnvMut, Instance, Memory, Module, Store, TypedFunction,
    Value, imports,
};

/// The guest of the waPC benches, in the text format.
pub const ECHO: &str = include_str!("../guests/echo.wat");

/// The guest of the raw benches, in the text format.
pub const ADD: &str =
    r#"(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"#;

#[derive(Debug, Default)]
struct State {
    memory: Option<Memory>,
    operation: &'static [u8],
    payload: &'static [u8],
    reply: Vec<u8>,
    host_reply: Vec<u8>,
}

/// A guest on bare wasmer.
#[derive(Debug)]
pub struct Floor {
    store: Store,
    env: FunctionEnv<State>,
    guest_call: TypedFunction<(i32, i32), i32>,
}

/// A guest on bare wasmer, compiled.
#[derive(Debug)]
pub struct CompiledFloor {
    engine: Engine,
    module: Module,
}

impl CompiledFloor {
    /// The guest, compiled; as a binary module or in the text format.
    #[must_use]
    pub fn new(guest: impl AsRef<[u8]>) -> Self {
        let engine = Engine::default();
        let wasm = wat::parse_bytes(guest.as_ref()).expect("the benches' guest is valid");
        let module = Module::new(&engine, wasm).expect("the benches' guest is valid");
        Self { engine, module }
    }

    /// A new instance, with a store of its own.
    #[must_use]
    pub fn instantiate(&self) -> Floor {
        let mut store = Store::new(self.engine.clone());
        let env = FunctionEnv::new(&mut store, State::default());
        let imports: Vec<_> =
            self.module.imports().map(|import| function(&mut store, &env, import.name())).collect();
        let instance = Instance::new_by_index(&mut store, &self.module, &imports)
            .expect("the floor serves the benches' guest");
        env.as_mut(&mut store).memory = instance.exports.get_memory("memory").ok().cloned();
        if let Ok(start) = instance.exports.get_typed_function::<(), ()>(&store, "wapc_init") {
            start.call(&mut store).expect("the benches' guest starts");
        }
        let guest_call =
            instance.exports.get_typed_function(&store, "__guest_call").expect("it is a waPC guest");
        Floor { store, env, guest_call }
    }
}

impl Floor {
    /// The guest, instantiated; as a binary module or in the text format.
    #[must_use]
    pub fn new(guest: impl AsRef<[u8]>) -> Self {
        CompiledFloor::new(guest).instantiate()
    }

    /// Sends one operation; the reply is what the guest answered.
    pub fn call(&mut self, operation: &'static [u8], payload: &'static [u8]) -> &[u8] {
        let state = self.env.as_mut(&mut self.store);
        state.operation = operation;
        state.payload = payload;
        let lengths = (operation.len() as i32, payload.len() as i32);
        self.guest_call
            .call(&mut self.store, lengths.0, lengths.1)
            .expect("the benches' guest does not trap");
        &self.env.as_ref(&self.store).reply
    }
}

/// An export that takes numbers, on bare wasmer.
#[derive(Debug)]
pub struct RawFloor {
    store: Store,
    function: Function,
    typed: TypedFunction<(i32, i32), i32>,
}

impl RawFloor {
    /// The export `add` of the module.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut store = Store::default();
        let wasm = wat::parse_str(text).expect("the benches' guest is valid");
        let module = Module::new(&store, wasm).expect("the benches' guest is valid");
        let instance = Instance::new(&mut store, &module, &imports! {}).expect("it needs nothing");
        let function = instance.exports.get_function("add").expect("it exports it").clone();
        let typed = function.typed(&store).expect("it has this type");
        Self { store, function, typed }
    }

    /// Through values.
    pub fn dynamic(&mut self, a: i32, b: i32) -> Option<i32> {
        let results = self.function.call(&mut self.store, &[Value::I32(a), Value::I32(b)]).ok()?;
        results[0].i32()
    }

    /// With the types known when it is compiled.
    pub fn typed(&mut self, a: i32, b: i32) -> Option<i32> {
        self.typed.call(&mut self.store, a, b).ok()
    }
}

/// One of the protocol's functions. No call of the guest fails here, so that there is no error to ask for.
fn function(store: &mut Store, env: &FunctionEnv<State>, name: &str) -> Extern {
    let function = match name {
        "__guest_request" => Function::new_typed_with_env(store, env, guest_request),
        "__guest_response" => Function::new_typed_with_env(store, env, guest_response),
        "__host_call" => Function::new_typed_with_env(store, env, host_call),
        "__host_response_len" => Function::new_typed_with_env(store, env, host_response_len),
        "__host_response" => Function::new_typed_with_env(store, env, host_response),
        "__host_error_len" => Function::new_typed(store, || -> u32 { 0 }),
        "__host_error" => Function::new_typed(store, |_: u32| {}),
        "__guest_error" | "__console_log" => Function::new_typed(store, |_: u32, _: u32| {}),
        other => panic!("the floor has no function `{other}`"),
    };
    function.into()
}

fn guest_request(mut env: FunctionEnvMut<'_, State>, operation: u32, payload: u32) {
    with_memory(&mut env, |memory, state| {
        memory[operation as usize..][..state.operation.len()].copy_from_slice(state.operation);
        memory[payload as usize..][..state.payload.len()].copy_from_slice(state.payload);
    });
}

fn guest_response(mut env: FunctionEnvMut<'_, State>, pointer: u32, length: u32) {
    with_memory(&mut env, |memory, state| {
        state.reply.clear();
        state.reply.extend_from_slice(&memory[pointer as usize..][..length as usize]);
    });
}

fn host_response_len(env: FunctionEnvMut<'_, State>) -> u32 {
    env.data().host_reply.len() as u32
}

fn host_response(mut env: FunctionEnvMut<'_, State>, pointer: u32) {
    with_memory(&mut env, |memory, state| {
        memory[pointer as usize..][..state.host_reply.len()].copy_from_slice(&state.host_reply);
    });
}

/// The host that answers with what it was sent.
#[expect(clippy::too_many_arguments, reason = "the protocol has them")]
fn host_call(
    mut env: FunctionEnvMut<'_, State>,
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

fn with_memory(env: &mut FunctionEnvMut<'_, State>, then: impl FnOnce(&mut [u8], &mut State)) {
    let (state, store) = env.data_and_store_mut();
    let memory = state.memory.clone().expect("the guest exports a memory");
    let view = memory.view(&store);
    // SAFETY: the guest waits for this function, and nothing else has its memory.
    then(unsafe { view.data_unchecked_mut() }, state);
}
