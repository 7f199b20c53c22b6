//! Crosses the border to the host: the only file of this crate with `unsafe` code.
//!
//! What is relied on throughout is the protocol itself: the host writes exactly as many bytes as it announced, to the
//! address that it was given, before the import returns, and keeps no address after that.

use alloc::string::String;

#[cfg(target_arch = "wasm32")]
pub use self::wasm::serve;
#[cfg(target_arch = "wasm32")]
pub(crate) use self::wasm::{console_log, fail, host_call};

/// Adds `piece` to the end of `text`, if the module's memory has room for it.
///
/// With `push_str`, whether it can fail or not, comes the machinery of a panic.
pub(crate) fn append(text: &mut String, piece: &str) {
    if text.try_reserve(piece.len()).is_err() {
        return;
    }
    // SAFETY: there is room for `piece` after the end of the text, and it is UTF-8.
    unsafe {
        let bytes = text.as_mut_vec();
        let end = bytes.as_mut_ptr().add(bytes.len());
        end.copy_from_nonoverlapping(piece.as_ptr(), piece.len());
        bytes.set_len(bytes.len() + piece.len());
    }
}

#[cfg(target_arch = "wasm32")]
mod wasm {
    use alloc::{string::String, vec::Vec};
    use core::{alloc::Layout, slice};

    use crate::text::{owned, text_lossy};

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

    /// What `handlers!` makes: calls the handler of an operation.
    type Dispatch = fn(&str, Vec<u8>) -> Result<Vec<u8>, String>;

    /// One call of the host, from its request to the one reply or the one error: returns 1 or 0.
    ///
    /// # Safety
    /// The lengths must be those with which the host just entered `__guest_call`.
    pub unsafe fn serve(operation_len: usize, payload_len: usize, dispatch: Dispatch) -> i32 {
        let mut short = [0; SHORT_NAME];
        let long_len = if operation_len > SHORT_NAME { operation_len } else { 0 };
        let (Some(mut long), Some(mut payload)) = (room(long_len), room(payload_len)) else {
            fail("the call does not fit into the module's memory");
            return 0;
        };
        let operation = if long_len > 0 { long.as_mut_ptr() } else { short.as_mut_ptr() };
        // SAFETY: there is room for `operation_len` bytes at `operation`, which outlives the slice, and for `payload_len` in
        // `payload`. The host writes all of both, so that they are initialised from then on.
        let operation = unsafe {
            __guest_request(operation, payload.as_mut_ptr());
            payload.set_len(payload_len);
            slice::from_raw_parts(operation, operation_len)
        };
        let Some(operation) = utf8(operation) else {
            fail("the operation's name is not UTF-8");
            return 0;
        };
        match dispatch(operation, payload) {
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

    /// The text that these bytes are, if they are UTF-8: with the decoder of [`text_lossy`], which is in the module anyway.
    fn utf8(bytes: &[u8]) -> Option<&str> {
        let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        (valid.len() == bytes.len()).then_some(valid)
    }

    /// An empty vector with room for exactly this many bytes, if the module's memory has it. Nothing is zeroed.
    fn room(len: usize) -> Option<Vec<u8>> {
        if len == 0 {
            return Some(Vec::new());
        }
        let layout = Layout::array::<u8>(len).ok()?;
        // SAFETY: the layout is not empty.
        let bytes = unsafe { alloc::alloc::alloc(layout) };
        if bytes.is_null() {
            return None;
        }
        // SAFETY: the global allocator has just given them, with the layout of a vector that has room for `len` bytes.
        Some(unsafe { Vec::from_raw_parts(bytes, 0, len) })
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
        let Some(mut reply) = room(len) else {
            return Err(owned("the host's reply does not fit into the module's memory"));
        };
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
        let room_len = len.saturating_mul(3);
        let Some(mut text) = room(room_len) else {
            return owned("the host's error does not fit into the module's memory");
        };
        // SAFETY: there is room for all that any host writes for an error of this length, and all of it is initialised
        // before the length is set.
        unsafe {
            text.as_mut_ptr().write_bytes(0, room_len);
            __host_error(text.as_mut_ptr());
            text.set_len(room_len);
        }
        let end = text.iter().rposition(|byte| *byte != 0).map_or(len, |last| len.max(last + 1));
        text.truncate(end);
        text_lossy(&text)
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
