//! Calls from many threads while something changes.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
};

use bytes::Bytes;
use capability_provider::ActorId;
use host_core::Error;

use super::World;

const THREADS: usize = 4;

/// Calls the actor from several threads for as long as `change` runs, and returns all results. `change` is given a
/// function that comes back when every thread may have made another call, so that changes and calls interleave.
pub(crate) fn load(
    world: &World,
    actor: &ActorId,
    change: impl FnOnce(&dyn Fn()),
) -> Vec<Result<Bytes, Error>> {
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let some_calls = || {
        let enough = calls.load(SeqCst) + 2 * THREADS;
        while calls.load(SeqCst) < enough {
            thread::yield_now();
        }
    };
    let client = || {
        let mut results = Vec::new();
        while !stop.load(SeqCst) {
            results.push(world.host.call(actor, "Forward", b"x"));
            calls.fetch_add(1, SeqCst);
        }
        results
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..THREADS).map(|_| scope.spawn(client)).collect();
        let stop = Stop(&stop);
        some_calls();
        change(&some_calls);
        some_calls();
        drop(stop);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// Stops the threads, also when the change panics, so that a failing test does not hang.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}
