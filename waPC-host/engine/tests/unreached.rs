//! Interrupts that do not reach a thread or a process are told once, and what can be ended in
//! another way is.
#![cfg(all(target_os = "linux", feature = "host-interrupt"))]

#[path = "support/alone.rs"]
mod alone;

use std::{
    mem::MaybeUninit,
    ptr,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use alone::alone;
use wapc_engine::{Deadline, Engine, Error, Imports, Instance, Limits, Module, Unreached};

/// A test takes a few seconds at most.
const LIMIT: Duration = Duration::from_secs(60);
/// What a run has.
const TIME: Duration = Duration::from_millis(10);
/// Loops that never end: one that has the engine do something each time round, one that calls the
/// host, one that only computes.
const GUEST: &str = r#"(module
    (import "host" "touch" (func $touch))
    (memory 1)
    (func (export "rest"))
    (func (export "grow") (loop (drop (memory.grow (i32.const 0))) (br 0)))
    (func (export "fill") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 16)) (br 0)))
    (func (export "touch") (loop (call $touch) (br 0)))
    (func (export "spin") (loop (br 0))))"#;

fn module() -> Module {
    Engine::new().compile(GUEST.as_bytes()).unwrap()
}

#[track_caller]
fn instance(module: &Module) -> Instance {
    let imports = Imports::new().function("host", "touch", |_, []: [u32; 0]| Ok(()));
    Instance::new(module, &imports, (), &Limits::new(), None).unwrap()
}

fn run(module: &Module, export: &str) -> Error {
    instance(module).invoke(export, &[], Some(Deadline::after(TIME))).unwrap_err()
}

/// That the run was ended for its deadline, and whether interrupts did not reach it.
#[track_caller]
fn assert_ended(error: &Error, expected: Option<Unreached>) {
    match error {
        Error::DeadlineExceeded { limit: TIME, unreached, .. } => assert_eq!(*unreached, expected, "{error}"),
        other => panic!("{other:?}"),
    }
}

fn block_interrupts() {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is emptied before it is used, and lives while it is.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGUSR1);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut());
    }
}

/// An action that calls `handler`.
fn calling(handler: usize) -> libc::sigaction {
    // SAFETY: all bit patterns are valid for what an action is made of.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler;
    action
}

/// Sets what becomes of `SIGUSR1` in this process, and returns what it was.
fn set_action(action: &libc::sigaction) -> libc::sigaction {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: all bit patterns are valid for what is written; the handlers given here are those
    // that the system defines, the engine's, and one that does nothing.
    unsafe {
        libc::sigaction(libc::SIGUSR1, action, old.as_mut_ptr());
        old.assume_init()
    }
}

extern "C" fn ignoring(_: libc::c_int) {}

/// Keeps what is logged as a warning.
struct Log;

static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // As a program's logger might: the watchdog must not be in the way.
        instance(&module()).invoke("rest", &[], Some(Deadline::after(LIMIT))).unwrap();
        if record.level() == log::Level::Warn {
            WARNINGS.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

fn keep_log() {
    log::set_logger(&Log).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
}

#[track_caller]
fn assert_warned(what: &str) {
    let began = Instant::now();
    while WARNINGS.lock().unwrap().is_empty() && began.elapsed() < LIMIT {
        thread::yield_now();
    }
    let warnings = WARNINGS.lock().unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains(what), "{warnings:?}");
}

#[test]
fn a_thread_that_blocks_interrupts_after_its_first_call() {
    alone("a_thread_that_blocks_interrupts_after_its_first_call", LIMIT, || {
        keep_log();
        let module = module();
        assert_ended(&run(&module, "spin"), None);
        for export in ["grow", "fill", "grow"] {
            block_interrupts();
            assert_ended(&run(&module, export), Some(Unreached::Blocked));
            // They are let through again.
            assert_ended(&run(&module, "spin"), None);
        }
        assert_warned("blocks SIGUSR1");
    });
}

/// Each run is told of its own thread, whoever else keeps an interrupt away meanwhile.
#[test]
fn several_threads_that_block_interrupts() {
    alone("several_threads_that_block_interrupts", LIMIT, || {
        let module = module();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2 {
                        assert_ended(&run(&module, "spin"), None);
                        block_interrupts();
                        assert_ended(&run(&module, "grow"), Some(Unreached::Blocked));
                    }
                });
            }
        });
    });
}

#[test]
fn a_run_that_calls_the_host_ends_whatever_its_thread_blocks() {
    alone("a_run_that_calls_the_host_ends_whatever_its_thread_blocks", LIMIT, || {
        let module = module();
        run(&module, "spin");
        block_interrupts();
        // Whether it is found out before it calls the host the next time makes no difference.
        let error = run(&module, "touch");
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    });
}

/// Nothing looks at the clock where a guest only computes, so its fuel is what ends it there, and
/// it is told why that was later than its deadline.
#[test]
fn a_metered_run_that_only_computes_ends_by_its_fuel() {
    const FUEL: u64 = 2_000_000_000;
    alone("a_metered_run_that_only_computes_ends_by_its_fuel", LIMIT, || {
        let module = Engine::builder().fuel(true).build().unwrap().compile(GUEST.as_bytes()).unwrap();
        let spin = |fuel| {
            let mut instance = instance(&module);
            instance.set_fuel(fuel).unwrap();
            let error = instance.invoke("spin", &[], Some(Deadline::after(TIME))).unwrap_err();
            (error, instance.fuel_used().unwrap())
        };
        // As long as interrupts arrive, the deadline is what ends it.
        assert_ended(&spin(None).0, None);
        block_interrupts();
        let (error, used) = spin(Some(FUEL));
        assert_ended(&error, Some(Unreached::Blocked));
        assert_eq!(used, FUEL);
        // Fuel that is used up before the deadline is told as such.
        block_interrupts();
        let (error, used) = spin(Some(100));
        assert!(matches!(&error, Error::FuelExhausted { export, limit: 100 } if export == "spin"), "{error}");
        assert_eq!(used, 100);
    });
}

#[test]
fn a_start_section_on_a_thread_that_blocks_interrupts() {
    alone("a_start_section_on_a_thread_that_blocks_interrupts", LIMIT, || {
        run(&module(), "spin");
        block_interrupts();
        let text =
            "(module (memory 1) (func $f (loop (drop (memory.grow (i32.const 0))) (br 0))) (start $f))";
        let starting = Engine::new().compile(text.as_bytes()).unwrap();
        let made = Instance::new(&starting, &Imports::new(), (), &Limits::new(), Some(Deadline::after(TIME)));
        assert_ended(&made.unwrap_err(), Some(Unreached::Blocked));
    });
}

#[test]
fn another_handler_that_the_program_sets_later() {
    alone("another_handler_that_the_program_sets_later", LIMIT, || {
        keep_log();
        let module = module();
        assert_ended(&run(&module, "spin"), None);
        // With the default a signal that is sent would end the process.
        for other in [ignoring as *const () as usize, libc::SIG_IGN, libc::SIG_DFL] {
            let ours = set_action(&calling(other));
            assert_ended(&run(&module, "grow"), Some(Unreached::OtherHandler));
            set_action(&ours);
        }
        assert_warned("a handler of SIGUSR1 of its own");
    });
}

#[test]
fn a_cancelled_run_that_interrupts_do_not_reach() {
    alone("a_cancelled_run_that_interrupts_do_not_reach", LIMIT, || {
        let module = module();
        run(&module, "spin");
        let take_over = || {
            set_action(&calling(libc::SIG_DFL));
        };
        for prepare in [block_interrupts, take_over] {
            let mut instance = instance(&module);
            let cancel = instance.cancel_handle();
            let (ready, is_ready) = mpsc::channel();
            let running = thread::spawn(move || {
                instance.invoke("rest", &[], None).unwrap();
                prepare();
                ready.send(()).unwrap();
                instance.invoke("fill", &[], None).unwrap_err()
            });
            is_ready.recv_timeout(LIMIT).unwrap();
            // It has no effect before the run has begun.
            while !running.is_finished() {
                cancel.cancel();
                thread::yield_now();
            }
            let error = running.join().unwrap();
            assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        }
    });
}

/// In the child there is no thread but the one that forked.
#[test]
fn a_process_that_was_forked() {
    alone("a_process_that_was_forked", LIMIT, || {
        let module = module();
        assert_ended(&run(&module, "spin"), None);
        let mut old = instance(&module);
        old.invoke("rest", &[], Some(Deadline::after(TIME))).unwrap();
        // SAFETY: this process has its main thread, this one and the watchdog, which waits; the
        // child uses nothing that they hold.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let error = old.invoke("spin", &[], Some(Deadline::after(TIME))).unwrap_err();
            let well = matches!(error, Error::DeadlineExceeded { unreached: None, .. })
                && matches!(run(&module, "spin"), Error::DeadlineExceeded { unreached: None, .. })
                && matches!(
                    run(&Engine::new().compile(GUEST.as_bytes()).unwrap(), "spin"),
                    Error::DeadlineExceeded { .. }
                );
            // SAFETY: nothing runs after this.
            unsafe { libc::_exit(if well { 0 } else { 1 }) };
        }
        let (mut status, began) = (0, Instant::now());
        // SAFETY: `status` is written while it lives.
        while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
            if began.elapsed() > LIMIT / 2 {
                // SAFETY: the child is this process's own, and has not been waited for.
                unsafe { libc::kill(child, libc::SIGKILL) };
            }
            thread::yield_now();
        }
        assert_eq!(status, 0, "the child did not end as it should");
        // The parent goes on as before.
        assert_ended(&run(&module, "spin"), None);
        assert_ended(&old.invoke("spin", &[], Some(Deadline::after(TIME))).unwrap_err(), None);
    });
}
