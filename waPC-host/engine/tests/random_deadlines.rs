//! Thousands of runs with deadlines near the time that they take, nested, with host functions on
//! either stack: each ends with the right result or with its own error, whatever becomes of its
//! neighbours.
#![cfg(feature = "host-interrupt")]

use std::{hint::black_box, thread, time::Duration};

use wapc_engine::{Caller, Deadline, Engine, Error, HostError, Imports, Instance, Limits};

/// Adds up what the host functions return, once for each number from the first argument down to
/// one. The bits of the second say what it does beside that.
const GUEST: &str = r#"(module
    (import "host" "short" (func $short (param i32) (result i32)))
    (import "host" "long" (func $long (param i32) (result i32)))
    (import "host" "nested" (func $nested (param i32) (result i32)))
    (memory 4)
    (func (export "run") (param $n i32) (param $bits i32) (result i32) (local $sum i32)
        (loop $next
            (local.set $sum (i32.add (local.get $sum) (call $short (local.get $n))))
            (if (i32.and (local.get $bits) (i32.const 1)) (then
                (local.set $sum (i32.add (local.get $sum) (call $long (local.get $n))))))
            (if (i32.and (local.get $bits) (i32.const 2)) (then
                (memory.fill (i32.const 0) (local.get $n) (i32.const 0x8000))))
            (if (i32.and (local.get $bits) (i32.const 4)) (then
                (local.set $sum (i32.add (local.get $sum) (call $nested (local.get $bits))))))
            (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum)))"#;
const NESTED: u32 = 4;

fn expected(n: u32, bits: u32) -> u32 {
    let each = |k| 3 * k + 5 * k * (bits & 1) + if bits & NESTED > 0 { 7 } else { 0 };
    (1..=n).map(each).sum()
}

/// Numbers without a pattern, the same in each run of the test.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What lies beside a guest: another guest, and the next deadline for that.
struct Beside {
    inner: Option<Box<Instance<Beside>>>,
    limit: Duration,
}

fn imports() -> Imports<Beside> {
    // Both use the allocator, whose locks must not be left behind.
    let times = |n: u32, factor: u32| black_box(vec![n; 1 + n as usize])[0] * factor;
    Imports::new()
        .short_function("host", "short", move |_, [n]: [u32; 1]| Ok(times(n, 3)))
        .function("host", "long", move |_, [n]: [u32; 1]| Ok(times(n, 5)))
        .function("host", "nested", nested)
}

fn nested(caller: Caller<'_, Beside>, [bits]: [u32; 1]) -> Result<u32, HostError> {
    let limit = caller.data.limit;
    if let Some(inner) = caller.data.inner.as_deref_mut().filter(|inner| !inner.is_poisoned()) {
        run(inner, 10, bits & !NESTED, limit);
    }
    Ok(7)
}

/// Whether the run came to its end. If it did not, the instance cannot be used any more.
#[track_caller]
fn run(instance: &mut Instance<Beside>, n: u32, bits: u32, limit: Duration) -> bool {
    let entry = instance.entry("run").unwrap();
    let outcome = instance.enter(&entry, (n, bits), [b"", b""], Some(Deadline::after(limit)));
    assert_eq!(instance.is_poisoned(), outcome.is_err());
    match outcome {
        Ok(sum) => assert_eq!(sum, expected(n, bits)),
        Err(error) => assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}"),
    }
    !instance.is_poisoned()
}

#[test]
fn runs_end_with_the_right_result_or_with_their_own_error() {
    let module = Engine::new().compile(GUEST.as_bytes()).unwrap();
    let imports = imports();
    let make = |inner, limit| {
        Instance::new(&module, &imports, Beside { inner, limit }, &Limits::new(), None).unwrap()
    };
    let series = |seed: u64| {
        let mut numbers = Numbers(seed);
        let limit = Duration::from_nanos(numbers.below(30_000));
        let mut outer = make(Some(Box::new(make(None, limit))), limit);
        for _ in 0..50 {
            let (n, bits) = (1 + numbers.below(30) as u32, numbers.below(8) as u32);
            let limit = Duration::from_nanos(numbers.below(300_000));
            if !run(&mut outer, n, bits, limit) {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for thread in 1..=4 {
            scope.spawn(move || {
                for round in 1..=250 {
                    // Some of the threads end at once when their last run has.
                    match round % 3 {
                        0 => thread::scope(|scope| scope.spawn(|| series(thread * round)).join()).unwrap(),
                        _ => series(thread * round),
                    }
                }
            });
        }
    });
}
