//! Guests that try to harm the host: each ends in its own typed error (or does no harm), the next call works on a fresh
//! instance, and a neighbour that is being called all the time does not notice.
//!
//! Each guest lies in a file of its own under `hostile/`. An empty payload asks it for nothing; any other length chooses
//! one variant of its attack.

mod support;

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use support::{ECHO, Recorder};
use wapc_host::{
    Engine, EngineError, Error, HostCall, HostCallError, HostHandler, Reply, TrapKind, Violation, WapcHost,
};

/// What guests that never come back are given.
#[cfg(feature = "host-interrupt")]
const SHORT: Duration = Duration::from_millis(80);
/// What all others are given; none of them may need it.
const LONG: Duration = Duration::from_secs(20);
/// How much later than its deadline a call may end on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Answers as the recorder does, but fails or panics when the guest asks for it.
struct Moody(Recorder);

impl HostHandler for Moody {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        match call.operation {
            "fail" => Err("as you wish".into()),
            "panic" => panic!("as you wish"),
            _ => self.0.host_call(call, reply),
        }
    }

    fn console_log(&self, text: &str) {
        assert!(text.len() <= 3 * 64 * 1024, "{} bytes for the console", text.len());
        self.0.console_log(text);
    }
}

fn guarded(engine: &Engine, text: &str, limit: Duration) -> Result<WapcHost, Error> {
    WapcHost::builder(&engine.compile(text.as_bytes())?)
        .handler(Moody(Recorder::default()))
        .memory_limit(16 << 20)
        .reply_limit(1 << 20)
        .max_instances(2)
        .deadline(limit)
        .build()
}

/// Calls a neighbour on the same engine for as long as `attack` takes, and at least once.
fn beside_a_neighbour(attack: impl FnOnce(&Engine)) {
    let engine = Engine::new();
    let neighbour = guarded(&engine, ECHO, LONG).unwrap();
    let (over, echoes) = (AtomicBool::new(false), AtomicU32::new(0));
    /// Ends the neighbour's calls also when the attack's assertions fail.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) || echoes.load(Ordering::SeqCst) == 0 {
                assert_eq!(neighbour.call("echo", b"good morning").unwrap(), b"good morning");
                assert_eq!(neighbour.call("callback", b"abc").unwrap(), b"cba");
                echoes.fetch_add(1, Ordering::SeqCst);
            }
        });
        let _over = Over(&over);
        attack(&engine);
    });
    let stats = neighbour.pool_stats();
    assert_eq!((stats.created, stats.discarded), (1, 0), "the neighbour's instance was touched");
}

/// Runs one variant, and then what the guest does when it means no harm, on an instance that is fresh if it must be.
#[track_caller]
fn attack(engine: &Engine, text: &str, limit: Duration, variant: usize) -> Result<Vec<u8>, Error> {
    // The deadline covers the making of a fresh instance, too, so only the attack itself gets the short one.
    let host = guarded(engine, text, LONG).unwrap();
    let options = wapc_host::CallOptions::new().timeout(limit);
    let (began, mut reply) = (Instant::now(), Vec::new());
    let outcome = host.call_with("attack", &vec![b'.'; variant], &options, &mut reply);
    assert!(began.elapsed() < limit + SLACK, "variant {variant} ended after {:?}", began.elapsed());
    assert_eq!(host.call("rest", b"").unwrap(), b"", "variant {variant} spoilt the next call");
    let stats = host.pool_stats();
    assert_eq!((stats.in_use, stats.idle), (0, 1));
    outcome.map(|()| reply)
}

/// One row for each guest: its file, the variants of its attack, the time it is given and the outcomes that are right.
macro_rules! hostile {
    ($($(#[$meta:meta])* $name:ident [$variants:expr] $limit:ident => $expected:pat $(if $guard:expr)?,)*) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            beside_a_neighbour(|engine| {
                for variant in $variants {
                    let outcome = attack(engine, include_str!(concat!("hostile/", stringify!($name), ".wat")), $limit, variant);
                    assert!(matches!(&outcome, $expected $(if $guard)?), "variant {variant}: {outcome:?}");
                }
            });
        }
    )*};
}

hostile! {
    #[cfg(feature = "host-interrupt")]
    endless_loop [1..=2] SHORT => Err(Error::DeadlineExceeded { limit, .. }) if *limit == SHORT,
    #[cfg(feature = "host-interrupt")]
    endless_host_calls [1..=3] SHORT => Err(Error::DeadlineExceeded { limit, .. }) if *limit == SHORT,
    #[cfg(feature = "host-interrupt")]
    endless_wasi [1..=3] SHORT => Err(Error::DeadlineExceeded { limit, .. }) if *limit == SHORT,
    #[cfg(feature = "host-interrupt")]
    endless_engine_calls [1..=6] SHORT => Err(Error::DeadlineExceeded { limit, .. }) if *limit == SHORT,
    end_of_the_stack [(1_000..70_000).step_by(997)] LONG => Err(error) if trap(error).is_some_and(|kind| kind != TrapKind::Other),
    endless_recursion [1..=2] LONG => Err(error) if trap(error) == Some(TrapKind::StackOverflow),
    memory_bomb [1..=3] LONG => Err(Error::MemoryLimit { limit: 0x100_0000, .. }),
    table_bomb [1..=1] LONG => Err(error) if trap(error) == Some(TrapKind::Unreachable),
    every_trap [1..=10] LONG => Err(error) if trap(error).is_some_and(|kind| kind != TrapKind::Other),
    wild_pointers [1..=11] LONG => Err(Error::Protocol { violation: Violation::Memory { .. }, .. }),
    overflowing_pointers [1..=11] LONG => Err(Error::Protocol { violation: Violation::Memory { .. }, .. }),
    older_host_calls [1..=9] LONG => Err(Error::Protocol { violation: Violation::Memory { .. } | Violation::NotUtf8 { .. } | Violation::NameTooLong { .. }, .. }),
    no_memory [1..=1] LONG => Err(Error::Protocol { violation: Violation::Memory { fault, .. }, .. }) if fault.size == 0,
    reply_twice [1..=2] LONG => Ok(reply) if reply == b"second",
    reply_never [1..=3] LONG => Err(Error::Protocol { violation: Violation::NoError { .. }, .. }),
    reply_too_large [1..=1] LONG => Err(Error::ReplyTooLarge { size: 0x20_0000, limit: 0x10_0000, .. }),
    error_and_trap [1..=1] LONG => Err(Error::Guest { text, trap: Some(_), .. }) if text == "last words",
    not_utf8_names [1..=3] LONG => Err(Error::Protocol { violation: Violation::NotUtf8 { .. }, .. }),
    not_utf8_texts [1..=1] LONG => Err(Error::Guest { text, trap: None, .. }) if text == "a\u{fffd}b",
    huge_names [1..=3] LONG => Err(Error::Protocol { violation: Violation::NameTooLong { length: 0x10_0000, .. }, .. }),
    huge_texts [1..=1] LONG => Err(Error::Guest { text, .. }) if text.chars().count() == 64 * 1024,
    growing_memory [[1, 2, 1000, 65_536]] LONG => Ok(reply) if reply.iter().all(|byte| *byte == b'.') && !reply.is_empty(),
    unaligned [[1, 2, 7, 4096]] LONG => Ok(reply) if reply.iter().all(|byte| *byte == b'.') && !reply.is_empty(),
    nothing_anywhere [[1]] LONG => Ok(reply) if reply.is_empty(),
    handler_panic [1..=1] LONG => Err(Error::HandlerPanicked { message, .. }) if message == "as you wish",
}

/// The kind of trap that ended a call, if one did.
fn trap(error: &Error) -> Option<TrapKind> {
    match error {
        Error::Trap { source, .. } => match &**source {
            EngineError::Trap { kind, .. } => Some(*kind),
            _ => None,
        },
        _ => None,
    }
}

/// A guest that cannot even be started: what is wrong is told when its host is made, and nobody else notices.
macro_rules! unstartable {
    ($($(#[$meta:meta])* $name:ident $limit:ident => $expected:pat $(if $guard:expr)?,)*) => {$(
        $(#[$meta])*
        #[test]
        fn $name() {
            beside_a_neighbour(|engine| {
                let began = Instant::now();
                let error = guarded(engine, include_str!(concat!("hostile/", stringify!($name), ".wat")), $limit).unwrap_err();
                assert!(began.elapsed() < $limit + SLACK, "it ended after {:?}", began.elapsed());
                assert!(matches!(&error, $expected $(if $guard)?), "{error:?}");
                assert_eq!(guarded(engine, ECHO, LONG).unwrap().call("echo", b"next").unwrap(), b"next");
            });
        }
    )*};
}

unstartable! {
    #[cfg(feature = "host-interrupt")]
    endless_start_section SHORT => Error::Engine(error) if matches!(**error, EngineError::DeadlineExceeded { .. }),
    #[cfg(feature = "host-interrupt")]
    endless_wapc_init SHORT => Error::Engine(error) if matches!(**error, EngineError::DeadlineExceeded { .. }),
    memory_declared LONG => Error::Engine(error) if matches!(**error, EngineError::MemoryLimit { .. }),
    table_declared LONG => Error::Engine(error) if matches!(**error, EngineError::TableLimit { .. }),
    many_tables LONG => Error::Engine(error) if matches!(**error, EngineError::MemoryLimit { .. } | EngineError::TableLimit { .. }),
    start_section_bad_address LONG => Error::Protocol { operation, violation: Violation::Memory { .. } } if operation == "(start)",
    wapc_init_handler_panic LONG => Error::HandlerPanicked { operation, .. } if operation == "wapc_init",
}

#[test]
fn an_empty_error_text_is_an_error_all_the_same() {
    beside_a_neighbour(|engine| {
        let outcome = attack(engine, include_str!("hostile/nothing_anywhere.wat"), LONG, 2);
        assert!(matches!(&outcome, Err(Error::Guest { text, .. }) if text.is_empty()), "{outcome:?}");
    });
}

#[test]
fn what_is_set_while_a_guest_starts_belongs_to_no_call() {
    beside_a_neighbour(|engine| {
        let host = guarded(engine, include_str!("hostile/wapc_init_host_call.wat"), LONG).unwrap();
        assert_eq!(host.call("any", b"").unwrap(), b"");
    });
}
