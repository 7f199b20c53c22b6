//! Serves four operations, as a guest of waPC alone, without actors or capabilities. What it does on each operation:
//!
//! | operation | reply |
//! |---|---|
//! | `echo` | the payload |
//! | `callback` | what the host answers to a call (`default`, `example:echo`, `Callback`) with the payload |
//! | `log` | nothing, after the payload was written to the host's console |
//! | `fail` | the error that the payload tells |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::{borrow::Cow, vec::Vec};
use core::convert::Infallible;

use wapc_guest::{HostError, console_log, handlers, host_call, no_std_runtime, text_lossy};

handlers! {
    "echo" => echo,
    "callback" => callback,
    "log" => log,
    "fail" => fail,
}
no_std_runtime!();

fn echo(payload: Vec<u8>) -> Result<Vec<u8>, Infallible> {
    Ok(payload)
}

fn callback(payload: Vec<u8>) -> Result<Vec<u8>, HostError> {
    host_call("default", "example:echo", "Callback", &payload)
}

fn log(payload: Vec<u8>) -> Result<(), Infallible> {
    console_log(&text_lossy(&payload));
    Ok(())
}

fn fail(payload: Vec<u8>) -> Result<(), Cow<'static, str>> {
    if payload.is_empty() {
        return Err("asked to fail, without a reason".into());
    }
    Err(text_lossy(&payload).into())
}
