//! The contract's suite, and expiry on a clock of the test's own.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use provider_keyvalue_memory::MemoryKeyValue;

#[test]
fn the_store_keeps_the_contract() {
    provider_conformance::keyvalue(MemoryKeyValue::new);
}

#[test]
fn values_expire_by_the_given_clock() {
    let now = Arc::new(Mutex::new(Instant::now()));
    let make = || {
        let now = Arc::clone(&now);
        MemoryKeyValue::new().with_clock(move || *now.lock().unwrap())
    };
    provider_conformance::keyvalue_expiry(make, |time| *now.lock().unwrap() += time);
}
