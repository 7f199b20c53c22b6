//! Measures the raw tier: an export that adds two numbers.

use std::hint::black_box;

use call_overhead::{ADD, RawFloor};
use criterion::{Criterion, criterion_group, criterion_main};
use wapc_engine::{Engine, Imports, Instance, Limits, Value};

fn invoke(c: &mut Criterion) {
    let mut group = c.benchmark_group("invoke");
    let mut floor = RawFloor::new(ADD);
    let module = Engine::new().compile(ADD.as_bytes()).unwrap();
    let mut instance = Instance::new(&module, &Imports::new(), (), &Limits::new(), None).unwrap();
    let entry = instance.entry("add").unwrap();
    group.bench_function("values/floor", |b| b.iter(|| floor.dynamic(black_box(2), black_box(2))));
    group.bench_function("values/wapc-engine", |b| {
        b.iter(|| {
            instance.invoke("add", &[Value::I32(black_box(2)), Value::I32(black_box(2))], None).unwrap()
        });
    });
    group.bench_function("typed/floor", |b| b.iter(|| floor.typed(black_box(2), black_box(2))));
    group.bench_function("typed/wapc-engine", |b| {
        b.iter(|| instance.enter(&entry, (black_box(2), black_box(2)), [b"", b""], None).unwrap());
    });
    group.finish();
}

criterion_group!(benches, invoke);
criterion_main!(benches);
