//! Asks for a capability which it may not have been granted, and passes on what it was told.
#![cfg_attr(target_arch = "wasm32", no_std)]

use actor_sdk::prelude::*;

actor_sdk::no_std_runtime!();
actor! { http => reach }

/// Counts, like the counter does. Refused, it ends with the refusal's words; it must never get to the answer below.
fn reach(request: http::Request) -> Result<http::Response, Error> {
    keyvalue::default().add(&request.path, 1)?;
    Ok(http::Response::text("reached a store that was not granted"))
}
