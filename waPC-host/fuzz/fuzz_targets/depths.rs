//! Runs guests of any frame sizes that go down to about the end of their stack, do something there that the engine or the host has a part
//! in, and perhaps do it again on the way up; with fuel and deadlines that end at any place.
//!
//! Each run ends as it may, and another thread and other modules do not feel any of it.
#![no_main]

#[allow(dead_code, reason = "of the descents only what is done at their end is of use here")]
#[path = "../../engine/tests/support/descent.rs"]
mod descent;
#[path = "../../engine/tests/support/neighbours.rs"]
mod neighbours;

use std::{
    fmt::Write,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use neighbours::Neighbours;
use wapc_engine::{Engine, Error as EngineError, TrapKind};
use wapc_fuzz::watch_panics;
use wapc_host::{CallOptions, Error, HostCall, HostCallError, WapcHost};

const STACK: u32 = 1 << 20;
/// What the engine's functions may need of it, in bytes.
const RESERVE: u32 = 64 << 10;
/// How many deeds a guest knows, and how often it is run.
const DEEDS: usize = 4;
const RUNS: usize = 8;
const MEMORY: u64 = 2 << 20;

#[derive(Debug, Arbitrary)]
struct Input {
    frames: [Frame; 3],
    deeds: [u8; DEEDS],
    /// On how many frames of the way up a deed is done again, and which.
    again: (u8, u8),
    /// Whether the guest runs on at the bottom, with calls of the engine or without.
    runs_on: Option<bool>,
    metered: bool,
    runs: [Run; RUNS],
}

#[derive(Debug, Arbitrary)]
struct Frame {
    /// Numbers of eight bytes, and of sixteen.
    values: u8,
    vectors: u8,
    /// Whether the next function is called through a table.
    indirect: bool,
}

#[derive(Debug, Arbitrary)]
struct Run {
    deed: u8,
    /// How many bytes before the end of the stack, or behind it, divided by 8.
    before: i8,
    /// In the same way, in steps of a few hundred bytes.
    far: i8,
    /// How much less fuel than the descent takes; only for metered guests.
    fuel: Option<u16>,
    /// In microseconds, beginning with the call.
    deadline: Option<u16>,
}

fuzz_target!(
    init: {
        // They set a hook of their own, which must not stay.
        let _ = neighbours();
        watch_panics()
    },
    |input: Input| {
        let neighbours = neighbours().lock().expect("no panic holds it");
        let engine = if input.metered { metered() } else { plain() };
        let module = engine.compile(guest(&input).as_bytes()).expect("the guest is valid");
        let host = WapcHost::builder(&module)
            .no_deadline()
            .memory_limit(MEMORY)
            .isolation(wapc_host::Isolation::Fresh)
            .handler(answer)
            .build()
            .expect("the guest starts");
        let end = end(&host);
        let frame = STACK / end;
        for run in &input.runs {
            let before = 8 * i32::from(run.before) + 128 * i32::from(run.far);
            let depth = end.saturating_add_signed(-before / frame.cast_signed()).max(1);
            let deed = usize::from(run.deed) % DEEDS;
            let mut options = CallOptions::new();
            let fuel = run.fuel.filter(|_| input.metered);
            if let Some(less) = fuel {
                options = options.fuel((u64::from(depth) * 20).saturating_sub(less.into()));
            }
            // A guest that runs on needs an end.
            let deadline = run.deadline.or(input.runs_on.map(|_| 500));
            if let Some(micros) = deadline {
                options = options.timeout(Duration::from_micros(micros.into()));
            }
            let outcome = descend(&host, depth, deed, &options);
            let overflow = is_overflow(&outcome);
            let expected = match &outcome {
                Ok(()) => depth < end,
                Err(Error::Trap { .. }) => !overflow || depth + RESERVE / frame >= end,
                Err(Error::DeadlineExceeded { .. }) => deadline.is_some(),
                Err(Error::FuelExhausted { .. }) => fuel.is_some(),
                Err(_) => false,
            };
            assert!(expected, "{run:?} at {depth} of {end}: {outcome:?}, {input:?}");
            neighbours.trap(&|| format!("{run:?} at {depth} of {end} in {input:?}"));
        }
        drop((host, module));
        neighbours.all(&|| format!("{input:?}"));
    }
);

fn plain() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::new)
}

fn metered() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::builder().fuel(true).build().expect("it needs nothing"))
}

fn neighbours() -> &'static Mutex<Neighbours> {
    static NEIGHBOURS: OnceLock<Mutex<Neighbours>> = OnceLock::new();
    NEIGHBOURS.get_or_init(|| Mutex::new(Neighbours::new()))
}

fn answer(call: &HostCall<'_>) -> Result<Vec<u8>, HostCallError> {
    match call.payload {
        [] => Err("nothing to answer".into()),
        payload => Ok(payload.to_vec()),
    }
}

fn descend(host: &WapcHost, depth: u32, deed: usize, options: &CallOptions) -> Result<(), Error> {
    host.call_with(&"d".repeat(deed + 1), &depth.to_le_bytes(), options, &mut Vec::new()).map(drop)
}

fn is_overflow(outcome: &Result<(), Error>) -> bool {
    let Err(Error::Trap { source, .. }) = outcome else { return false };
    matches!(**source, EngineError::Trap { kind: TrapKind::StackOverflow, .. })
}

/// The smallest depth at which nothing can be done because the stack is at its end.
fn end(host: &WapcHost) -> u32 {
    let (mut good, mut bad) = (1_u32, 1 << 17);
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        let outcome = descend(host, middle, DEEDS, &CallOptions::new());
        *if is_overflow(&outcome) { &mut bad } else { &mut good } = middle;
    }
    bad
}

/// Goes down as deep as the payload says, through each kind of frame in turn, and does the deed there that the length of the
/// operation's name says; the last is to do nothing.
fn guest(input: &Input) -> String {
    let mut text = String::from(HEAD);
    for (index, frame) in input.frames.iter().enumerate() {
        down(&mut text, input, index, frame).expect("a string takes all");
    }
    text.push(')');
    text
}

fn down(text: &mut String, input: &Input, index: usize, frame: &Frame) -> std::fmt::Result {
    let deed = |number: u8| descent::DEEDS[usize::from(number) % descent::DEEDS.len()].1;
    let next = (index + 1) % input.frames.len();
    let arguments = "(i32.sub (local.get $depth) (i32.const 1)) (local.get $deed)";
    write!(
        text,
        "(func $down{index} (type $down) (param $depth i32) (param $deed i32) (result i64) (local $zero i32) (local $sum i64) (local $all v128)"
    )?;
    for value in 0..frame.values % 64 {
        write!(text, " (local $v{value} i64)")?;
    }
    for vector in 0..frame.vectors % 16 {
        write!(text, " (local $w{vector} v128)")?;
    }
    for value in 0..frame.values % 64 {
        let offset = 8 * u32::from(value);
        write!(text, " (local.set $v{value} (i64.load offset={offset} (local.get $zero)))")?;
    }
    for vector in 0..frame.vectors % 16 {
        let offset = 16 * u32::from(vector);
        write!(text, " (local.set $w{vector} (v128.load offset={offset} (local.get $zero)))")?;
    }
    write!(text, "(block $done (if (local.get $depth) (then (local.set $sum ")?;
    if frame.indirect {
        write!(text, "(call_indirect $downs (type $down) {arguments} (i32.const {next}))")?;
    } else {
        write!(text, "(call $down{next} {arguments})")?;
    }
    // Nothing is done again for the one who looks for the end.
    let (again, which) = input.again;
    write!(
        text,
        ") (if (i32.and (i32.le_u (local.get $depth) (i32.const {})) (i32.ne (local.get $deed) (i32.const {DEEDS}))) (then {})) (br $done)))",
        again % 8,
        deed(which)
    )?;
    text.push_str(&"(block ".repeat(DEEDS + 1));
    text.push_str("(br_table");
    for number in 0..=DEEDS {
        write!(text, " {number}")?;
    }
    text.push_str(" (local.get $deed))");
    let runs_on = match input.runs_on {
        None => "",
        Some(true) => "(loop (drop (memory.size)) (br 0))",
        Some(false) => "(loop (br 0))",
    };
    for number in input.deeds {
        write!(text, ") {} {runs_on} (br $done)", deed(number))?;
    }
    text.push_str("))");
    for value in 0..frame.values % 64 {
        write!(text, " (local.set $sum (i64.add (local.get $sum) (local.get $v{value})))")?;
    }
    for vector in 0..frame.vectors % 16 {
        write!(text, " (local.set $all (v128.xor (local.get $all) (local.get $w{vector})))")?;
    }
    write!(text, " (i64.add (local.get $sum) (i64x2.extract_lane 0 (local.get $all))))")
}

const HEAD: &str = r#"(module
    (import "wapc" "__guest_request" (func $request (param i32 i32)))
    (import "wapc" "__guest_response" (func $respond (param i32 i32)))
    (import "wapc" "__console_log" (func $log (param i32 i32)))
    (import "wapc" "__host_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (type $down (func (param $depth i32) (param $deed i32) (result i64)))
    (memory (export "memory") 1 64)
    (data (i32.const 0) "\01")
    (data $data "data")
    (table $table 4 32 funcref)
    (table $downs 3 3 funcref)
    (elem (i32.const 1) $other)
    (elem $elements func $other)
    (elem (table $downs) (i32.const 0) func $down0 $down1 $down2)
    (func $other (param i32) (result i32) (local.get 0))
    (func $host
        (drop (call $call (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1)
            (i32.const 64) (i32.load8_u (i32.const 0))))
        (call $log (i32.const 64) (i32.const 1)))
    (func $short (call $request (i32.const 1024) (i32.const 2048)))
    (func (export "__guest_call") (param $name i32) (param $payload i32) (result i32)
        (call $request (i32.const 1024) (i32.const 0))
        (drop (call $down0 (i32.load (i32.const 0)) (i32.sub (local.get $name) (i32.const 1))))
        (call $respond (i32.const 0) (i32.const 0))
        (i32.const 1))
"#;
