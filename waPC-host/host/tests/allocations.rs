//! A call whose reply fits into the caller's buffer costs the host no heap allocation. One test alone in its program, because
//! it counts what the whole program allocates.

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicU64, Ordering},
};

use support::{ECHO, module};
use wapc_host::{HostCall, HostCallError, HostHandler, Reply, WapcHost};

/// The system's allocator, which counts how often it is asked.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps to the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from the system's allocator, under the same layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the pointer came from the system's allocator, under the same layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Mirror;

impl HostHandler for Mirror {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        reply.copy_from(call.payload);
        Ok(())
    }
}

/// The fewest allocations that any of some rounds of calls cost: the watchdog's thread and the test's own may allocate at
/// any time, but not in every round.
fn fewest_allocations(mut calls: impl FnMut()) -> u64 {
    let round = |_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        calls();
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    (0..20).map(round).min().expect("there are rounds")
}

#[test]
fn calls_into_a_buffer_allocate_nothing() {
    let host = WapcHost::new(&module(ECHO), Mirror).unwrap();
    let payload = [7; 4096];
    let mut reply = Vec::with_capacity(payload.len());
    for operation in ["echo", "callback"] {
        host.call_into(operation, &payload, &mut reply).unwrap();
        let allocations = fewest_allocations(|| {
            for _ in 0..100 {
                host.call_into(operation, &payload, &mut reply).unwrap();
                assert_eq!(reply, payload);
            }
        });
        assert_eq!(allocations, 0, "{operation}: 100 calls allocated");
    }
    let allocations = fewest_allocations(|| drop(host.call("echo", &payload).unwrap()));
    assert!(allocations > 0, "the allocations of an owned reply are counted");
}
