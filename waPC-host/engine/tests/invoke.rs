//! Exports are called with numbers, and calls that do not fit are refused with the names and
//! numbers at fault.

use wapc_engine::{Engine, Error, Imports, Instance, Limits, TrapKind, Value, ValueType};

const NUMBERS: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    (func (export "wide") (param i64) (result i64) local.get 0 i64.const 1 i64.add)
    (func (export "half") (param f32) (result f32) local.get 0 f32.const 0.5 f32.mul)
    (func (export "root") (param f64) (result f64) local.get 0 f64.sqrt)
    (func (export "swap") (param i32 f64) (result f64 i32) local.get 1 local.get 0)
    (func (export "reference") (param externref))
    (func (export "divide") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s)
    (func (export "abort") unreachable)
    (func $deep (export "deep") call $deep))"#;

#[track_caller]
fn instance(text: &str) -> Instance {
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap()
}

#[track_caller]
fn invoke(export: &str, arguments: &[Value]) -> Result<Vec<Value>, Error> {
    instance(NUMBERS).invoke(export, arguments, None)
}

#[test]
fn two_and_two_is_four() {
    assert_eq!(invoke("add", &[Value::I32(2), Value::I32(2)]).unwrap(), [Value::I32(4)]);
}

#[test]
fn every_type_of_number_and_several_results_pass() {
    assert_eq!(invoke("wide", &[Value::I64(i64::MAX)]).unwrap(), [Value::I64(i64::MIN)]);
    assert_eq!(invoke("half", &[Value::F32(3.0)]).unwrap(), [Value::F32(1.5)]);
    assert_eq!(invoke("root", &[Value::F64(9.0)]).unwrap(), [Value::F64(3.0)]);
    assert_eq!(
        invoke("swap", &[Value::I32(7), Value::F64(0.25)]).unwrap(),
        [Value::F64(0.25), Value::I32(7)]
    );
}

#[test]
fn the_types_of_parameters_are_known() {
    assert_eq!(instance(NUMBERS).parameters("swap").unwrap(), [ValueType::I32, ValueType::F64]);
}

#[test]
fn a_wrong_number_of_arguments_is_named() {
    let error = invoke("add", &[Value::I32(2)]).unwrap_err();
    assert!(matches!(error, Error::Arity { expected: 2, given: 1, .. }), "{error}");
    assert_eq!(error.to_string(), "`add` takes 2 arguments (i32, i32) -> (i32), not 1");
}

#[test]
fn a_wrong_type_is_named_with_its_position() {
    let error = invoke("add", &[Value::I32(2), Value::F64(2.0)]).unwrap_err();
    assert!(matches!(error, Error::ArgumentType { position: 2, given: ValueType::F64, .. }), "{error}");
}

#[test]
fn what_is_not_a_number_cannot_be_passed() {
    let error = invoke("reference", &[]).unwrap_err();
    assert!(matches!(error, Error::NotANumber { .. }), "{error}");
}

#[test]
fn a_missing_export_is_named_beside_those_there_are() {
    let error = invoke("sub", &[]).unwrap_err();
    let Error::MissingExport { export, available, .. } = &error else { panic!("{error}") };
    assert_eq!(export, "sub");
    assert!(available.contains(&"add".to_owned()), "{error}");
}

#[test]
fn an_export_that_is_no_function_is_told_for_what_it_is() {
    let error = invoke("memory", &[]).unwrap_err();
    assert!(matches!(&error, Error::ExportType { found, .. } if found.contains("memory")), "{error}");
}

#[track_caller]
fn assert_trap(export: &str, arguments: &[Value], expected: TrapKind) {
    let error = invoke(export, arguments).unwrap_err();
    assert!(
        matches!(&error, Error::Trap { kind, export: e, .. } if *kind == expected && e == export),
        "{error}"
    );
}

#[test]
fn traps_are_told_apart() {
    assert_trap("divide", &[Value::I32(1), Value::I32(0)], TrapKind::DivisionByZero);
    assert_trap("divide", &[Value::I32(i32::MIN), Value::I32(-1)], TrapKind::NumberOutOfRange);
    assert_trap("abort", &[], TrapKind::Unreachable);
    assert_trap("deep", &[], TrapKind::StackOverflow);
}

#[test]
fn an_instance_that_trapped_is_not_used_again() {
    let mut instance = instance(NUMBERS);
    instance.invoke("abort", &[], None).unwrap_err();
    assert!(instance.is_poisoned());
    let error = instance.invoke("add", &[Value::I32(2), Value::I32(2)], None).unwrap_err();
    assert!(matches!(&error, Error::Poisoned { export } if export == "abort"), "{error}");
}

#[test]
fn imports_and_exports_are_listed() {
    let text = r#"(module (import "env" "now" (func (result i64))) (memory (export "memory") 1 2)
        (func (export "run") (param i32)))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let imports: Vec<_> = module.imports().map(|import| import.to_string()).collect();
    let exports: Vec<_> = module.exports().map(|export| export.to_string()).collect();
    assert_eq!(imports, ["env.now: function () -> (i64)"]);
    assert_eq!(exports, ["memory: memory of pages 1..2", "run: function (i32) -> ()"]);
}
