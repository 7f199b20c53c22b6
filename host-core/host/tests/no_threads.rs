//! A process that may have no more threads is told so by a host that is to begin, and which limit it has met.
#![cfg(target_os = "linux")]

#[path = "../../../waPC-host/engine/tests/support/alone.rs"]
mod alone;
#[path = "../../../waPC-host/system/tests/support/no_threads.rs"]
mod no_threads;

use std::time::Duration;

use capability_claims::TrustPolicy;
use host_core::{Error, Host};

#[test]
fn a_host_does_not_begin_and_names_the_limit() {
    alone::alone("a_host_does_not_begin_and_names_the_limit", Duration::from_secs(60), || {
        no_threads::no_more_threads();
        let error = Host::builder().trust(TrustPolicy::nobody()).build().unwrap_err();
        assert!(matches!(error, Error::Thread { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("RLIMIT_NPROC") && said.contains("wascc-housekeeper"), "{said}");
    });
}
