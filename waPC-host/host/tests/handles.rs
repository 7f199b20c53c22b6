//! Handles go to any thread, and are used from several at once.

mod support;

use std::thread;

use support::{ECHO, Recorder, module};
use wapc_host::{
    AsyncCall, AsyncHost, CallOptions, CancelToken, Engine, Error, FuelCounter, Module, PoolStats, WapcHost,
};

fn shared<T: Send + Sync + 'static>() {}
fn cloned<T: Clone + Send + Sync + 'static>() {}
fn moved<T: Send + Unpin + 'static>() {}

#[test]
fn handles_are_send_and_sync() {
    cloned::<Engine>();
    cloned::<Module>();
    cloned::<WapcHost>();
    cloned::<AsyncHost>();
    cloned::<CallOptions>();
    cloned::<CancelToken>();
    cloned::<FuelCounter>();
    cloned::<PoolStats>();
    shared::<Error>();
    moved::<AsyncCall>();
}

#[test]
fn a_host_serves_threads_that_outlive_the_one_that_made_it() {
    let host = thread::spawn(|| WapcHost::new(&module(ECHO), Recorder::default()).unwrap()).join().unwrap();
    let threads: Vec<_> = (0..4_u8)
        .map(|thread| {
            let host = host.clone();
            thread::spawn(move || {
                for call in 0..100 {
                    assert_eq!(host.call("callback", &[thread, call]).unwrap(), [call, thread]);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(host.pool_stats().calls, 400);
}
