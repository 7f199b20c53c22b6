//! Signals reach each thread, disturb no host function, and end no run where locks are held.
#![cfg(all(unix, feature = "host-interrupt"))]

use std::{
    cell::RefCell,
    io::{Read, Write},
    mem::MaybeUninit,
    os::unix::net::UnixStream,
    ptr, thread,
    time::{Duration, Instant},
};

use wapc_engine::{Caller, Deadline, Engine, Error, Imports, Instance, Limits, Module, Value};

#[track_caller]
fn module(text: &str) -> Module {
    Engine::new().compile(text.as_bytes()).unwrap()
}

#[track_caller]
fn instance(module: &Module) -> Instance {
    Instance::new(module, &Imports::new(), (), &Limits::new(), None).unwrap()
}

fn within(milliseconds: u64) -> Option<Deadline> {
    Some(Deadline::after(Duration::from_millis(milliseconds)))
}

/// As programs do that wait for their signals on one thread.
fn block_all_signals() {
    let mut all = MaybeUninit::uninit();
    // SAFETY: the set is filled before it is used, and lives while it is.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut());
    }
}

#[test]
fn a_deadline_holds_on_a_thread_that_blocks_all_signals() {
    let spinning = module(r#"(module (func (export "spin") (loop br 0)))"#);
    let starting = module("(module (func $spin (loop br 0)) (start $spin))");
    let running = thread::spawn(move || {
        block_all_signals();
        instance(&spinning).invoke("spin", &[], within(10)).unwrap_err()
    });
    let started = thread::spawn(move || {
        block_all_signals();
        Instance::new(&starting, &Imports::new(), (), &Limits::new(), within(10)).unwrap_err()
    });
    for error in [running.join().unwrap(), started.join().unwrap()] {
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    }
}

/// What the system interrupts returns with an error that few are prepared for.
#[test]
fn a_function_of_the_host_that_waits_is_not_disturbed_when_its_guest_is_over() {
    let text = r#"(module (import "host" "wait" (func $wait)) (func (export "call") (call $wait)))"#;
    let (waiting, mut answering) = UnixStream::pair().unwrap();
    let imports = Imports::new().function("host", "wait", |caller: Caller<'_, UnixStream>, []: [u32; 0]| {
        caller.data.write_all(b"?")?;
        assert_eq!(caller.data.read(&mut [0])?, 1);
        Ok(())
    });
    let mut calling = Instance::new(&module(text), &imports, waiting, &Limits::new(), None).unwrap();
    let cancel = calling.cancel_handle();
    let call = thread::spawn(move || calling.invoke("call", &[], None).unwrap_err());
    answering.read_exact(&mut [0]).unwrap();
    cancel.cancel();
    // Time for some ten interrupts.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(30) {
        thread::yield_now();
    }
    answering.write_all(b"!").unwrap();
    let error = call.join().unwrap();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
}

/// The guest keeps the engine busy past its deadline and then makes a trap of which the trace takes
/// long, for which a lock of the whole process is held. Whoever is interrupted there must not be
/// thrown away: nobody else could make a trap any more.
#[test]
fn a_run_is_not_ended_while_the_engine_makes_a_trace() {
    let text = r#"(module (memory 16)
        (func $busy (param $times i32)
            (loop $again
                (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x100000))
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
            (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)))
        (func $down (export "down") (param $frames i32) (param $times i32) (result i32)
            (if (i32.eqz (local.get $frames)) (then (call $busy (local.get $times))))
            (i32.add (call $down (i32.sub (local.get $frames) (i32.const 1)) (local.get $times)) (i32.const 1)))
        (func (export "trap") unreachable))"#;
    let module = module(text);
    for times in (1..20_000).step_by(200) {
        let arguments = [Value::I32(20_000), Value::I32(times)];
        let error = instance(&module).invoke("down", &arguments, within(1)).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. } | Error::Trap { .. }), "{error}");
        let mut neighbour = instance(&module);
        let trap = thread::spawn(move || neighbour.invoke("trap", &[], None).unwrap_err());
        assert!(matches!(trap.join().unwrap(), Error::Trap { .. }));
    }
}

/// Calls its guest when its thread ends, as the last of all.
struct Last(RefCell<Option<(Instance, Module)>>);

impl Drop for Last {
    fn drop(&mut self) {
        if let Some((mut instance, starting)) = self.0.take() {
            let error = instance.invoke("rest", &[], None).unwrap_err();
            assert!(matches!(&error, Error::ThreadEnding { export } if export == "rest"), "{error}");
            let error = Instance::new(&starting, &Imports::new(), (), &Limits::new(), None).unwrap_err();
            assert!(matches!(&error, Error::ThreadEnding { .. }), "{error}");
        }
    }
}

thread_local! {
    static LAST: Last = const { Last(RefCell::new(None)) };
}

/// A panic there, or a run that nothing could end any more, would take the process along.
#[test]
fn no_guest_is_entered_on_a_thread_that_has_all_but_ended() {
    let ending = thread::spawn(|| {
        // The values of a thread are dropped in the opposite order to that in which they were made.
        LAST.with(|last| assert!(last.0.borrow().is_none()));
        let mut resting = instance(&module(r#"(module (func (export "rest")))"#));
        resting.invoke("rest", &[], None).unwrap();
        let starting = module("(module (func $nothing) (start $nothing))");
        LAST.with(|last| last.0.replace(Some((resting, starting))));
    });
    ending.join().unwrap();
}
