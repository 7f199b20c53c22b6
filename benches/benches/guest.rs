//! Measures what a guest made with `wascc-guest` costs: echo and callback of `examples/guests/echo`, beside the guest of the
//! other benches, which is written in WAT and keeps its payload at one fixed address. Both run on the same host.
//!
//! Short rounds of the two take turns, and the medians are compared, so that a busy machine disturbs both alike. A guest that
//! was built from source is measured with `GUEST_MODULES=DIR`.

use std::{
    env, fs,
    hint::black_box,
    path::PathBuf,
    time::{Duration, Instant},
};

use call_overhead::ECHO;
use wapc_host::{Engine, HostCall, HostCallError, HostHandler, Reply, WapcHost};

const SIZES: [usize; 5] = [0, 64, 1024, 64 * 1024, 1024 * 1024];
const ROUNDS: usize = 3001;
/// How long one round takes, about; at least one call.
const ROUND: Duration = Duration::from_micros(200);

/// Answers with what it was sent.
struct Mirror;

impl HostHandler for Mirror {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        reply.copy_from(call.payload);
        Ok(())
    }
}

fn main() {
    let guests = [host(ECHO.as_bytes()), host(&committed())];
    println!(
        "{:<10} {:>9} {:>13} {:>22} {:>6}",
        "operation", "bytes", "guest in WAT", "with wascc-guest", "ratio"
    );
    for operation in ["echo", "callback"] {
        for size in SIZES {
            let [wat, library] = medians(operation, size, &guests);
            let ratio = library / wat;
            println!("{operation:<10} {size:>9} {wat:>10.0} ns {library:>19.0} ns {ratio:>6.2}");
        }
    }
}

fn host(module: &[u8]) -> WapcHost {
    let module = Engine::new().compile(module).expect("the guest is a module");
    WapcHost::new(&module, Mirror).expect("the guest starts")
}

fn committed() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/guests/modules");
    let folder = env::var_os("GUEST_MODULES").map_or_else(|| folder.into(), PathBuf::from);
    fs::read(folder.join("echo.wasm")).expect("the folder holds the guest `echo`")
}

/// The median of a call to each guest, in nanoseconds.
fn medians(operation: &str, size: usize, guests: &[WapcHost; 2]) -> [f64; 2] {
    let (payload, mut reply) = (vec![0x5a; size], Vec::new());
    let mut time = |host: &WapcHost, calls: u32| {
        let began = Instant::now();
        for _ in 0..calls {
            host.call_into(operation, black_box(&payload), &mut reply).expect("the guest answers");
        }
        assert_eq!(reply.len(), size, "the guest answers with the payload");
        began.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    let warm = time(&guests[0], 200).max(time(&guests[1], 200));
    let calls = (ROUND.as_nanos() as f64 / warm).max(1.0) as u32;
    let mut rounds: Vec<_> = (0..ROUNDS).map(|_| guests.each_ref().map(|host| time(host, calls))).collect();
    [0, 1].map(|guest| {
        rounds.sort_by(|one, other| one[guest].total_cmp(&other[guest]));
        rounds[ROUNDS / 2][guest]
    })
}
