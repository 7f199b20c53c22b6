//! Host functions get what the guest passes, may refuse to go on, and harm nothing when they fail.

use std::time::Duration;

use wapc_engine::{
    CancelHandle, Deadline, Engine, Error, HostError, HostPanic, Imports, Instance, Leave, Limits,
    MemoryFault, Value,
};

const GUEST: &str = r#"(module
    (import "host" "take" (func $take (param i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 8) "guest")
    (func (export "run") (param i32 i32) (result i32) local.get 0 local.get 1 call $take))"#;

fn imports() -> Imports<Vec<u8>> {
    Imports::new().function(
        "host",
        "take",
        |mut caller: wapc_engine::Caller<'_, Vec<u8>>, [pointer, length]: [u32; 2]| {
            if length == 13 {
                panic!("unlucky");
            }
            let bytes = caller.memory.read(pointer, length)?.to_vec();
            caller.data.extend_from_slice(&bytes);
            caller.data.extend_from_slice(caller.lent[1]);
            caller.memory.write(100, b"host")?;
            Ok(caller.memory.size() as u32)
        },
    )
}

#[track_caller]
fn instance() -> Instance<Vec<u8>> {
    let module = Engine::new().compile(GUEST.as_bytes()).unwrap();
    Instance::new(&module, &imports(), Vec::new(), &Limits::new(), None).unwrap()
}

#[test]
fn a_function_of_the_host_sees_the_memory_and_what_was_lent() {
    let mut instance = instance();
    let entry = instance.entry("run").unwrap();
    assert_eq!(instance.enter(&entry, (8, 5), [b"", b" and host"], None).unwrap(), 65_536);
    assert_eq!(instance.data(), b"guest and host");
    instance.data().clear();
    instance.enter(&entry, (100, 4), [b"", b""], None).unwrap();
    assert_eq!(instance.data(), b"host", "what was lent is gone with its run");
}

#[test]
fn what_the_host_refuses_keeps_its_type() {
    let mut instance = instance();
    let entry = instance.entry("run").unwrap();
    let error = instance.enter(&entry, (65_530, 7), [b"", b""], None).unwrap_err();
    let Error::Host { source, .. } = &error else { panic!("{error}") };
    let fault = source.downcast_ref::<MemoryFault>().expect("the refusal is a memory fault");
    assert_eq!(*fault, MemoryFault { pointer: 65_530, length: 7, size: 65_536 });
    assert!(instance.is_poisoned());
}

#[test]
fn a_panic_of_the_host_ends_one_run_and_nothing_else() {
    let mut instance = instance();
    let entry = instance.entry("run").unwrap();
    let error = instance.enter(&entry, (8, 13), [b"", b""], None).unwrap_err();
    let Error::Host { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.downcast_ref::<HostPanic>().expect("it is a panic").message, "unlucky");
}

#[test]
fn a_missing_import_is_named_with_its_type() {
    let module = Engine::new().compile(GUEST.as_bytes()).unwrap();
    let error = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the module imports `host.take` (function (i32, i32) -> (i32)), which is not offered here"
    );
}

#[test]
fn an_import_of_another_type_is_told_apart() {
    let text = r#"(module (import "host" "take" (func (param i64))))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let error = Instance::new(&module, &imports(), Vec::new(), &Limits::new(), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the module imports `host.take` as function (i64) -> (); here it is function (i32, i32) -> (i32)"
    );
}

/// Three functions of one name: each tells how it was called.
fn several() -> Imports<String> {
    Imports::<String>::new()
        .function("host", "call", |caller, [a]: [u32; 1]| {
            *caller.data = format!("first {a}");
            Ok(())
        })
        .function("host", "call", |caller, [a]: [u32; 1]| {
            *caller.data = format!("one {a}");
            Ok(())
        })
        .function("host", "call", |caller, [a, b]: [u32; 2]| {
            *caller.data = format!("two {a} {b}");
            Ok(())
        })
        .function("host", "call", |caller, (a, b, c, d): (u32, u64, f32, f64)| {
            *caller.data = format!("mixed {a} {b} {c} {d}");
            Ok(u64::MAX)
        })
}

#[track_caller]
fn calls(ty: &str, arguments: &str) -> String {
    let text = format!(
        r#"(module (import "host" "call" (func $call {ty})) (func (export "run") (call $call {arguments})))"#
    );
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let mut instance = Instance::new(&module, &several(), String::new(), &Limits::new(), None).unwrap();
    instance.invoke("run", &[], None).unwrap();
    instance.data().clone()
}

#[test]
fn functions_of_one_name_are_told_apart_by_their_types() {
    assert_eq!(calls("(param i32)", "(i32.const -1)"), "one 4294967295", "the last of one type counts");
    assert_eq!(calls("(param i32 i32)", "(i32.const 1) (i32.const 2)"), "two 1 2");
    let text = r#"(module (import "host" "call" (func (param f64))))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let error = several().admit(&module).unwrap_err();
    assert!(matches!(&error, Error::ImportType { offered, .. } if offered.len() == 3), "{error}");
    assert!(error.to_string().contains("here it is function (i32) -> () or function (i32, i32) -> () or"));
}

#[test]
fn numbers_of_every_type_cross_over() {
    let text = r#"(module (import "host" "call" (func $call (param i32 i64 f32 f64) (result i64)))
        (func (export "run") (result i64)
            (call $call (i32.const -2) (i64.const -2) (f32.const 0.5) (f64.const -0.25))))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let mut instance = Instance::new(&module, &several(), String::new(), &Limits::new(), None).unwrap();
    assert_eq!(instance.invoke("run", &[], None).unwrap(), [Value::I64(-1)]);
    assert_eq!(instance.data(), "mixed 4294967294 18446744073709551614 0.5 -0.25");
}

/// More arguments than there are registers for any of their types; in and out, called by code and
/// through the table of exports.
#[test]
fn nine_numbers_cross_over_in_every_way() {
    type Nine = (u32, f64, u64, f32, u32, u64, f64, u32, u64);
    fn sum(_: wapc_engine::Caller<'_, ()>, (a, b, c, d, e, f, g, h, i): Nine) -> Result<f64, HostError> {
        let whole = u64::from(a) + 2 * c + 3 * u64::from(e) + 4 * f + 5 * u64::from(h) + 6 * i;
        Ok(whole as f64 + b + 10.0 * f64::from(d) + 100.0 * g)
    }
    let imports = Imports::new().function("host", "thread", sum).short_function("host", "guest", sum);
    let types = "i32 f64 i64 f32 i32 i64 f64 i32 i64";
    let arguments: String = (0..9).map(|index| format!("(local.get {index})")).collect();
    for place in ["thread", "guest"] {
        let text = format!(
            r#"(module (type $nine (func (param {types}) (result f64)))
            (import "host" "{place}" (func $sum (type $nine))) (table funcref (elem $sum))
            (export "import" (func $sum))
            (func (export "call") (type $nine) (call $sum {arguments}))
            (func (export "indirect") (type $nine) (call_indirect (type $nine) {arguments} (i32.const 0))))"#
        );
        let module = Engine::new().compile(text.as_bytes()).unwrap();
        let mut instance = Instance::new(&module, &imports, (), &Limits::new(), None).unwrap();
        let arguments = [
            Value::I32(1),
            Value::F64(0.25),
            Value::I64(1 << 40),
            Value::F32(0.5),
            Value::I32(-1),
            Value::I64(7),
            Value::F64(-0.125),
            Value::I32(8),
            Value::I64(9),
        ];
        let whole = 1 + (2 << 40) + 3 * u64::from(u32::MAX) + 28 + 40 + 54;
        let expected = whole as f64 + 0.25 + 5.0 - 12.5;
        for export in ["import", "call", "indirect"] {
            assert_eq!(
                instance.invoke(export, &arguments, None).unwrap(),
                [Value::F64(expected)],
                "{export}"
            );
        }
    }
}

#[test]
fn an_entry_of_another_type_is_refused() {
    let module = Engine::new().compile(br#"(module (func (export "run") (param i32)))"#).unwrap();
    let mut instance = Instance::new(&module, &Imports::<()>::new(), (), &Limits::new(), None).unwrap();
    assert!(matches!(instance.entry("run").unwrap_err(), Error::ExportType { .. }));
}

#[test]
fn a_guest_that_is_over_its_time_is_not_served_again() {
    let text = r#"(module (import "host" "note" (func $note)) (func (export "run") (param i32 i32) (result i32)
        (loop call $note br 0) unreachable))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let imports = Imports::<u64>::new().function(
        "host",
        "note",
        |caller: wapc_engine::Caller<'_, u64>, []: [u32; 0]| {
            *caller.data += 1;
            Ok(())
        },
    );
    let mut instance = Instance::new(&module, &imports, 0, &Limits::new(), None).unwrap();
    let entry = instance.entry("run").unwrap();
    let deadline = Some(Deadline::after(Duration::from_millis(20)));
    let error = instance.enter(&entry, (0, 0), [b"", b""], deadline).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    assert!(*instance.data() > 0);
}

#[test]
fn a_guest_that_leaves_in_peace_can_be_entered_again() {
    let text = r#"(module (import "host" "leave" (func $leave)) (func (export "go") call $leave unreachable)
        (func (export "stay") (result i32) i32.const 7))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let imports =
        Imports::<()>::new()
            .function("host", "leave", |_, []: [u32; 0]| -> Result<(), HostError> { Err(Leave.into()) });
    let mut instance = Instance::new(&module, &imports, (), &Limits::new(), None).unwrap();
    for _ in 0..100 {
        let error = instance.invoke("go", &[], None).unwrap_err();
        assert!(matches!(&error, Error::Host { source, .. } if source.is::<Leave>()), "{error}");
        assert!(!instance.is_poisoned());
        assert_eq!(instance.invoke("stay", &[], None).unwrap(), [Value::I32(7)]);
    }
}

/// What panics whenever it is dropped, also when it was thrown by the panic of another.
struct Vicious;

impl Drop for Vicious {
    fn drop(&mut self) {
        std::panic::panic_any(Vicious);
    }
}

impl std::fmt::Debug for Vicious {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vicious")
    }
}

impl std::fmt::Display for Vicious {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Vicious {}

/// What comes of a guest whose host function does this, on either stack; with `cancelled`, its run
/// is ended meanwhile.
fn outcomes(take: fn() -> Result<(), HostError>, cancelled: bool) -> [Error; 2] {
    let text = r#"(module (import "host" "take" (func $take)) (func (export "run") (call $take)))"#;
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let function = move |caller: wapc_engine::Caller<'_, Option<CancelHandle>>, []: [u32; 0]| {
        if let Some(handle) = caller.data {
            handle.cancel();
        }
        take()
    };
    let offers = [
        Imports::new().function("host", "take", function),
        Imports::new().short_function("host", "take", function),
    ];
    offers.map(|imports| {
        let mut instance = Instance::new(&module, &imports, None, &Limits::new(), None).unwrap();
        *instance.data() = cancelled.then(|| instance.cancel_handle());
        instance.invoke("run", &[], None).unwrap_err()
    })
}

#[test]
fn what_panics_when_it_is_dropped_ends_one_run_and_nothing_else() {
    let panics: fn() -> Result<(), HostError> = || std::panic::panic_any(Vicious);
    for error in outcomes(panics, false) {
        let Error::Host { source, .. } = &error else { panic!("{error}") };
        assert_eq!(source.downcast_ref::<HostPanic>().unwrap().message, "without a message");
    }
    for take in [panics, || Err(Box::new(Vicious))] {
        for error in outcomes(take, true) {
            assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
        }
    }
}

#[test]
fn a_host_function_that_is_called_from_the_start_section_sees_the_memory() {
    let text = GUEST.replace(
        "(func (export",
        "(func $start (drop (call $take (i32.const 8) (i32.const 5)))) (start $start) (func (export",
    );
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let mut instance = Instance::new(&module, &imports(), Vec::new(), &Limits::new(), None).unwrap();
    assert_eq!(instance.data(), b"guest");
    let entry = instance.entry("run").unwrap();
    assert_eq!(instance.enter(&entry, (100, 4), [b"", b""], None).unwrap(), 65_536);
    assert_eq!(instance.data(), b"guesthost", "what was written from there is there");

    let bad = text.replace("(i32.const 8) (i32.const 5)", "(i32.const 65532) (i32.const 5)");
    let module = Engine::new().compile(bad.as_bytes()).unwrap();
    let error = Instance::new(&module, &imports(), Vec::new(), &Limits::new(), None).unwrap_err();
    let Error::Host { source, .. } = &error else { panic!("{error}") };
    let fault = source.downcast_ref::<MemoryFault>().expect("the refusal is a memory fault");
    assert_eq!(*fault, MemoryFault { pointer: 65_532, length: 5, size: 65_536 });
}

#[test]
fn a_memory_that_is_not_exported_is_not_seen_from_the_start_section_either() {
    let text = GUEST.replace("(export \"memory\")", "").replace(
        "(func (export",
        "(func $start (drop (call $take (i32.const 8) (i32.const 5)))) (start $start) (func (export",
    );
    let module = Engine::new().compile(text.as_bytes()).unwrap();
    let error = Instance::new(&module, &imports(), Vec::new(), &Limits::new(), None).unwrap_err();
    assert!(error.to_string().contains("memory of 0 bytes"), "{error}");
}
