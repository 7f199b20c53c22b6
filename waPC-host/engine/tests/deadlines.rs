//! A run is over at its deadline or when it is cancelled, wherever it is, and nothing else is
//! touched.
#![cfg(feature = "host-interrupt")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wapc_engine::{Caller, Deadline, Engine, Error, Imports, Instance, Limits, Value};

const LOOP: &str =
    r#"(module (func (export "spin") (loop br 0)) (func (export "rest") (result i32) i32.const 7))"#;

#[track_caller]
fn instance() -> Instance {
    let module = Engine::new().compile(LOOP.as_bytes()).unwrap();
    Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap()
}

#[test]
fn an_endless_loop_ends_at_its_deadline() {
    let mut instance = instance();
    let limit = Duration::from_millis(50);
    let began = Instant::now();
    let error = instance.invoke("spin", &[], Some(Deadline::after(limit))).unwrap_err();
    assert!(
        matches!(&error, Error::DeadlineExceeded { export, limit: l, unreached: None } if export == "spin" && *l == limit),
        "{error}"
    );
    assert!(began.elapsed() >= limit, "it ended early");
    assert!(began.elapsed() < Duration::from_secs(5), "it ended after {:?}", began.elapsed());
    assert!(instance.is_poisoned());
}

#[test]
fn an_endless_start_section_ends_at_its_deadline() {
    let module = Engine::new().compile(b"(module (func $spin (loop br 0)) (start $spin))").unwrap();
    let deadline = Some(Deadline::after(Duration::from_millis(30)));
    let error = Instance::new(&module, &Imports::new(), (), &Limits::new(), deadline).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
}

#[test]
fn a_deadline_ends_its_own_instance_and_no_neighbour() {
    let engine = Engine::new();
    let module = engine.compile(LOOP.as_bytes()).unwrap();
    let make = || Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
    let rested = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let error =
                    make().invoke("spin", &[], Some(Deadline::after(Duration::from_millis(40)))).unwrap_err();
                assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
            });
        }
        scope.spawn(|| {
            let mut neighbour = make();
            let until = Instant::now() + Duration::from_millis(120);
            while Instant::now() < until {
                let deadline = Some(Deadline::after(Duration::from_secs(10)));
                assert_eq!(neighbour.invoke("rest", &[], deadline).unwrap(), [Value::I32(7)]);
                rested.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    assert!(rested.load(Ordering::Relaxed) > 0);
}

#[test]
fn a_run_can_be_cancelled_from_another_thread() {
    let mut instance = instance();
    let cancel = instance.cancel_handle();
    cancel.cancel();
    assert_eq!(
        instance.invoke("rest", &[], None).unwrap(),
        [Value::I32(7)],
        "it has no effect on later runs"
    );
    thread::scope(|scope| {
        let running = scope.spawn(|| instance.invoke("spin", &[], None).unwrap_err());
        while !running.is_finished() {
            cancel.cancel();
            thread::yield_now();
        }
        let error = running.join().unwrap();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    });
}

#[test]
fn many_short_deadlines_in_a_row_each_hold() {
    let engine = Engine::new();
    let module = engine.compile(LOOP.as_bytes()).unwrap();
    for _ in 0..50 {
        let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
        let error =
            instance.invoke("spin", &[], Some(Deadline::after(Duration::from_millis(2)))).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    }
}

/// A guest calls the host, which runs another guest that never returns, on the same thread and past
/// both deadlines. The interrupt must reach the inner one, whichever of the two was made first.
#[test]
fn a_nested_run_ends_at_its_deadline_too() {
    let outer = r#"(module (import "host" "run" (func $run)) (func (export "call") call $run))"#;
    let engine = Engine::new();
    let (outer, inner) =
        (engine.compile(outer.as_bytes()).unwrap(), engine.compile(LOOP.as_bytes()).unwrap());
    let limits = Limits::new();
    let imports =
        Imports::new().function("host", "run", |caller: Caller<'_, Option<Instance>>, []: [u32; 0]| {
            let spinning = caller.data.as_mut().expect("the inner instance was put there");
            spinning.invoke("spin", &[], Some(Deadline::after(Duration::from_millis(20))))?;
            Ok(())
        });
    for outer_first in [true, false] {
        let make_inner = || Instance::new(&inner, &Imports::new(), (), &limits, None).unwrap();
        let early = (!outer_first).then(make_inner);
        let mut calling = Instance::new(&outer, &imports, early, &limits, None).unwrap();
        if outer_first {
            *calling.data() = Some(make_inner());
        }
        let error =
            calling.invoke("call", &[], Some(Deadline::after(Duration::from_millis(10)))).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    }
}

/// Guests that are hardly ever in their own code: the engine's functions run on their stack nearly
/// all the time.
#[test]
fn a_guest_that_keeps_the_engine_busy_ends_at_its_deadline() {
    let busy = [
        "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000))",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0xfffff0))",
        "(drop (memory.grow (i32.const 0)))",
        "(drop (memory.grow (i32.const 1)))",
        "(memory.init $data (i32.const 0) (i32.const 0) (i32.const 1))",
        "(data.drop $data)",
        "(table.fill (i32.const 0) (ref.null func) (i32.const 90000))",
        "(table.copy (i32.const 0) (i32.const 1) (i32.const 89999))",
        "(table.init $elements (i32.const 0) (i32.const 0) (i32.const 1))",
        "(elem.drop $elements)",
        "(drop (table.grow (ref.null func) (i32.const 1)))",
    ];
    for metered in [false, true] {
        let engine = Engine::builder().fuel(metered).build().unwrap();
        for instruction in busy {
            let text = format!(
                r#"(module (memory 256 1024) (data $data "data") (table 90000 funcref) (elem $elements func $nothing)
                (func $nothing) (func (export "busy") (loop {instruction} (br 0))))"#
            );
            let module = engine.compile(text.as_bytes()).unwrap();
            let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
            let began = Instant::now();
            let deadline = Some(Deadline::after(Duration::from_millis(10)));
            let error = instance.invoke("busy", &[], deadline).unwrap_err();
            assert!(matches!(error, Error::DeadlineExceeded { .. }), "{instruction}: {error}");
            assert!(began.elapsed() < Duration::from_secs(10), "{instruction}: {:?}", began.elapsed());
        }
    }
}

/// Making an instance takes some time, too: whoever gets one can use it.
#[test]
fn an_instance_that_was_made_too_late_is_not_handed_out() {
    let module = Engine::new().compile(LOOP.as_bytes()).unwrap();
    for nanoseconds in (0..200_000).step_by(100) {
        let deadline = Some(Deadline::after(Duration::from_nanos(nanoseconds)));
        match Instance::new(&module, &Imports::new(), (), &Limits::new(), deadline) {
            Ok(mut made) => assert_eq!(made.invoke("rest", &[], None).unwrap(), [Value::I32(7)]),
            Err(error) => assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}"),
        }
    }
}

#[test]
fn a_deadline_holds_for_a_module_from_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let text = r#"(module (memory 16) (func (export "spin") (loop br 0))
        (func (export "busy") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000)) (br 0))))"#;
    for _ in ["compiled", "loaded"] {
        let engine = Engine::builder().cache_dir(cache.path()).build().unwrap();
        let module = engine.compile(text.as_bytes()).unwrap();
        for export in ["spin", "busy"] {
            let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
            let deadline = Some(Deadline::after(Duration::from_millis(10)));
            let error = instance.invoke(export, &[], deadline).unwrap_err();
            assert!(matches!(error, Error::DeadlineExceeded { .. }), "{export}: {error}");
        }
    }
}

/// wasmer itself enters a start section; what ends it there is in place before.
#[test]
fn a_start_section_that_keeps_the_engine_busy_ends_at_its_deadline() {
    let text = "(module (memory 256) (func $busy
        (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000)) (br 0))) (start $busy))";
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let deadline = Some(Deadline::after(Duration::from_millis(10)));
    let error = Instance::new(&module, &Imports::new(), (), &Limits::new(), deadline).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
}

/// While an instance is made, wasmer itself enters it; a run that is nested in its start section
/// must be reached all the same, and so must the next one on the same thread.
#[test]
fn a_run_that_is_nested_in_a_start_section_ends_at_its_deadline() {
    let outer =
        r#"(module (import "host" "run" (func $run)) (start $run) (func (export "again") call $run))"#;
    let outer = Engine::new().compile(outer.as_bytes()).unwrap();
    let ended = Arc::new(AtomicU32::new(0));
    let counted = ended.clone();
    let imports = Imports::new().function("host", "run", move |_: Caller<'_, ()>, []: [u32; 0]| {
        let error =
            instance().invoke("spin", &[], Some(Deadline::after(Duration::from_millis(10)))).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let mut outer = Instance::new(&outer, &imports, (), &Limits::new(), None).unwrap();
    outer.invoke("again", &[], None).unwrap();
    assert_eq!(ended.load(Ordering::Relaxed), 2);
}

/// An instance moves from thread to thread, and each of the threads ends.
#[test]
fn a_deadline_holds_on_every_thread_that_an_instance_comes_to() {
    let mut instance = instance();
    for _ in 0..10 {
        instance = thread::spawn(move || {
            let deadline = Some(Deadline::after(Duration::from_secs(10)));
            assert_eq!(instance.invoke("rest", &[], deadline).unwrap(), [Value::I32(7)]);
            instance
        })
        .join()
        .unwrap();
    }
    let error = thread::spawn(move || {
        instance.invoke("spin", &[], Some(Deadline::after(Duration::from_millis(10)))).unwrap_err()
    });
    let error = error.join().unwrap();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
}
