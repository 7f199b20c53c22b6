//! Measures making an instance and dropping it again, beside bare wasmer: of the raw tier with the same imports, and of the
//! waPC tier with the call that the instance was made for. Where the pool uses instances again, a call pays none of it
//! (shared), or only for putting its instance back (pristine).
//!
//! Rounds take turns, and the best of each counts, so that a busy machine disturbs all alike.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use call_overhead::{CompiledFloor, ECHO};
use wapc_host::{CallOptions, Engine, HostCall, HostCallError, Isolation, WapcHost};

const ROUNDS: u32 = 200;
/// Instances for each round.
const INSTANCES: u32 = 50;

fn round(make: &mut dyn FnMut()) -> Duration {
    let began = Instant::now();
    (0..INSTANCES).for_each(|_| make());
    began.elapsed() / INSTANCES
}

/// What the raw tier is given for the benches' guest; none of it is called here.
fn imports() -> wapc_engine::Imports<()> {
    wapc_engine::Imports::new()
        .function("wapc", "__guest_request", |_, [_, _]: [u32; 2]| Ok(()))
        .function("wapc", "__guest_response", |_, [_, _]: [u32; 2]| Ok(()))
        .function("wapc", "__host_call", |_, _: [u32; 8]| Ok(0_u32))
        .function("wapc", "__host_response_len", |_, []: [u32; 0]| Ok(0_u32))
        .function("wapc", "__host_response", |_, [_]: [u32; 1]| Ok(()))
}

fn main() {
    let floor = CompiledFloor::new(ECHO);
    let module = Engine::new().compile(ECHO.as_bytes()).expect("the benches' guest is valid");
    let (imports, limits) = (imports(), wapc_engine::Limits::new());
    let nothing = |_: &HostCall<'_>| Ok::<_, HostCallError>(Vec::new());
    let host = WapcHost::new(&module, nothing).expect("the benches' guest starts");
    let isolated = |isolation| CallOptions::new().isolation(isolation);
    let call = |options: &CallOptions, reply: &mut Vec<u8>| {
        host.call_with("echo", b"", options, reply).expect("the guest answers");
    };
    let [shared, pristine, fresh] = [Isolation::Shared, Isolation::Pristine, Isolation::Fresh].map(isolated);
    let mut replies = [const { Vec::new() }; 3];
    let [warm_reply, pristine_reply, fresh_reply] = &mut replies;

    let mut bare = || drop(black_box(floor.instantiate()));
    let mut raw = || {
        let instance = wapc_engine::Instance::new(&module, &imports, (), &limits, None);
        drop(black_box(instance.expect("the benches' guest starts")));
    };
    let mut warm = || call(&shared, warm_reply);
    let mut put_back = || call(&pristine, pristine_reply);
    let mut wapc = || call(&fresh, fresh_reply);
    let contenders: [(&str, &mut dyn FnMut()); 5] = [
        ("bare wasmer", &mut bare),
        ("wapc-engine", &mut raw),
        ("wapc-host, fresh call", &mut wapc),
        ("wapc-host, pristine call", &mut put_back),
        ("wapc-host, shared call", &mut warm),
    ];
    report(contenders);
}

fn report<const N: usize>(mut contenders: [(&str, &mut dyn FnMut()); N]) {
    let mut best = [Duration::MAX; N];
    for _ in 0..ROUNDS {
        for (best, (_, make)) in best.iter_mut().zip(&mut contenders) {
            *best = round(make).min(*best);
        }
    }
    for ((name, _), time) in contenders.iter().zip(best) {
        println!("{name:<24} {time:>10.2?}   ratio {:.2}", time.as_secs_f64() / best[0].as_secs_f64());
    }
}
