//! A process that the system gives no more room is told which limit it has met, and goes on when
//! there is room again.
#![cfg(target_os = "linux")]

#[path = "support/alone.rs"]
mod alone;

use std::{fs, mem::MaybeUninit, path::Path, ptr, time::Duration};

use alone::alone;
use wapc_engine::{
    Deadline, Engine, Error, Imports, Instance, Limits, Module, SystemLimit, SystemResource, Value,
};

/// A test takes a few seconds at most.
const LIMIT: Duration = Duration::from_secs(120);
const PAGE: usize = 4096;
const GIB: u64 = 1 << 30;

fn text(number: usize) -> String {
    format!(
        r#"(module (memory (export "memory") 1)
            (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const {number}))))"#
    )
}

fn instance(module: &Module) -> Result<Instance, Error> {
    Instance::new(module, &Imports::new(), (), &Limits::new(), Some(Deadline::after(LIMIT)))
}

/// Everything that asks the system for room: a module that is compiled, one from the cache in
/// `directory`, an instance, a run.
fn ask_for_everything(directory: &Path, number: usize) -> Vec<Result<(), Error>> {
    let new = Engine::new().compile(text(number).as_bytes());
    let kept =
        Engine::builder().cache_dir(directory).build().and_then(|engine| engine.compile(text(0).as_bytes()));
    let run = |module: &Module| {
        let sum = instance(module)?.invoke("add", &[Value::I32(1)], Some(Deadline::after(LIMIT)))?;
        assert_eq!(sum.len(), 1);
        Ok(())
    };
    let runs = [&new, &kept].into_iter().flatten().map(run).collect::<Vec<_>>();
    [new.map(drop), kept.map(drop)].into_iter().chain(runs).collect()
}

/// Whether it was refused, which it may only be for this limit of the system.
#[track_caller]
fn is_told(outcome: &Result<(), Error>, expected: SystemResource) -> bool {
    match outcome {
        Ok(()) => false,
        Err(Error::Resources { limit: Some(SystemLimit { resource, used, limit }), .. })
            if *resource == expected =>
        {
            assert!(0 < *used && used <= limit, "{used} of {limit}");
            true
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// As many mappings as the system allows. Neighbours differ in what may be done with them, so that
/// each is one of its own.
struct Mappings(Vec<*mut libc::c_void>);

impl Mappings {
    fn all() -> Self {
        let most: usize = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
        let mut mappings = Self(Vec::with_capacity(most));
        for number in 0.. {
            let protection = if number % 2 == 0 { libc::PROT_READ } else { libc::PROT_NONE };
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            // SAFETY: the system chooses the place.
            let place = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, flags, -1, 0) };
            if place == libc::MAP_FAILED {
                break;
            }
            mappings.0.push(place);
        }
        mappings
    }

    fn give_back(&mut self, count: usize) {
        for place in self.0.split_off(self.0.len().saturating_sub(count)) {
            // SAFETY: it was mapped above, and nobody uses it.
            unsafe { libc::munmap(place, PAGE) };
        }
    }
}

#[test]
fn mappings_that_run_out() {
    alone("mappings_that_run_out", LIMIT, || {
        let directory = tempfile::tempdir().unwrap();
        // The engine's own threads and the room for this thread's signals are there.
        assert!(ask_for_everything(directory.path(), 1).iter().all(Result::is_ok));
        let mut mappings = Mappings::all();
        let mut refused = 0;
        // Where there may be very many, each look at them takes long.
        let rounds = if mappings.0.len() > 200_000 { 6 } else { 48 };
        for number in 2..2 + rounds {
            mappings.give_back(4);
            let outcomes = ask_for_everything(directory.path(), number).into_iter();
            refused += outcomes.filter(|outcome| is_told(outcome, SystemResource::Mappings)).count();
        }
        assert!(refused > rounds / 2, "{refused}");
        mappings.give_back(usize::MAX);
        assert!(ask_for_everything(directory.path(), 100).iter().all(Result::is_ok));
    });
}

fn limit_addresses(bytes: u64) {
    let mut limits = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the limits are written before they are read.
    unsafe {
        libc::getrlimit(libc::RLIMIT_AS, limits.as_mut_ptr());
        let mut limits = limits.assume_init();
        limits.rlim_cur = bytes.min(limits.rlim_max);
        libc::setrlimit(libc::RLIMIT_AS, &raw const limits);
    }
}

fn addresses_in_use() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<u64>().unwrap() * PAGE as u64
}

#[test]
fn addresses_that_the_owner_has_limited() {
    alone("addresses_that_the_owner_has_limited", LIMIT, || {
        let directory = tempfile::tempdir().unwrap();
        assert!(ask_for_everything(directory.path(), 1).iter().all(Result::is_ok));
        // Room for code, and none for an instance's memory.
        limit_addresses(addresses_in_use() + 2 * GIB);
        let module = Engine::new().compile(text(2).as_bytes()).unwrap();
        assert!(is_told(&instance(&module).map(drop), SystemResource::AddressesAllowed));
        let said = instance(&module).unwrap_err().to_string();
        assert!(said.contains("RLIMIT_AS") && said.contains("ulimit -v"), "{said}");
        limit_addresses(u64::MAX);
        assert!(ask_for_everything(directory.path(), 3).iter().all(Result::is_ok));
    });
}

/// Nobody knows beforehand how many fit; each reserves some 8 GiB of 128 TiB.
#[test]
#[cfg(target_arch = "x86_64")]
fn instances_that_use_up_all_addresses() {
    alone("instances_that_use_up_all_addresses", LIMIT, || {
        let directory = tempfile::tempdir().unwrap();
        let module = Engine::new().compile(text(1).as_bytes()).unwrap();
        assert!(ask_for_everything(directory.path(), 2).iter().all(Result::is_ok));
        // Most of them are taken at once.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let mut taken = Vec::new();
        let size = (1_u64 << 40) as usize;
        loop {
            // SAFETY: the system chooses the place.
            let place = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_NONE, flags, -1, 0) };
            if place == libc::MAP_FAILED {
                break;
            }
            taken.push(place);
        }
        let mut instances = Vec::new();
        let refused = loop {
            match instance(&module) {
                Ok(instance) => instances.push(instance),
                Err(refused) => break refused,
            }
        };
        assert!(is_told(&Err(refused), SystemResource::Addresses));
        // What needs little finds room still, and the instances that are there run.
        let kept = Engine::builder().cache_dir(directory.path()).build().unwrap();
        kept.compile(text(0).as_bytes()).unwrap();
        for instance in &mut instances {
            instance.invoke("add", &[Value::I32(1)], Some(Deadline::after(LIMIT))).unwrap();
        }
        instances.pop();
        instance(&module).unwrap();
        for place in taken {
            // SAFETY: it was mapped above, and nobody uses it.
            unsafe { libc::munmap(place, size) };
        }
        assert!(ask_for_everything(directory.path(), 3).iter().all(Result::is_ok));
    });
}
