//! Measures the waPC tier: echo and callback at five sizes, and making an instance, each beside the floor.

use std::hint::black_box;

use call_overhead::{ECHO, Floor};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use wapc_host::{Engine, HostCall, HostCallError, HostHandler, Reply, WapcHost};

const SIZES: [usize; 5] = [0, 64, 1024, 64 * 1024, 1024 * 1024];

/// Answers with what it was sent.
struct Mirror;

impl HostHandler for Mirror {
    fn host_call(&self, call: &HostCall<'_>, reply: &mut Reply) -> Result<(), HostCallError> {
        reply.copy_from(call.payload);
        Ok(())
    }
}

fn payload(size: usize) -> &'static [u8] {
    vec![0x5a; size].leak()
}

fn exchange(c: &mut Criterion, operation: &'static str) {
    let module = Engine::new().compile(ECHO.as_bytes()).unwrap();
    let timed = WapcHost::new(&module, Mirror).unwrap();
    let untimed = WapcHost::builder(&module).handler(Mirror).no_deadline().build().unwrap();
    let mut floor = Floor::new(ECHO);
    let mut group = c.benchmark_group(operation);
    for size in SIZES {
        let payload = payload(size);
        assert_eq!(floor.call(operation.as_bytes(), payload), payload);
        assert_eq!(timed.call(operation, payload).unwrap(), payload);
        group.throughput(Throughput::Bytes(size.max(1) as u64));
        group.bench_function(BenchmarkId::new("floor", size), |b| {
            b.iter(|| floor.call(operation.as_bytes(), black_box(payload)).len());
        });
        let mut reply = Vec::new();
        for (name, host) in [("wapc-host", &timed), ("wapc-host without a deadline", &untimed)] {
            group.bench_function(BenchmarkId::new(name, size), |b| {
                b.iter(|| host.call_into(operation, black_box(payload), &mut reply).unwrap());
            });
        }
    }
    group.finish();
}

fn echo(c: &mut Criterion) {
    exchange(c, "echo");
}

fn callback(c: &mut Criterion) {
    exchange(c, "callback");
}

criterion_group!(benches, echo, callback);
criterion_main!(benches);
