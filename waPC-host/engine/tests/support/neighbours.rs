//! Checks that other threads and other modules go on, whatever happened to a guest.

use std::{
    hint::black_box,
    panic, process,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use wapc_engine::{Caller, Deadline, Engine, Error, HostError, Imports, Instance, Limits, Module};

/// How long each may take. Far more than any does; what waits for a lock that is held for ever
/// takes longer.
const LIMIT: Duration = Duration::from_secs(5);

const TEXT: &str = r#"(module
    (import "host" "panic" (func $panic))
    (func (export "trap") unreachable)
    (func (export "spin") (loop br 0))
    (func (export "panic") (call $panic)))"#;

/// A thread that does what neighbours do.
pub(crate) struct Neighbours {
    orders: Sender<Order>,
    reports: Receiver<&'static str>,
}

#[derive(Clone, Copy)]
enum Order {
    Trap,
    All,
}

struct Neighbour {
    module: Module,
    imports: Imports<()>,
    reports: Sender<&'static str>,
}

impl Neighbours {
    pub(crate) fn new() -> Self {
        panic::set_hook(Box::new(|panic| {
            let expected =
                panic.payload().downcast_ref::<&str>().is_some_and(|text| text.starts_with("expected"));
            if !expected {
                eprintln!("{panic}");
            }
        }));
        let (orders, ordered) = mpsc::channel();
        let (report, reports) = mpsc::channel();
        thread::spawn(move || {
            let imports = Imports::new().function("host", "panic", panics);
            let module = Engine::new().compile(TEXT.as_bytes()).unwrap();
            let neighbour = Neighbour { module, imports, reports: report };
            for order in ordered {
                neighbour.follow(order);
            }
        });
        Self { orders, reports }
    }

    /// Another guest's trap ends.
    pub(crate) fn trap(&self, after: &dyn Fn() -> String) {
        self.order(Order::Trap, 1, after);
    }

    /// All that a neighbour may do ends: a trap, a deadline, panics that are caught, a compilation,
    /// an instance, and a module that is dropped.
    pub(crate) fn all(&self, after: &dyn Fn() -> String) {
        self.order(Order::All, 6, after);
    }

    fn order(&self, order: Order, reports: usize, after: &dyn Fn() -> String) {
        self.orders.send(order).unwrap();
        let mut last = "the one before";
        for _ in 0..reports {
            match self.reports.recv_timeout(LIMIT) {
                Ok(done) => last = done,
                Err(_) => {
                    // A panic might wait for the same lock.
                    eprintln!("what follows {last} did not end within {LIMIT:?} after {}", after());
                    process::exit(1)
                }
            }
        }
    }
}

fn panics(_: Caller<'_, ()>, []: [u32; 0]) -> Result<(), HostError> {
    panic!("expected of a host function")
}

impl Neighbour {
    fn follow(&self, order: Order) {
        let mut instance = self.instance();
        assert!(matches!(instance.invoke("trap", &[], None), Err(Error::Trap { .. })));
        self.report("a trap");
        if matches!(order, Order::Trap) {
            return;
        }
        let deadline = Some(Deadline::after(Duration::from_millis(1)));
        let error = self.instance().invoke("spin", &[], deadline).unwrap_err();
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
        self.report("a deadline");
        assert!(matches!(self.instance().invoke("panic", &[], None), Err(Error::Host { .. })));
        assert!(panic::catch_unwind(|| panic!("expected and caught")).is_err());
        self.report("a panic");
        let module =
            Engine::new().compile(br#"(module (func (export "f") (result i32) (i32.const 7)))"#).unwrap();
        self.report("a compilation");
        let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
        black_box(instance.invoke("f", &[], None).unwrap());
        self.report("an instance");
        drop((instance, module));
        self.report("a drop of a module");
    }

    fn instance(&self) -> Instance {
        Instance::new(&self.module, &self.imports, (), &Limits::new(), None).unwrap()
    }

    fn report(&self, done: &'static str) {
        self.reports.send(done).unwrap();
    }
}
