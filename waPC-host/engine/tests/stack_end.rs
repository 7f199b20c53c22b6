//! A guest at the end of its stack calls runtime functions: whatever it does there, nobody else is
//! harmed.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod support {
    pub(crate) mod alone;
    pub(crate) mod descent;
    pub(crate) mod neighbours;
}

use std::{env, time::Duration};

use wapc_engine::{Caller, Engine, Error, Imports, Instance, Limits, Module, TrapKind, Value};

use support::{
    alone::alone,
    descent::{self, DEEDS},
    neighbours::Neighbours,
};

/// Set to try every depth, which takes long, in place of some at each frame size.
const EVERY_DEPTH: &str = "EVERY_DEPTH";
/// How many depths are tried otherwise.
const DEPTHS: i32 = 22;
/// How far from where the stack ends depths are tried, in bytes.
const BEFORE: i32 = 16 << 10;
const BEHIND: i32 = 2 << 10;

fn limit() -> Duration {
    Duration::from_secs(if env::var_os(EVERY_DEPTH).is_some() { 3600 } else { 300 })
}

fn imports() -> Imports<()> {
    Imports::new().function("host", "host", |_: Caller<'_, ()>, []: [u32; 0]| Ok(())).short_function(
        "host",
        "short",
        |_: Caller<'_, ()>, []: [u32; 0]| Ok(()),
    )
}

struct Descent {
    module: Module,
    imports: Imports<()>,
}

impl Descent {
    fn new(values: usize) -> Self {
        let module = Engine::new().compile(descent::module(values).as_bytes()).unwrap();
        Self { module, imports: imports() }
    }

    fn run(&self, depth: i32, deed: usize) -> Result<(), Error> {
        let mut instance = Instance::new(&self.module, &self.imports, (), &Limits::new(), None).unwrap();
        let arguments = [Value::I32(depth), Value::I32(i32::try_from(deed).unwrap())];
        instance.invoke("down", &arguments, None).map(drop)
    }

    /// The smallest depth at which a deed that needs none of the stack finds it at its end.
    fn end(&self) -> i32 {
        let nothing = DEEDS.iter().position(|(name, ..)| *name == "a division by zero").unwrap();
        let overflows = |depth| is_overflow(&self.run(depth, nothing));
        let (mut good, mut bad) = (1, 100_000);
        assert!(!overflows(good) && overflows(bad));
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            *if overflows(middle) { &mut bad } else { &mut good } = middle;
        }
        bad
    }
}

fn is_overflow(outcome: &Result<(), Error>) -> bool {
    matches!(outcome, Err(Error::Trap { kind: TrapKind::StackOverflow, .. }))
}

/// With the frames of `values` numbers, every deed at depths from 16 KiB before the end of the
/// stack to 2 KiB behind it.
fn descend(values: usize, neighbours: &Neighbours) {
    let descent = Descent::new(values);
    let end = descent.end();
    let frame = (1 << 20) / end;
    let (first, last) = (end - BEFORE / frame - 1, end + BEHIND / frame + 1);
    let every = env::var_os(EVERY_DEPTH).is_some();
    let step = if every { 1 } else { ((last - first) / DEPTHS).max(1) };
    for (deed, (name, _, comes_back)) in DEEDS.iter().enumerate() {
        let mut overflows = 0;
        // Each deed begins elsewhere, so that together they see more depths.
        let mut depth = first + i32::try_from(deed).unwrap() % step;
        while depth <= last {
            let after = || format!("{name} at depth {depth} of {end} with frames of {frame} bytes");
            let outcome = descent.run(depth, deed);
            let overflow = is_overflow(&outcome);
            match &outcome {
                _ if overflow => overflows += 1,
                Ok(()) => assert!(comes_back, "{} came back", after()),
                Err(Error::Trap { .. }) => assert!(!comes_back, "{}: {outcome:?}", after()),
                Err(error) => panic!("{}: {error}", after()),
            }
            assert!(overflow || depth < end, "{}: there is more stack than there was", after());
            if every {
                neighbours.all(&after)
            } else {
                neighbours.trap(&after)
            }
            depth += step;
        }
        assert!(overflows > 0, "{name} never found the end of the stack");
        neighbours.all(&|| format!("{name} with frames of {frame} bytes"));
    }
}

#[test]
fn nobody_feels_what_a_guest_with_small_frames_does_at_the_end_of_its_stack() {
    alone("nobody_feels_what_a_guest_with_small_frames_does_at_the_end_of_its_stack", limit(), || {
        let neighbours = Neighbours::new();
        for values in [0, 2, 4, 12] {
            descend(values, &neighbours);
        }
    });
}

#[test]
fn nobody_feels_what_a_guest_with_large_frames_does_at_the_end_of_its_stack() {
    alone("nobody_feels_what_a_guest_with_large_frames_does_at_the_end_of_its_stack", limit(), || {
        let neighbours = Neighbours::new();
        for values in [30, 62, 126, 254] {
            descend(values, &neighbours);
        }
    });
}

/// The stack goes back to those that are kept for the next call, on any thread: it must be as good
/// as before.
#[test]
fn a_stack_that_was_overrun_is_as_good_as_before() {
    alone("a_stack_that_was_overrun_is_as_good_as_before", limit(), || {
        let neighbours = Neighbours::new();
        let descent = Descent::new(4);
        let unreachable = 0;
        let end = descent.end();
        for _ in 0..50 {
            // The engine needs the reserve for this one.
            assert!(is_overflow(&descent.run(end - 1, unreachable)));
            assert_eq!(descent.end(), end);
        }
        neighbours.all(&|| "fifty overruns".to_owned());
    });
}

/// The engine enters start sections itself.
#[test]
fn a_start_section_at_the_end_of_its_stack_is_felt_by_nobody() {
    alone("a_start_section_at_the_end_of_its_stack_is_felt_by_nobody", limit(), || {
        let neighbours = Neighbours::new();
        let engine = Engine::new();
        let start = |depth: i32| {
            let text = format!(
                r#"(module (memory 1)
                (func $down (param $depth i32) (result i32)
                    (if (i32.eqz (local.get $depth)) (then (memory.fill (i32.const 0) (i32.const 1) (i32.const -1))))
                    (i32.add (call $down (i32.sub (local.get $depth) (i32.const 1))) (i32.const 1)))
                (func $start (drop (call $down (i32.const {depth}))))
                (start $start))"#
            );
            let module = engine.compile(text.as_bytes()).unwrap();
            Instance::new(&module, &Imports::new(), (), &Limits::new(), None).map(drop).unwrap_err()
        };
        let overflows = |depth| matches!(start(depth), Error::Trap { kind: TrapKind::StackOverflow, .. });
        let (mut good, mut bad) = (1_i32, 100_000);
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            *if overflows(middle) { &mut bad } else { &mut good } = middle;
        }
        // What needs the reserve is as much of an overflow as what goes beyond it: the depths here
        // are on both sides.
        for depth in (good - 300..good + 400).step_by(25) {
            let error = start(depth);
            assert!(matches!(error, Error::Trap { .. }), "{error}");
            neighbours.all(&|| format!("a start section at depth {depth} of {good}"));
        }
    });
}
