//! Counts as the first version does; its answer also tells the version and the key.
#![cfg_attr(target_arch = "wasm32", no_std)]

use actor_sdk::prelude::*;

actor_sdk::no_std_runtime!();
actor! { http => count, health => well }

#[derive(serde::Serialize)]
struct Reply {
    version: u32,
    key: String,
    counter: i32,
}

fn count(request: http::Request) -> Result<http::Response, Error> {
    if request.method != "GET" {
        return Ok(http::Response::method_not_allowed("GET"));
    }
    let key = format!("counter{}", request.path.replace('/', ":"));
    let counter = keyvalue::default().add(&key, 1)?;
    Ok(http::Response::json(&Reply { version: 2, key, counter })?)
}

fn well(_: health::Request) -> Result<(), Error> {
    Ok(())
}
