//! An instance gets the memory and the tables that it was given, and no more, within the time that
//! it was given.

use std::time::{Duration, Instant};

use wapc_engine::{Deadline, Engine, Error, Imports, Instance, Limits, TrapKind, Value};

const GROW: &str = r#"(module (memory (export "memory") 1)
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
    (func (export "need") (param i32) local.get 0 memory.grow i32.const -1 i32.eq (if (then unreachable))))"#;

#[track_caller]
fn instance(text: &str, limits: &Limits) -> Result<Instance, Error> {
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    Instance::new(&module, &Imports::new(), (), limits, None)
}

#[test]
fn memory_grows_up_to_the_limit_and_not_beyond() {
    let mut instance = instance(GROW, &Limits::new().memory(4 * 65_536)).unwrap();
    let mut grow = |pages| instance.invoke("grow", &[Value::I32(pages)], None).unwrap()[0];
    assert_eq!(grow(3), Value::I32(1));
    assert_eq!(grow(1), Value::I32(-1));
    assert_eq!(grow(i32::MAX), Value::I32(-1));
    assert_eq!(instance.memory_size(), 4 * 65_536);
}

#[test]
fn a_trap_after_a_refusal_is_told_as_the_memory_limit() {
    let mut instance = instance(GROW, &Limits::new().memory(4 * 65_536)).unwrap();
    let error = instance.invoke("need", &[Value::I32(9)], None).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { requested: 655_360, limit: 262_144 }), "{error}");
}

#[test]
fn a_refusal_that_a_run_took_in_its_stride_is_forgotten() {
    let text = r#"(module (memory (export "memory") 1)
        (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
        (func (export "trap") unreachable))"#;
    let mut instance = instance(text, &Limits::new().memory(4 * 65_536)).unwrap();
    assert_eq!(instance.invoke("grow", &[Value::I32(9)], None).unwrap(), [Value::I32(-1)]);
    let error = instance.invoke("trap", &[], None).unwrap_err();
    assert!(matches!(error, Error::Trap { .. }), "{error}");
}

#[test]
fn a_module_that_declares_too_much_is_refused() {
    let error = instance("(module (memory 5))", &Limits::new().memory(4 * 65_536)).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { requested: 327_680, limit: 262_144 }), "{error}");
    let error = instance("(module (table 11 funcref))", &Limits::new().table(10)).unwrap_err();
    assert!(matches!(error, Error::TableLimit { requested: 11, limit: 10 }), "{error}");
}

#[test]
fn a_table_grows_up_to_the_limit_and_not_beyond() {
    let text = r#"(module (table 1 funcref)
        (func (export "grow") (param i32) (result i32) ref.null func local.get 0 table.grow))"#;
    let mut instance = instance(text, &Limits::new().table(10)).unwrap();
    let mut grow = |elements| instance.invoke("grow", &[Value::I32(elements)], None).unwrap()[0];
    assert_eq!(grow(9), Value::I32(1));
    assert_eq!(grow(1), Value::I32(-1));
}

/// Tables that grow as far as they may, one after the other, and then the memory.
const TABLES: &str = r#"(memory (export "memory") 0)
    (func (export "memory_grow") (param i32) (result i32) local.get 0 memory.grow)"#;

fn tables(count: usize) -> String {
    let tables = "(table 0 externref)".repeat(count);
    let grow = |table| {
        format!(
            "(loop $more (br_if $more (i32.ne (i32.const -1) (table.grow {table} (ref.null extern) (i32.const 100)))))
             (local.set 0 (i32.add (local.get 0) (table.size {table})))"
        )
    };
    let all: String = (0..count).map(grow).collect();
    format!("(module {tables} {TABLES} (func (export \"all\") (result i32) (local i32) {all} local.get 0))")
}

#[test]
fn memory_and_all_tables_have_one_budget() {
    for (count, budget) in [(1, 65_536), (100, 65_536), (100, 1 << 20), (3, 64 << 20)] {
        let mut instance = instance(&tables(count), &Limits::new().memory(budget)).unwrap();
        let Value::I32(elements) = instance.invoke("all", &[], None).unwrap()[0] else { panic!() };
        let tables = elements as u64 * 8;
        assert!(tables <= budget / 16 && elements > 0, "{count} tables have {tables} of {budget} bytes");
        let pages = |instance: &mut Instance| {
            (0..).find(|_| {
                instance.invoke("memory_grow", &[Value::I32(1)], None).unwrap()[0] == Value::I32(-1)
            })
        };
        let memory = pages(&mut instance).unwrap() * 65_536;
        assert_eq!(instance.memory_size(), memory);
        assert!(tables + memory <= budget, "{tables} + {memory} > {budget}");
        assert!(memory + 65_536 + budget / 16 >= budget, "{memory} of {budget} bytes for memory");
    }
}

#[test]
fn memory_and_tables_that_are_declared_are_added_up() {
    let limits = Limits::new().memory(2 * 65_536);
    instance("(module (memory 1) (table 1000 externref) (table 2000 externref))", &limits).unwrap();
    let error =
        instance("(module (memory 2) (table 1000 externref) (table 2000 externref))", &limits).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { requested: 155_072, limit: 131_072 }), "{error}");
    // What the engine keeps beside the elements counts, too.
    let error = instance("(module (memory 1) (table 2000 2000 funcref))", &limits).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { requested: 145_536, limit: 131_072 }), "{error}");
    // And elements that wait in a segment.
    let waiting = format!("(module (memory 2) (func) (elem func {}))", "0 ".repeat(100));
    let error = instance(&waiting, &limits).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { requested: 131_872, limit: 131_072 }), "{error}");
}

#[test]
fn a_trap_after_tables_were_refused_the_memory_is_told_with_both() {
    let text = r#"(module (memory (export "memory") 1) (table 1000 externref)
        (func (export "need") (if (i32.eq (memory.grow (i32.const 3)) (i32.const -1)) (then unreachable))))"#;
    let mut instance = instance(text, &Limits::new().memory(4 * 65_536)).unwrap();
    let error = instance.invoke("need", &[], None).unwrap_err();
    let Error::MemoryLimit { requested, limit: 262_144 } = error else { panic!("{error}") };
    assert!(requested >= 4 * 65_536 + 8_000, "{requested}");
}

#[test]
fn segments_that_overwrite_each_other_are_not_written_for_long() {
    let segments = |count: usize| {
        format!(
            "(module (func $f) (table 100000 100000 funcref) {})",
            "(elem (i32.const 0) $f)".repeat(count)
        )
    };
    instance(&segments(10), &Limits::new()).unwrap();
    let error = instance(&segments(10_000), &Limits::new()).unwrap_err();
    assert!(matches!(error, Error::SegmentLimit { requested: 32_000_080_000, limit: 67_108_864 }), "{error}");
    // However large a table is, one segment may be written to it.
    let limits = Limits::new().table(3_000_000);
    instance("(module (func $f) (table 3000000 3000000 funcref) (elem (i32.const 0) $f))", &limits).unwrap();
}

#[test]
fn an_instance_that_is_not_made_in_time_is_none() {
    let module =
        Engine::new().compile(b"(module (memory 1) (table 1 funcref) (data (i32.const 0) \"x\"))").unwrap();
    let make = |deadline| Instance::new(&module, &Imports::new(), (), &Limits::new(), Some(deadline));
    let error = make(Deadline::at(Instant::now())).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { limit: Duration::ZERO, .. }), "{error}");
    make(Deadline::after(Duration::from_secs(600))).unwrap();
    // A segment that does not fit is told for what it is, when there is time.
    let module = Engine::new().compile(b"(module (memory 0) (data (i32.const 0) \"x\"))").unwrap();
    let error = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap_err();
    assert!(matches!(error, Error::Trap { kind: TrapKind::MemoryOutOfBounds, .. }), "{error}");
}
