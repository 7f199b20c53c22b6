//! Functions of the host: what they get, what they may refuse, and what happens when they fail.

use std::time::Duration;

use wapc_engine::{Deadline, Engine, Error, HostPanic, Imports, Instance, Limits, MemoryFault};

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
    assert!(matches!(&error, Error::ImportType { found, .. } if found.contains("i64")), "{error}");
}

#[test]
fn an_entry_of_another_type_is_refused() {
    let module = Engine::new().compile(br#"(module (func (export "run") (param i32)))"#).unwrap();
    let instance = Instance::new(&module, &Imports::<()>::new(), (), &Limits::new(), None).unwrap();
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
