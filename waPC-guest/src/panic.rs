//! A panic's message becomes the error of the call.

use core::fmt::{self, Write};

/// A message longer than this many bytes is cut.
const MESSAGE_LIMIT: usize = 512;

/// Makes the message of `info` the error of the current call.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub fn report(info: &dyn fmt::Display) {
    crate::ffi::fail(Message::of(info).as_str());
}

/// What a panic handler does: report, then trap.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub fn abort(info: &dyn fmt::Display) -> ! {
    report(info);
    core::arch::wasm32::unreachable()
}

/// Text of limited length that needs no allocator: the lack of memory may be what the panic is about.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
struct Message {
    bytes: [u8; MESSAGE_LIMIT],
    len: usize,
}

#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
impl Message {
    fn of(info: &dyn fmt::Display) -> Self {
        let mut message = Self { bytes: [0; MESSAGE_LIMIT], len: 0 };
        // An error says that the message was cut, which is no reason to say nothing.
        let _ = write!(message, "{info}");
        message
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MESSAGE_LIMIT - self.len;
        let fits = text.floor_char_boundary(room);
        self.bytes[self.len..self.len + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        if fits == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// What a guest without the standard library needs beside its handlers: an allocator, and a panic handler that makes the
/// message the error of the call. Once in a crate, with the feature `runtime`.
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
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[global_allocator]
            static ALLOCATOR: $crate::__private::GlobalDlmalloc = $crate::__private::GlobalDlmalloc;

            #[panic_handler]
            fn panic(info: &::core::panic::PanicInfo<'_>) -> ! {
                $crate::__private::abort(info)
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::{MESSAGE_LIMIT, Message};

    #[test]
    fn a_short_message_is_kept() {
        assert_eq!(Message::of(&"out of cheese").as_str(), "out of cheese");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long: String = "a".chars().chain("ü".chars().cycle().take(MESSAGE_LIMIT)).collect();
        let message = Message::of(&long);
        assert_eq!(message.as_str().len(), MESSAGE_LIMIT - 1);
        assert!(long.starts_with(message.as_str()));
    }
}
