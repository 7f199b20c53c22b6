//! Whichever runtime function a guest calls again and again, its run ends soon after its deadline.
#![cfg(feature = "host-interrupt")]

use std::time::{Duration, Instant};

use wapc_engine::{Deadline, Engine, Error, Imports, Instance, Limits};

/// Each instruction that the engine carries out, and what a guest could do with it again and again.
const CALLS: [&str; 22] = [
    "(drop (memory.size))",
    "(drop (memory.grow (i32.const 0)))",
    "(drop (memory.grow (i32.const 65536)))",
    "(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))",
    "(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))",
    "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0))",
    "(memory.copy (i32.const 0) (i32.const 1) (i32.const 65535))",
    "(memory.init $data (i32.const 0) (i32.const 0) (i32.const 4))",
    "(data.drop $dropped)",
    "(drop (table.get $table (i32.const 0)))",
    "(table.set $table (i32.const 0) (ref.null func))",
    "(drop (table.size $table))",
    "(drop (table.grow $table (ref.null func) (i32.const 0)))",
    "(table.fill $table (i32.const 0) (ref.null func) (i32.const 4))",
    "(table.copy $table $table (i32.const 0) (i32.const 1) (i32.const 3))",
    "(table.init $table $elements (i32.const 0) (i32.const 0) (i32.const 1))",
    "(elem.drop $gone)",
    "(drop (ref.func $call))",
    "(drop (f32.ceil (f32.load (i32.const 0))))",
    "(drop (f64.nearest (f64.load (i32.const 0))))",
    "(drop (f32x4.floor (v128.load (i32.const 0))))",
    "(drop (f64x2.trunc (v128.load (i32.const 0))))",
];

/// Far beyond the 20 ms that a run may take to end; without the sign behind an instruction it takes
/// seconds.
const BOUND: Duration = Duration::from_millis(500);

fn ends_in_time(instructions: &str) {
    let text = format!(
        r#"(module (memory 1) (data $data "data") (data $dropped "x") (table $table 4 funcref) (table $other 4 funcref)
        (elem $elements func $call) (elem $gone func $call)
        (func $call (export "call") (loop {instructions} (br 0))))"#
    );
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
    let (began, deadline) = (Instant::now(), Duration::from_millis(10));
    let error = instance.invoke("call", &[], Some(Deadline::after(deadline))).unwrap_err();
    let late = began.elapsed().saturating_sub(deadline);
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{instructions}: {error}");
    println!("{:>8.3} ms behind its deadline: {:.100}", late.as_secs_f64() * 1e3, instructions.trim());
    assert!(late < BOUND, "{instructions}: {late:?} behind its deadline");
}

#[test]
fn each_instruction_that_the_engine_carries_out_ends_in_time() {
    for call in CALLS {
        ends_in_time(call);
    }
}

/// The less of the loop is the guest's own code, the less likely an interrupt finds it there.
#[test]
fn many_of_them_in_a_row_end_in_time() {
    for call in CALLS {
        ends_in_time(&call.repeat(200));
    }
}
