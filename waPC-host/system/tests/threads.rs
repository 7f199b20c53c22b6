//! A process that may have no more threads is told which limit it has met.
#![cfg(target_os = "linux")]

#[path = "../../engine/tests/support/alone.rs"]
mod alone;
#[path = "support/no_threads.rs"]
mod no_threads;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alone::alone;
use no_threads::no_more_threads;
use system_limits::{NoThread, SystemLimit, SystemResource, begin_thread};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn threads_that_the_owner_has_limited() {
    alone("threads_that_the_owner_has_limited", LIMIT, || {
        assert_eq!(begin_thread("before", || 7).unwrap().join().unwrap(), 7);
        no_more_threads();
        let begun = Arc::new(AtomicBool::new(false));
        let inside = Arc::clone(&begun);
        let error = begin_thread("after", move || inside.store(true, Ordering::SeqCst)).unwrap_err();
        let no_thread = error.get_ref().unwrap().downcast_ref::<NoThread>().unwrap();
        let Some(SystemLimit { resource, used, limit }) = no_thread.limit else { panic!("{no_thread:?}") };
        assert_eq!((resource, limit, no_thread.name.as_str()), (SystemResource::Threads, 1, "after"));
        assert!(used >= 1, "{used}");
        let said = error.to_string();
        assert!(
            said.contains("`after`") && said.contains("RLIMIT_NPROC") && said.contains("ulimit -u"),
            "{said}"
        );
        assert!(!begun.load(Ordering::SeqCst));
    });
}

#[test]
fn a_thread_has_the_name_that_it_was_given() {
    let name = begin_thread("by name", || std::thread::current().name().map(str::to_owned)).unwrap();
    assert_eq!(name.join().unwrap().as_deref(), Some("by name"));
}
