//! Through waPC, a guest comes to the end of its stack by its own traps, when its fuel is used up, when it is cancelled and when it is
//! interrupted there: nobody else feels it.
#![cfg(all(
    feature = "host-interrupt",
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

#[path = "../../engine/tests/support/alone.rs"]
mod alone;
#[path = "../../engine/tests/support/neighbours.rs"]
mod neighbours;

use std::time::Duration;

use alone::alone;
use neighbours::Neighbours;
use wapc_host::{
    CallOptions, CancelToken, Engine, EngineError, Error, HostCall, HostCallError, TrapKind, WapcHost,
};

const LIMIT: Duration = Duration::from_secs(300);
/// How many depths, or amounts of fuel, are tried.
const TRIES: usize = 150;

/// What the guest does at the end, by the length of the operation's name.
const DEEDS: [&str; 7] = [
    "(nop)",
    "unreachable",
    "(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))",
    "(drop (call $host_call (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1)))
     (drop (memory.size)) unreachable",
    "(call $log (i32.const 64) (i32.const 1)) unreachable",
    "(loop (drop (memory.size)) (br 0))",
    "(loop (br 0))",
];
const CALLS_THE_HOST: usize = 3;
const ENGINE_LOOP: usize = 5;
const LOOP: usize = 6;

/// Calls itself as deep as the payload's four bytes say and then does one of the deeds; comes back with an empty reply.
fn guest() -> String {
    let deeds: Vec<_> = DEEDS.iter().map(|deed| format!(") {deed} (return)")).collect();
    format!(
        r#"(module
        (import "wapc" "__guest_request" (func $request (param i32 i32)))
        (import "wapc" "__guest_response" (func $respond (param i32 i32)))
        (import "wapc" "__console_log" (func $log (param i32 i32)))
        (import "wapc" "__host_call" (func $host_call (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $down (param $depth i32) (param $deed i32)
            (if (local.get $depth) (then (call $down (i32.sub (local.get $depth) (i32.const 1)) (local.get $deed)) (return)))
            {blocks} (br_table 0 1 2 3 4 5 6 (local.get $deed)) {deeds})
        (func (export "__guest_call") (param $name i32) (param $payload i32) (result i32)
            (call $request (i32.const 1024) (i32.const 0))
            (call $down (i32.load (i32.const 0)) (i32.sub (local.get $name) (i32.const 1)))
            (call $respond (i32.const 0) (i32.const 0))
            (i32.const 1)))"#,
        blocks = "(block ".repeat(DEEDS.len()),
        deeds = deeds.join("\n"),
    )
}

fn host(
    handler: impl Fn(&HostCall<'_>) -> Result<Vec<u8>, HostCallError> + Send + Sync + 'static,
) -> WapcHost {
    with_fuel(true, handler)
}

fn with_fuel(
    fuel: bool,
    handler: impl Fn(&HostCall<'_>) -> Result<Vec<u8>, HostCallError> + Send + Sync + 'static,
) -> WapcHost {
    let engine = Engine::builder().fuel(fuel).build().unwrap();
    let module = engine.compile(guest().as_bytes()).unwrap();
    WapcHost::builder(&module).no_deadline().handler(handler).build().unwrap()
}

fn descend(host: &WapcHost, depth: usize, deed: usize, options: &CallOptions) -> Result<(), Error> {
    let payload = u32::try_from(depth).unwrap().to_le_bytes();
    host.call_with(&"d".repeat(deed + 1), &payload, options, &mut Vec::new()).map(drop)
}

fn is_overflow(outcome: &Result<(), Error>) -> bool {
    let Err(Error::Trap { source, .. }) = outcome else { return false };
    matches!(**source, EngineError::Trap { kind: TrapKind::StackOverflow, .. })
}

/// The smallest number for which `overflows` is true; it must be true for the large ones and false for the small.
fn end(overflows: impl Fn(usize) -> bool) -> usize {
    let (mut good, mut bad) = (1_usize, 1 << 20);
    assert!(!overflows(good) && overflows(bad));
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        *if overflows(middle) { &mut bad } else { &mut good } = middle;
    }
    bad
}

/// Depths in the last 16 KiB of the stack and the first behind it.
fn depths(end: usize) -> impl Iterator<Item = usize> {
    let frame = (1 << 20) / end;
    let (first, last) = (end - (16 << 10) / frame, end + (2 << 10) / frame);
    (first..=last).step_by(((last - first) / TRIES).max(1))
}

#[test]
fn traps_at_the_end_of_the_stack_are_felt_by_nobody() {
    alone("traps_at_the_end_of_the_stack_are_felt_by_nobody", LIMIT, || {
        let neighbours = Neighbours::new();
        let host = host(|_| Ok(Vec::new()));
        let end = end(|depth| is_overflow(&descend(&host, depth, 0, &CallOptions::new())));
        for (deed, name) in DEEDS.iter().enumerate().take(5) {
            for depth in depths(end) {
                let outcome = descend(&host, depth, deed, &CallOptions::new());
                let expected = matches!(outcome, Err(Error::Trap { .. })) || deed == 0 && outcome.is_ok();
                assert!(expected, "{name} at {depth}: {outcome:?}");
                neighbours.trap(&|| format!("{name} at depth {depth} of {end}"));
            }
            neighbours.all(&|| (*name).to_owned());
        }
    });
}

#[test]
fn fuel_that_runs_out_at_the_end_of_the_stack_is_felt_by_nobody() {
    alone("fuel_that_runs_out_at_the_end_of_the_stack_is_felt_by_nobody", LIMIT, || {
        let neighbours = Neighbours::new();
        let host = host(|_| Ok(Vec::new()));
        let endless = u32::MAX as usize;
        let run = |fuel: usize| descend(&host, endless, 0, &CallOptions::new().fuel(fuel as u64));
        let end = end(|fuel| is_overflow(&run(fuel)));
        // Some ten instructions for each frame of some 48 bytes.
        for fuel in (end - 6_000..end + 1_000).step_by(7_000 / TRIES) {
            let outcome = run(fuel);
            let expected = matches!(outcome, Err(Error::FuelExhausted { .. })) || is_overflow(&outcome);
            assert!(expected, "{fuel}: {outcome:?}");
            neighbours.trap(&|| format!("{fuel} of {end} units of fuel"));
        }
        neighbours.all(&|| "fuel that ran out".to_owned());
    });
}

#[test]
fn a_call_that_is_cancelled_at_the_end_of_the_stack_is_felt_by_nobody() {
    alone("a_call_that_is_cancelled_at_the_end_of_the_stack_is_felt_by_nobody", LIMIT, || {
        let neighbours = Neighbours::new();
        let host = host(|call| {
            call.context.cancel().expect("the call can be cancelled").cancel();
            Ok(Vec::new())
        });
        let end = end(|depth| is_overflow(&descend(&host, depth, 0, &CallOptions::new())));
        for depth in depths(end) {
            let outcome =
                descend(&host, depth, CALLS_THE_HOST, &CallOptions::new().cancel(&CancelToken::new()));
            let expected = matches!(outcome, Err(Error::Cancelled { .. })) || is_overflow(&outcome);
            assert!(expected, "{depth}: {outcome:?}");
            neighbours.trap(&|| format!("a call that was cancelled at depth {depth} of {end}"));
        }
        neighbours.all(&|| "calls that were cancelled".to_owned());
    });
}

#[test]
fn a_deadline_at_the_end_of_the_stack_is_felt_by_nobody() {
    alone("a_deadline_at_the_end_of_the_stack_is_felt_by_nobody", LIMIT, || {
        let neighbours = Neighbours::new();
        for fuel in [true, false] {
            let host = with_fuel(fuel, |_| Ok(Vec::new()));
            let end = end(|depth| is_overflow(&descend(&host, depth, 0, &CallOptions::new())));
            for depth in depths(end) {
                // The first ends by the sign, which is looked at behind the engine's functions, the second by an interrupt.
                for deed in [ENGINE_LOOP, LOOP] {
                    let deadline = CallOptions::new().timeout(Duration::from_millis(2));
                    let outcome = descend(&host, depth, deed, &deadline);
                    let expected =
                        matches!(outcome, Err(Error::DeadlineExceeded { .. })) || is_overflow(&outcome);
                    assert!(expected, "{} at {depth}: {outcome:?}", DEEDS[deed]);
                    neighbours.trap(&|| format!("{} at depth {depth} of {end}", DEEDS[deed]));
                }
            }
            neighbours.all(&|| format!("deadlines, with fuel: {fuel}"));
        }
    });
}
