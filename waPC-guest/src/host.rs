//! Calls the host from a guest.

use alloc::vec::Vec;

use crate::HostError;
#[cfg(target_arch = "wasm32")]
use crate::ffi as sys;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing as sys;

/// Calls the host and returns its reply.
///
/// `binding` is the name of a link (`default` when there is one only), `namespace` a capability's id such as
/// `wascc:keyvalue` or an actor's public key, `operation` what is asked for. What the payload means is between the two sides.
///
/// In a native build the call goes to the host that the test installed: see [`testing`](crate::testing).
///
/// # Errors
/// [`HostError`] when the host did not answer with success, whatever the reason.
pub fn host_call(
    binding: &str,
    namespace: &str,
    operation: &str,
    payload: &[u8],
) -> Result<Vec<u8>, HostError> {
    sys::host_call(binding, namespace, operation, payload)
        .map_err(|text| HostError::from_text(namespace, operation, text))
}

/// Writes a line to the host's console or log.
pub fn console_log(text: &str) {
    sys::console_log(text);
}
