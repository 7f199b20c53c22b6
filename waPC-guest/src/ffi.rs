//! The border to the host: the only file of this crate with `unsafe` code.
//!
//! What is relied on throughout is the protocol itself: the host writes exactly as many bytes as it announced, to the
//! address that it was given, before the import returns, and keeps no address after that.

#[cfg(target_arch = "wasm32")]
pub use self::wasm::serve;
#[cfg(target_arch = "wasm32")]
pub(crate) use self::wasm::{console_log, fail, host_call};

#[cfg(target_arch = "wasm32")]
mod wasm {
    use alloc::{string::String, vec, vec::Vec};

    /// Names of operations up to this many bytes need no memory of the allocator.
    const SHORT_NAME: usize = 64;

    #[link(wasm_import_module = "wapc")]
    unsafe extern "C" {
        fn __guest_request(operation: *mut u8, payload: *mut u8);
        fn __guest_response(bytes: *const u8, len: usize);
        fn __guest_error(text: *const u8, len: usize);
        fn __host_call(
            binding: *const u8,
            binding_len: usize,
            namespace: *const u8,
            namespace_len: usize,
            operation: *const u8,
            operation_len: usize,
            payload: *const u8,
            payload_len: usize,
        ) -> i32;
        fn __host_response_len() -> usize;
        fn __host_response(buffer: *mut u8);
        fn __host_error_len() -> usize;
        fn __host_error(buffer: *mut u8);
        fn __console_log(text: *const u8, len: usize);
    }

    /// One call of the host, from its request to the one reply or the one error: returns 1 or 0.
    ///
    /// # Safety
    /// The lengths must be those with which the host just entered `__guest_call`.
    pub unsafe fn serve(
        operation_len: usize,
        payload_len: usize,
        dispatch: fn(&str, Vec<u8>) -> Result<Vec<u8>, String>,
    ) -> i32 {
        let mut short = [0; SHORT_NAME];
        let mut long = Vec::new();
        let operation = match short.get_mut(..operation_len) {
            Some(operation) => operation,
            None => {
                long.resize(operation_len, 0);
                long.as_mut_slice()
            }
        };
        let mut payload = Vec::new();
        if payload.try_reserve_exact(payload_len).is_err() {
            fail("the payload does not fit into the module's memory");
            return 0;
        }
        // SAFETY: `operation` is as long as the name, `payload` has room for the bytes. The host writes all of both, so that
        // `payload_len` bytes are initialised when the length is set.
        unsafe {
            __guest_request(operation.as_mut_ptr(), payload.as_mut_ptr());
            payload.set_len(payload_len);
        }
        let outcome = match core::str::from_utf8(operation) {
            Ok(operation) => dispatch(operation, payload),
            Err(_) => Err(String::from("the operation's name is not UTF-8")),
        };
        match outcome {
            Ok(reply) => {
                // SAFETY: the host reads the reply, which lives until the end of this block.
                unsafe { __guest_response(reply.as_ptr(), reply.len()) };
                1
            }
            Err(text) => {
                fail(&text);
                0
            }
        }
    }

    /// Makes `text` the error of the current call.
    pub(crate) fn fail(text: &str) {
        // SAFETY: the host reads the text, which outlives the import.
        unsafe { __guest_error(text.as_ptr(), text.len()) }
    }

    pub(crate) fn console_log(text: &str) {
        // SAFETY: the host reads the text, which outlives the import.
        unsafe { __console_log(text.as_ptr(), text.len()) }
    }

    /// Calls the host; the error is the host's text, which may be empty.
    pub(crate) fn host_call(
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        // SAFETY: the host reads four byte strings, all of which outlive the import.
        let success = unsafe {
            __host_call(
                binding.as_ptr(),
                binding.len(),
                namespace.as_ptr(),
                namespace.len(),
                operation.as_ptr(),
                operation.len(),
                payload.as_ptr(),
                payload.len(),
            )
        };
        if success == 1 { host_response() } else { Err(host_error()) }
    }

    fn host_response() -> Result<Vec<u8>, String> {
        // SAFETY: takes nothing and touches no memory.
        let len = unsafe { __host_response_len() };
        let mut reply = Vec::new();
        if reply.try_reserve_exact(len).is_err() {
            return Err(String::from("the host's reply does not fit into the module's memory"));
        }
        if len > 0 {
            // SAFETY: there is room for `len` bytes, and the host writes all of them, so that they are initialised when the
            // length is set.
            unsafe {
                __host_response(reply.as_mut_ptr());
                reply.set_len(len);
            }
        }
        Ok(reply)
    }

    /// The text of the host's error. Some hosts report its length in characters and write it in UTF-8, so there is room for
    /// three bytes a character, zeroed because it is not known how many of them are written.
    fn host_error() -> String {
        // SAFETY: takes nothing and touches no memory.
        let len = unsafe { __host_error_len() };
        if len == 0 {
            return String::new();
        }
        let mut text = vec![0; len.saturating_mul(3)];
        // SAFETY: there is room for all that any host writes for an error of this length.
        unsafe { __host_error(text.as_mut_ptr()) };
        let end = text.iter().rposition(|byte| *byte != 0).map_or(len, |last| len.max(last + 1));
        text.truncate(end);
        match String::from_utf8(text) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }
}

/// Exports `__guest_call`. Stands here because exporting a name counts as unsafe: nothing else may export the same one.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($dispatch:path) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn __guest_call(operation_len: usize, payload_len: usize) -> i32 {
                // SAFETY: these are the lengths that the host just gave.
                unsafe { $crate::__private::serve(operation_len, payload_len, $dispatch) }
            }
        };
    };
}

/// Makes a panic's message the error of the call, in guests with the standard library. Once in a crate.
///
/// The trap follows as it would without; the host has both. Uses the export `wapc_init`, which hosts call at the start.
///
/// ```
/// wapc_guest::panic_hook!();
/// ```
#[macro_export]
macro_rules! panic_hook {
    () => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn wapc_init() {
                ::std::panic::set_hook(::std::boxed::Box::new(|info| $crate::__private::report(info)));
            }
        };
    };
}
