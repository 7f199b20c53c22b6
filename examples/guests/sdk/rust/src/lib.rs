//! What every guest of this folder does, see `../../README.md`; on the founders' crate `wapc-guest`.

use wapc_guest::prelude::*;

#[cfg(target_os = "wasi")]
mod wasi;

/// Called by the host once, before any call.
#[allow(unsafe_code, reason = "exporting a name counts as unsafe; nothing else exports this one")]
#[unsafe(no_mangle)]
pub extern "C" fn wapc_init() {
    register_function("echo", |payload| Ok(payload.to_vec()));
    register_function("callback", |payload| host_call("default", "example:echo", "Callback", payload));
    register_function("log", log);
    register_function("fail", fail);
    register_function("crash", |payload| panic!("crashed: {}", String::from_utf8_lossy(payload)));
    #[cfg(target_os = "wasi")]
    wasi::register();
}

fn log(payload: &[u8]) -> CallResult {
    console_log(&String::from_utf8_lossy(payload));
    Ok(Vec::new())
}

fn fail(payload: &[u8]) -> CallResult {
    match String::from_utf8_lossy(payload) {
        text if text.is_empty() => Err("asked to fail, without a reason".into()),
        text => Err(text.into()),
    }
}
