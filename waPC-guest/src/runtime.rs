//! Gives a guest without the standard library what it needs beside its handlers.

/// The allocator of a module, once in a crate: [talc](https://docs.rs/talc), which is a third of the size of the standard
/// library's on this target. It frees, joins what was freed, and grows the memory only when nothing else fits.
/// With the feature `runtime`.
///
/// A guest with the standard library may say it too. Does nothing in a native build.
///
/// ```
/// wapc_guest::allocator!();
/// ```
#[macro_export]
macro_rules! allocator {
    () => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[global_allocator]
            static ALLOCATOR: $crate::__private::WasmDynamicTalc =
                $crate::__private::new_wasm_dynamic_allocator();
        };
    };
}

/// What a guest without the standard library needs beside its handlers: the [`allocator!`], and a panic handler that makes
/// the message the error of the call. Once in a crate, with the feature `runtime`.
///
/// Does nothing in a native build, where the standard library is there:
///
/// ```
/// #![cfg_attr(target_arch = "wasm32", no_std)]
/// wapc_guest::no_std_runtime!();
/// ```
#[macro_export]
macro_rules! no_std_runtime {
    () => {
        $crate::allocator!();

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[panic_handler]
            fn panic(info: &::core::panic::PanicInfo<'_>) -> ! {
                $crate::__private::abort(info)
            }
        };
    };
}
