//! Measures what a second thread adds: calls of one [`WapcHost`] on two threads against one, beside the same for two guests on
//! bare wasmer that share nothing, which is what the machine itself gives.
//!
//! Rounds on one thread and on two take turns, and the best of each counts, so that a busy machine disturbs both alike.

use std::{
    hint,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use call_overhead::{ECHO, Floor};
use wapc_host::{Engine, HostCall, HostCallError, WapcHost};

/// Many short rounds: on a busy machine some of them find all processors free.
const ROUNDS: usize = 300;
const ROUND: Duration = Duration::from_millis(5);
const WARM_UP: u32 = 200;
const THREADS: usize = 2;

/// Makes what one thread repeats. Called on that thread.
type Prepare<'a> = &'a (dyn Fn() -> Box<dyn FnMut()> + Sync);

/// Calls per second that `threads` threads reach together, each with what it prepared, doing `calls` of them.
fn rate(threads: usize, calls: u32, prepare: Prepare<'_>) -> f64 {
    let ready = AtomicUsize::new(0);
    let work = || {
        let mut call = prepare();
        (0..WARM_UP).for_each(|_| call());
        ready.fetch_add(1, Ordering::SeqCst);
        // They begin together, without a wait for the system to wake them.
        while ready.load(Ordering::SeqCst) < threads {
            hint::spin_loop();
        }
        let began = Instant::now();
        (0..calls).for_each(|_| call());
        (began, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("the calls succeed")).collect()
    });
    let began = times.iter().map(|(began, _)| *began).min().expect("there are threads");
    let ended = times.iter().map(|(_, ended)| *ended).max().expect("there are threads");
    f64::from(calls) * threads as f64 / (ended - began).as_secs_f64()
}

/// The best rates on one thread and on all, in calls per second.
fn best(prepare: Prepare<'_>) -> (f64, f64) {
    let calls = (rate(1, 10_000, prepare) * ROUND.as_secs_f64()) as u32;
    let rounds = (0..ROUNDS).map(|_| (rate(1, calls, prepare), rate(THREADS, calls, prepare)));
    rounds.fold((0.0, 0.0), |best: (f64, f64), round| (best.0.max(round.0), best.1.max(round.1)))
}

fn report(name: &str, size: usize, prepare: Prepare<'_>) {
    let (one, two) = best(prepare);
    println!(
        "{name:<10} {size:>6} B   one thread {:>9.0}/s   two threads {:>9.0}/s   ratio {:.2}",
        one,
        two,
        two / one
    );
}

fn main() {
    let module = Engine::new().compile(ECHO.as_bytes()).expect("the benches' guest is valid");
    let mirror = |call: &HostCall<'_>| Ok::<_, HostCallError>(call.payload.to_vec());
    let host = WapcHost::new(&module, mirror).expect("the benches' guest starts");
    for size in [64, 1024, 65_536] {
        let payload: &'static [u8] = vec![0x5a; size].leak();
        report("floor", size, &|| {
            let mut floor = Floor::new(ECHO);
            Box::new(move || assert_eq!(floor.call(b"echo", payload).len(), size))
        });
        report("wapc-host", size, &|| {
            let (host, mut reply) = (host.clone(), Vec::new());
            Box::new(move || host.call_into("echo", payload, &mut reply).expect("the guest answers"))
        });
    }
}
