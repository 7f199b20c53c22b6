//! Fuel: runs of a metered module end when they have used what they were given; other modules know
//! nothing of it.

use std::sync::atomic::{AtomicBool, Ordering};

use wapc_engine::{Engine, Error, Imports, Instance, Limits, Module, Value};

/// `count` counts its argument down to zero, six instructions for each step.
const COUNT: &str = r#"(module
    (func (export "count") (param $n i32) (result i32)
        (loop $again
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (br_if $again (local.get $n)))
        (local.get $n))
    (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))"#;

fn metered() -> Engine {
    Engine::builder().fuel(true).build().unwrap()
}

fn instance(module: &Module) -> Instance {
    Instance::new(module, &Imports::new(), (), &Limits::new(), None).unwrap()
}

fn count(instance: &mut Instance, steps: i32) -> Result<Vec<Value>, Error> {
    instance.invoke("count", &[Value::I32(steps)], None)
}

#[test]
fn a_run_ends_when_its_fuel_is_used_up() {
    let mut instance = instance(&metered().compile(COUNT.as_bytes()).unwrap());
    instance.set_fuel(Some(1000)).unwrap();
    assert_eq!(count(&mut instance, 10).unwrap(), [Value::I32(0)]);
    assert!(!instance.is_poisoned());
    let error = count(&mut instance, i32::MAX).unwrap_err();
    assert!(matches!(&error, Error::FuelExhausted { export, limit: 1000 } if export == "count"), "{error}");
    assert_eq!(instance.fuel_used().unwrap(), 1000);
    assert!(instance.is_poisoned(), "the guest was left in the middle of something");
}

#[test]
fn an_endless_loop_needs_no_deadline() {
    let module = metered().compile(br#"(module (func (export "spin") (loop br 0)))"#).unwrap();
    let mut instance = instance(&module);
    instance.set_fuel(Some(1_000_000)).unwrap();
    let error = instance.invoke("spin", &[], None).unwrap_err();
    assert!(matches!(error, Error::FuelExhausted { limit: 1_000_000, .. }), "{error}");
}

#[test]
fn the_same_work_uses_the_same_fuel() {
    let mut instance = instance(&metered().compile(COUNT.as_bytes()).unwrap());
    let mut used = |steps| {
        instance.set_fuel(None).unwrap();
        count(&mut instance, steps).unwrap();
        instance.fuel_used().unwrap()
    };
    let (ten, twenty) = (used(10), used(20));
    assert_eq!(used(10), ten);
    assert_eq!(twenty - ten, 10 * 6, "six instructions for each step");
}

#[test]
fn fuel_is_enough_to_the_last_unit() {
    let mut instance = instance(&metered().compile(COUNT.as_bytes()).unwrap());
    instance.set_fuel(None).unwrap();
    count(&mut instance, 100).unwrap();
    let needed = instance.fuel_used().unwrap();
    instance.set_fuel(Some(needed)).unwrap();
    count(&mut instance, 100).unwrap();
    instance.set_fuel(Some(needed - 1)).unwrap();
    let error = count(&mut instance, 100).unwrap_err();
    assert!(matches!(error, Error::FuelExhausted { limit, .. } if limit == needed - 1), "{error}");
}

#[test]
fn a_module_without_metering_says_how_to_get_it() {
    let mut instance = instance(&Engine::new().compile(COUNT.as_bytes()).unwrap());
    let error = instance.set_fuel(Some(1)).unwrap_err();
    assert!(matches!(error, Error::NotMetered), "{error}");
    assert!(error.to_string().contains("Engine::builder().fuel(true)"), "{error}");
    assert!(matches!(instance.fuel_used(), Err(Error::NotMetered)));
    assert_eq!(count(&mut instance, 10).unwrap(), [Value::I32(0)]);
}

#[test]
fn metering_does_not_show_in_a_module() {
    let (metered, plain) = (metered(), Engine::new());
    let (metered, plain) =
        (metered.compile(COUNT.as_bytes()).unwrap(), plain.compile(COUNT.as_bytes()).unwrap());
    assert!(metered.is_metered() && !plain.is_metered());
    let names = |module: &Module| module.exports().map(|export| export.name).collect::<Vec<_>>();
    assert_eq!(names(&metered), names(&plain));
}

#[test]
fn a_guest_cannot_pass_its_own_counter_off_as_the_hosts() {
    let text = r#"(module
        (global $mine (mut i64) (i64.const 5))
        (global $flag (mut i32) (i32.const 0))
        (export "wasmer_metering_remaining_points" (global $mine))
        (export "wasmer_metering_points_exhausted" (global $flag))
        (func (export "spin") (loop (global.set $mine (i64.const 1000000)) (global.set $flag (i32.const 0)) (br 0))))"#;
    let mut metered = instance(&metered().compile(text.as_bytes()).unwrap());
    metered.set_fuel(Some(10_000)).unwrap();
    let error = metered.invoke("spin", &[], None).unwrap_err();
    assert!(matches!(error, Error::FuelExhausted { limit: 10_000, .. }), "{error}");
    let reaches_for_it =
        r#"(module (global $mine (mut i64) (i64.const 5)) (func (global.set 1 (i64.const 9))))"#;
    let error = self::metered().compile(reaches_for_it.as_bytes()).unwrap_err();
    assert!(matches!(error, Error::InvalidModule { .. }), "{error}");
}

#[test]
fn metered_code_is_cached_apart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = |fuel| Engine::builder().cache_dir(directory.path()).fuel(fuel).build().unwrap();
    for _ in 0..2 {
        let mut plain = instance(&engine(false).compile(COUNT.as_bytes()).unwrap());
        assert!(matches!(plain.set_fuel(Some(1)), Err(Error::NotMetered)));
        assert!(count(&mut plain, 10).is_ok());
        let mut metered = instance(&engine(true).compile(COUNT.as_bytes()).unwrap());
        metered.set_fuel(Some(1)).unwrap();
        assert!(matches!(count(&mut metered, 10), Err(Error::FuelExhausted { limit: 1, .. })));
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn a_raised_flag_keeps_the_guest_from_being_entered() {
    let mut instance = instance(&Engine::new().compile(COUNT.as_bytes()).unwrap());
    let entry = instance.entry("add").unwrap();
    let flag = AtomicBool::new(true);
    let error = instance.enter_unless(&flag, &entry, (2, 3), [b"", b""], None).unwrap_err();
    assert!(matches!(&error, Error::Cancelled { export } if export == "add"), "{error}");
    flag.store(false, Ordering::SeqCst);
    assert_eq!(instance.enter_unless(&flag, &entry, (2, 3), [b"", b""], None).unwrap(), 5);
}
