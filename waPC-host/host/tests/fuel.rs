//! Fuel bounds what a guest does in one call, where its module was compiled for it.

mod support;

use support::{ECHO, Recorder, call_with, guest, module};
use wapc_host::{CallOptions, Engine, Error, FuelCounter, Module, WapcHost, WapcHostBuilder};

#[track_caller]
fn metered(text: &str) -> Module {
    Engine::builder().fuel(true).build().unwrap().compile(text.as_bytes()).unwrap()
}

fn builder(module: &Module) -> WapcHostBuilder {
    WapcHost::builder(module).handler(Recorder::default())
}

#[test]
fn a_call_ends_when_its_fuel_is_used_up() {
    let host = builder(&metered(&guest("(loop br 0) unreachable"))).no_deadline().build().unwrap();
    let error = call_with(&host, "spin", &CallOptions::new().fuel(10_000)).unwrap_err();
    assert!(
        matches!(&error, Error::FuelExhausted { operation, limit: 10_000 } if operation == "spin"),
        "{error}"
    );
    assert_eq!(host.pool_stats().interrupted, 1);
}

#[test]
fn the_smaller_of_two_amounts_holds() {
    let host = builder(&metered(&guest("(loop br 0) unreachable"))).fuel(500).build().unwrap();
    for (asked, holds) in [(10_000, 500), (100, 100)] {
        let error = call_with(&host, "spin", &CallOptions::new().fuel(asked)).unwrap_err();
        assert!(matches!(error, Error::FuelExhausted { limit, .. } if limit == holds), "{error}");
    }
    let error = call_with(&host, "spin", &CallOptions::new()).unwrap_err();
    assert!(matches!(error, Error::FuelExhausted { limit: 500, .. }), "{error}");
}

#[test]
fn each_call_begins_with_a_full_tank() {
    let host = builder(&metered(ECHO)).build().unwrap();
    let counter = FuelCounter::new();
    let options = CallOptions::new().count_fuel(&counter);
    assert_eq!(call_with(&host, "echo", &options).unwrap(), b"payload");
    let once = counter.used();
    assert!(once > 0);
    let enough = CallOptions::new().fuel(once).count_fuel(&counter);
    for calls in 2..10 {
        assert_eq!(call_with(&host, "echo", &enough).unwrap(), b"payload");
        assert_eq!(counter.used(), calls * once, "the same work uses the same fuel");
    }
    assert_eq!(host.pool_stats().created, 1);
    // What one call may use says nothing of the next.
    assert!(call_with(&host, "callback", &CallOptions::new()).is_ok());
    let too_little = CallOptions::new().fuel(once - 1).count_fuel(&FuelCounter::new());
    let error = call_with(&host, "echo", &too_little).unwrap_err();
    assert!(matches!(error, Error::FuelExhausted { .. }), "{error}");
}

#[test]
fn what_a_failed_call_used_is_counted() {
    let host = builder(&metered(&guest("(loop br 0) unreachable"))).build().unwrap();
    let counter = FuelCounter::new();
    let options = CallOptions::new().fuel(1234).count_fuel(&counter);
    for calls in 1..=2 {
        call_with(&host, "spin", &options).unwrap_err();
        assert_eq!(counter.used(), calls * 1234);
    }
}

#[test]
fn a_module_without_metering_is_not_called_with_fuel() {
    let recorder = Recorder::default();
    let host = WapcHost::new(&module(ECHO), recorder.clone()).unwrap();
    for options in [CallOptions::new().fuel(1 << 40), CallOptions::new().count_fuel(&FuelCounter::new())] {
        let error = call_with(&host, "callback", &options).unwrap_err();
        assert!(matches!(&error, Error::NotMetered { operation } if operation == "callback"), "{error}");
        assert!(error.to_string().contains("Engine::builder().fuel(true)"), "{error}");
    }
    assert!(recorder.calls.lock().unwrap().is_empty());
    let error = builder(&module(ECHO)).fuel(1 << 40).build().unwrap_err();
    assert!(matches!(error, Error::NotMetered { .. }), "{error}");
}

#[cfg(feature = "host-interrupt")]
#[test]
fn whichever_comes_first_ends_a_metered_call() {
    let host = builder(&metered(&guest("(loop br 0) unreachable"))).build().unwrap();
    let limit = std::time::Duration::from_millis(30);
    let error = call_with(&host, "spin", &CallOptions::new().fuel(u64::MAX).timeout(limit)).unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { limit: l, .. } if l == limit), "{error}");
}
