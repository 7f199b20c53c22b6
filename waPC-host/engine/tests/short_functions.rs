//! Short host functions, which run on the guest stack, are the same to the guest as any other.

use std::{env, hint::black_box, process::Command, thread};

use wapc_engine::{
    Caller, Engine, Error, HostPanic, Imports, Instance, Limits, MemoryFault, Module, TrapKind, Value,
};

/// Set in the process that is expected to end.
const CHILD: &str = "WAPC_ENGINE_TEST_OVERRUNS_THE_STACK";

#[track_caller]
fn module(text: &str) -> Module {
    Engine::new().compile(text.as_bytes()).unwrap()
}

#[track_caller]
fn instance<T: Send + 'static>(text: &str, imports: &Imports<T>, data: T) -> Instance<T> {
    Instance::new(&module(text), imports, data, &Limits::new(), None).unwrap()
}

/// What the functions of `guest` do depends on their argument.
fn take(caller: Caller<'_, Vec<u32>>, [number]: [u32; 1]) -> Result<u32, wapc_engine::HostError> {
    match number {
        13 => panic!("unlucky"),
        14 => caller.memory.read(u32::MAX, 1).map(|_| 0).map_err(Into::into),
        number => {
            caller.data.push(number);
            Ok(number * 2)
        }
    }
}

const GUEST: &str = r#"(module
    (import "host" "take" (func $take (param i32) (result i32)))
    (memory (export "memory") 1)
    (export "taken" (func $take))
    (func (export "run") (param i32) (result i32) local.get 0 call $take)
    (func $down (export "down") (param i32) (result i32)
        (drop (call $take (i32.const 1)))
        (i32.add (call $down (local.get 0)) (i32.const 1))))"#;

fn guest() -> Instance<Vec<u32>> {
    instance(GUEST, &Imports::new().short_function("host", "take", take), Vec::new())
}

#[test]
fn a_short_function_answers_and_keeps_its_data() {
    let mut guest = guest();
    for number in [1, 2, 3] {
        assert_eq!(guest.invoke("run", &[Value::I32(number)], None).unwrap(), [Value::I32(number * 2)]);
    }
    assert_eq!(guest.data(), &[1, 2, 3]);
}

#[test]
fn a_function_of_the_host_that_a_guest_exports_can_be_called() {
    assert_eq!(guest().invoke("taken", &[Value::I32(21)], None).unwrap(), [Value::I32(42)]);
}

#[test]
fn a_refusal_keeps_its_type_and_a_panic_its_message() {
    let mut refused = guest();
    let error = refused.invoke("run", &[Value::I32(14)], None).unwrap_err();
    let Error::Host { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.downcast_ref::<MemoryFault>().expect("it is a memory fault").pointer, u32::MAX);
    assert!(refused.is_poisoned());

    let error = guest().invoke("run", &[Value::I32(13)], None).unwrap_err();
    let Error::Host { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.downcast_ref::<HostPanic>().expect("it is a panic").message, "unlucky");
}

/// The guest goes down its stack to the end and calls the host at every step, also where hardly any
/// of the stack is left.
#[test]
fn at_the_end_of_the_guests_stack_it_runs_elsewhere() {
    let mut guest = guest();
    let error = guest.invoke("down", &[Value::I32(0)], None).unwrap_err();
    assert!(matches!(&error, Error::Trap { kind: TrapKind::StackOverflow, .. }), "{error}");
    let calls = guest.data().len();
    assert!(calls > 2_000, "the stack was at its end after {calls} calls");
}

#[test]
fn no_guest_can_be_entered_from_a_short_function() {
    let inner = r#"(module (func (export "rest") (param i32 i32) (result i32) i32.const 7))"#;
    let imports =
        Imports::new().short_function("host", "run", |caller: Caller<'_, Instance>, []: [u32; 0]| {
            caller.data.invoke("rest", &[Value::I32(0), Value::I32(0)], None)?;
            Ok(())
        });
    let outer = r#"(module (import "host" "run" (func $run)) (func (export "call") call $run))"#;
    let mut outer = instance(outer, &imports, instance(inner, &Imports::new(), ()));
    let error = outer.invoke("call", &[], None).unwrap_err();
    let Error::Host { source, .. } = &error else { panic!("{error}") };
    let source = source.downcast_ref::<Error>().expect("it is an error of the engine");
    assert!(matches!(source, Error::EnteredFromShortFunction { export } if export == "rest"), "{source}");
    assert!(!outer.data().is_poisoned());

    let imports = Imports::new().short_function("host", "run", |_: Caller<'_, Instance>, []: [u32; 0]| {
        let module = Engine::new().compile(b"(module)")?;
        Instance::new(&module, &Imports::new(), (), &Limits::new(), None)?;
        Ok(())
    });
    let text = r#"(module (import "host" "run" (func $run)) (func (export "call") call $run))"#;
    let mut making = instance(text, &imports, instance(inner, &Imports::new(), ()));
    let error = making.invoke("call", &[], None).unwrap_err();
    assert!(error.to_string().contains("from within a short host function"), "{error}");
    let arguments = [Value::I32(0), Value::I32(0)];
    assert_eq!(outer.data().invoke("rest", &arguments, None).unwrap(), [Value::I32(7)]);
}

#[cfg(feature = "host-interrupt")]
#[test]
fn a_guest_that_calls_nothing_but_short_functions_ends_at_its_deadline() {
    use std::time::Duration;
    use wapc_engine::Deadline;

    let text = r#"(module (import "host" "take" (func $take (param i32) (result i32)))
        (func (export "run") (loop (drop (call $take (i32.const 1))) br 0)))"#;
    let imports = Imports::new().short_function("host", "take", |caller: Caller<'_, u64>, [n]: [u32; 1]| {
        *caller.data += u64::from(n);
        // Memory of the allocator, whose lock must not be left behind.
        Ok(black_box(vec![0_u8; 64]).len() as u32)
    });
    for _ in 0..20 {
        let mut guest = instance(text, &imports, 0);
        let error = guest.invoke("run", &[], Some(Deadline::after(Duration::from_millis(5)))).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
        assert!(*guest.data() > 0);
    }
}

#[test]
fn an_entry_is_only_good_for_its_own_instance() {
    let text = r#"(module (func (export "run") (param i32 i32) (result i32) i32.const 7))"#;
    let (mut one, mut other) = (instance(text, &Imports::new(), ()), instance(text, &Imports::new(), ()));
    let entry = one.entry("run").unwrap();
    let error = other.enter(&entry, (0, 0), [b"", b""], None).unwrap_err();
    assert!(matches!(&error, Error::ForeignEntry { export } if export == "run"), "{error}");
    assert_eq!(one.enter(&entry, (0, 0), [b"", b""], None).unwrap(), 7);
}

/// As on the host stack: the process ends, and nothing goes on with half of its work done.
#[cfg(unix)]
#[test]
fn a_short_function_that_overruns_the_stack_ends_the_process() {
    if env::var_os(CHILD).is_some() {
        let imports =
            Imports::new().short_function("host", "take", |_: Caller<'_, ()>, [n]: [u32; 1]| Ok(deep(n)));
        let text = r#"(module (import "host" "take" (func $take (param i32) (result i32)))
            (func (export "run") (result i32) (call $take (i32.const 1))))"#;
        let outcome = instance(text, &imports, ()).invoke("run", &[], None);
        panic!("it went on: {outcome:?}");
    }
    let name = "a_short_function_that_overruns_the_stack_ends_the_process";
    // The suites are also run as modules of another, where the name is longer.
    let this = thread::current();
    let full = this.name().filter(|full| full.ends_with(name)).unwrap_or(name);
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", full, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&child.status);
    let stderr = String::from_utf8_lossy(&child.stderr);
    assert_eq!(signal, Some(6), "{stderr}");
    assert!(stderr.contains("a short host function overran the guest stack"), "{stderr}");
}

/// Needs more stack than any guest has.
#[cfg(unix)]
fn deep(n: u32) -> u32 {
    let frame = black_box([n; 1024]);
    if n == 0 { frame[0] } else { deep(n + 1).wrapping_add(frame[n as usize % 1024]) }
}
