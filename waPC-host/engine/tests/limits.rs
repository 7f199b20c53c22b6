//! An instance gets the memory and the tables that it was given, and no more.

use wapc_engine::{Engine, Error, Imports, Instance, Limits, Value};

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
