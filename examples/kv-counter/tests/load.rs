//! Requests flow over many connections while the actor is swapped, and none is lost.

mod support;

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

use support::Demonstration;

const CONNECTIONS: u64 = 8;
const REQUESTS: u64 = 20_000;
const SWAPS: u64 = 20;

#[test]
fn twenty_thousand_requests_and_twenty_swaps_lose_nothing() {
    let mut demonstration = Demonstration::start(&[]);
    let (sent, succeeded) = (AtomicU64::new(0), AtomicU64::new(0));
    let shapes = [const { AtomicUsize::new(0) }; 2];
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            let mut client = demonstration.client();
            let (sent, succeeded, shapes) = (&sent, &succeeded, &shapes);
            scope.spawn(move || {
                while sent.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                    let (status, body) = client.get("/load");
                    assert_eq!(status, 200, "{body}");
                    shapes[usize::from(body["version"] == 2)].fetch_add(1, Ordering::Relaxed);
                    succeeded.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for swap in 1..=SWAPS {
            // The swaps are spread over the whole load.
            while succeeded.load(Ordering::Relaxed) < swap * REQUESTS / (SWAPS + 1) {
                thread::yield_now();
            }
            let answer = demonstration.command(if swap % 2 == 1 { "swap v2" } else { "swap v1" });
            assert!(answer.starts_with("swapped "), "{answer}");
        }
    });
    let succeeded = succeeded.load(Ordering::Relaxed);
    assert_eq!(succeeded, REQUESTS);
    let counted = demonstration.client().get("/load").1["counter"].as_u64().unwrap() - 1;
    assert_eq!(counted, succeeded, "the store's value is the number of successes");
    let answered = shapes.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert!(answered.iter().all(|count| *count > 0), "both versions answered: {answered:?}");
    demonstration.quit();
}
