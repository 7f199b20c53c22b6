//! Calls the host functions in any order with any addresses and lengths, and from inside a host call again.
//!
//! A guest carries out what its payload says; a model of guest and host says what must come of it. After each call the same
//! host serves the next one, and a neighbour on the same engine has not noticed.
#![no_main]

use std::sync::{Mutex, OnceLock};

use libfuzzer_sys::fuzz_target;
use wapc_fuzz::{
    Closing, Ending, Function, Host, Machine, Memory, Outcome, Step, expecting_panics, program, text,
    watch_panics,
};
use wapc_host::{CallOptions, Engine, HostCall, HostCallError, HostHandler, Reply, WapcHost};

/// The most memory of a guest, in pages and in bytes.
const PAGES: usize = 16;
const MEMORY: u64 = (PAGES as u64) << 16;
const REPLY_LIMIT: usize = 100_000;
const MAX_DEPTH: u32 = 2;
const LARGE: usize = 70_000;
/// The longest name, and the most of a text that is kept, in bytes.
const TEXT: usize = 65_536;

fuzz_target!(
    init: watch_panics(),
    |steps: Vec<Step>| {
        let subject = subject();
        let program = program(&subject.functions, &steps);
        NESTED.lock().expect("no panic holds it").clear();
        let actual = Outcome::actual(subject.host.call("outer", &program));
        let mut model = Model::new(&subject.functions, 0);
        assert_eq!(actual, model.outcome(b"outer", &program), "{steps:?}");
        assert_eq!(*NESTED.lock().expect("no panic holds it"), model.nested, "{steps:?}");

        assert_eq!(Outcome::actual(subject.host.call("outer", b"")), Outcome::Reply(Vec::new()));
        assert_eq!(subject.host.pool_stats().in_use, 0);
        let greeting = subject.neighbour.call("echo", b"good morning").expect("the neighbour is at home");
        assert_eq!(greeting, b"good morning");
        let stats = subject.neighbour.pool_stats();
        assert_eq!((stats.created, stats.discarded), (1, 0), "the neighbour's instance was touched");
    }
);

struct Subject {
    functions: Vec<Function>,
    host: WapcHost,
    neighbour: WapcHost,
}

/// What the calls inside of calls came to, in the order of their ends.
static NESTED: Mutex<Vec<Outcome>> = Mutex::new(Vec::new());

fn subject() -> &'static Subject {
    static SUBJECT: OnceLock<Subject> = OnceLock::new();
    SUBJECT.get_or_init(|| {
        let (engine, functions) = (Engine::new(), functions());
        let module =
            engine.compile(text(&functions, Closing::Success).as_bytes()).expect("the guest is valid");
        let host = WapcHost::builder(&module)
            .handler(Handler)
            .random(|bytes| {
                bytes.fill(7);
                Ok(())
            })
            .memory_limit(MEMORY)
            .reply_limit(REPLY_LIMIT)
            .max_depth(MAX_DEPTH)
            .isolation(wapc_host::Isolation::Fresh);
        let echo =
            engine.compile(include_bytes!("../../host/tests/guests/echo.wat")).expect("the echo is valid");
        Subject {
            functions,
            host: host.build().expect("the guest starts"),
            neighbour: WapcHost::new(&echo, Handler).expect("the echo starts"),
        }
    })
}

/// Every generation of the protocol, and AssemblyScript's functions.
fn functions() -> Vec<Function> {
    vec![
        Function::new("wapc", "__guest_request", "ii"),
        Function::new("wapc", "__guest_response", "ii"),
        Function::new("wapc", "__guest_error", "ii"),
        Function::new("wapc", "__host_call", "iiiiiiii>i"),
        Function::new("wapc", "__host_call", "iiiiii>i"),
        Function::new("wapc", "__host_call", "iiii>i"),
        Function::new("wapc", "__host_response_len", ">i"),
        Function::new("wapc", "__host_response", "i"),
        Function::new("wapc", "__host_error_len", ">i"),
        Function::new("wapc", "__host_error", "i"),
        Function::new("wapc", "__console_log", "ii"),
        Function::new("wasmbus", "__host_call", "iiiiii>i"),
        Function::new("wascap", "__host_call", "iiii>i"),
        Function::new("wascap", "__guest_response", "ii"),
        Function::new("env", "abort", "iiii"),
        Function::new("env", "trace", "iiFFFFF"),
        Function::new("env", "seed", ">F"),
    ]
}

struct Handler;

impl HostHandler for Handler {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        if call.operation == "nest" {
            let inner = nest(call.payload, &call.nested());
            reply.copy_from(&inner?);
            return Ok(());
        }
        match answer(call.operation, call.payload) {
            Some(Ok(bytes)) => reply.set(bytes),
            Some(Err(text)) => return Err(text.into()),
            None => expecting_panics(|| panic!("as you wish")),
        }
        Ok(())
    }

    fn console_log(&self, text: &str) {
        // Each byte that is no UTF-8 becomes three.
        assert!(text.len() <= 3 * TEXT + 1000, "{} bytes for the console", text.len());
    }
}

fn nest(program: &[u8], options: &CallOptions) -> Result<Vec<u8>, HostCallError> {
    let mut reply = Vec::new();
    let outcome = match subject().host.call_with("inner", program, options, &mut reply) {
        Err(wapc_host::Error::DepthExceeded { .. }) => return Err("too deep".into()),
        Err(error) => Outcome::actual(Err(error)),
        Ok(()) => Outcome::Reply(reply),
    };
    NESTED.lock().expect("no panic holds it").push(outcome.clone());
    match outcome {
        Outcome::Reply(reply) => Ok(reply),
        _ => Err("the inner call failed".into()),
    }
}

/// What the host answers; nothing when it panics.
fn answer(operation: &str, payload: &[u8]) -> Option<Result<Vec<u8>, String>> {
    match operation {
        "panic" => None,
        "fail" => Some(Err(format!("{} bytes are too many or too few", payload.len()))),
        "large" => Some(Ok(vec![b'x'; LARGE])),
        "empty" => Some(Ok(Vec::new())),
        other => Some(Ok(other.bytes().chain(payload.iter().rev().copied()).collect())),
    }
}

/// The host as it should be.
struct Model<'a> {
    functions: &'a [Function],
    depth: u32,
    reply: Vec<u8>,
    error: Option<String>,
    host_reply: Vec<u8>,
    host_error: Vec<u8>,
    nested: Vec<Outcome>,
}

impl<'a> Model<'a> {
    fn new(functions: &'a [Function], depth: u32) -> Self {
        let (reply, host_reply, host_error) = Default::default();
        Self { functions, depth, reply, error: None, host_reply, host_error, nested: Vec::new() }
    }

    fn outcome(&mut self, operation: &[u8], program: &[u8]) -> Outcome {
        let mut machine = Machine::new(self.functions, PAGES);
        let mut run = Run { model: self, operation, program };
        let ending = machine.run(operation, program, &mut run);
        Outcome::expected(
            ending,
            std::mem::take(&mut self.reply),
            self.error.take(),
            REPLY_LIMIT,
            machine.refused,
        )
    }

    fn host_call(&mut self, operation: &str, payload: &[u8]) -> Result<Option<u64>, Ending> {
        self.host_reply.clear();
        self.host_error.clear();
        let answer = match operation {
            "nest" => self.nest(payload),
            _ => answer(operation, payload).ok_or(Ending::HandlerPanicked)?,
        };
        let succeeds = answer.is_ok();
        match answer {
            Ok(reply) => self.host_reply = reply,
            Err(text) => self.host_error = text.into_bytes(),
        }
        Ok(Some(succeeds.into()))
    }

    fn nest(&mut self, program: &[u8]) -> Result<Vec<u8>, String> {
        if self.depth == MAX_DEPTH {
            return Err("too deep".to_owned());
        }
        let mut inner = Self::new(self.functions, self.depth + 1);
        let outcome = inner.outcome(b"inner", program);
        self.nested.append(&mut inner.nested);
        self.nested.push(outcome.clone());
        match outcome {
            Outcome::Reply(reply) => Ok(reply),
            _ => Err("the inner call failed".to_owned()),
        }
    }
}

/// One call of the guest.
struct Run<'m, 'a> {
    model: &'m mut Model<'a>,
    operation: &'m [u8],
    program: &'m [u8],
}

impl Host for Run<'_, '_> {
    fn call(&mut self, memory: &mut Memory, index: usize, arguments: &[u64]) -> Result<Option<u64>, Ending> {
        let function = &self.model.functions[index];
        match (function.name, arguments) {
            ("__guest_request", &[operation, payload]) => {
                memory.write(operation, self.operation)?;
                memory.write(payload, self.program)?;
            }
            ("__guest_response", &[pointer, length]) => {
                self.model.reply = memory.read(pointer, length)?.to_vec()
            }
            ("__guest_error", &[pointer, length]) => {
                self.model.error = Some(shortened(memory.read(pointer, length)?));
            }
            ("__console_log", &[pointer, length]) => drop(memory.read(pointer, length)?),
            ("__host_response_len", &[]) => return Ok(Some(self.model.host_reply.len() as u64)),
            ("__host_error_len", &[]) => return Ok(Some(self.model.host_error.len() as u64)),
            ("__host_response", &[pointer]) => memory.write(pointer, &self.model.host_reply)?,
            ("__host_error", &[pointer]) => memory.write(pointer, &self.model.host_error)?,
            ("__host_call", names) => {
                let (names, payload) = names.split_at(names.len() - 2);
                let names: Result<Vec<_>, _> =
                    names.chunks(2).map(|name| word(memory, name[0], name[1])).collect();
                let operation = names?.pop().unwrap_or_default();
                let payload = memory.read(payload[0], payload[1])?.to_vec();
                // The oldest generation writes the namespace in front.
                let oldest = arguments.len() == 4;
                let operation =
                    operation.split_once('!').filter(|_| oldest).map_or(&*operation, |(_, name)| name);
                return self.model.host_call(operation, &payload);
            }
            ("abort", &[message, file, line, column]) => {
                let (message, file) = (wide(memory, message)?, wide(memory, file)?);
                return Err(Ending::Aborted(message, file, line as u32, column as u32));
            }
            ("trace", &[message, ..]) => drop(wide(memory, message)?),
            ("seed", &[]) => {
                let number = (u64::from_le_bytes([7; 8]) >> 11) as f64 / (1_u64 << 53) as f64;
                return Ok(Some(number.to_bits()));
            }
            other => panic!("{other:?} is not in the model"),
        }
        Ok(None)
    }
}

fn word(memory: &Memory, pointer: u64, length: u64) -> Result<String, Ending> {
    let bytes = memory.read(pointer, length)?;
    if bytes.len() > TEXT {
        return Err(Ending::NameTooLong);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Ending::NotUtf8)
}

fn shortened(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT)]).into_owned()
}

/// A text of AssemblyScript's: UTF-16 with its length in bytes before it, and nothing at the address 0.
fn wide(memory: &Memory, pointer: u64) -> Result<Option<String>, Ending> {
    if pointer == 0 {
        return Ok(None);
    }
    let length = memory.number(u64::from((pointer as u32).wrapping_sub(4)), 4)?;
    let bytes = memory.read(pointer, length)?;
    let bytes = &bytes[..bytes.len().min(TEXT)];
    let units: Vec<_> = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    Ok(Some(String::from_utf16_lossy(&units)))
}
