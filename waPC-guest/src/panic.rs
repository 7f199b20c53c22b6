//! Makes a panic's message the error of the call.

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
        // What cannot display itself to the end has said what it could.
        let _ = write!(message, "{info}");
        message
    }

    /// All of the text, but for a character in whose middle it was cut.
    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid())
    }
}

impl Write for Message {
    /// Takes what there is room for.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (place, byte) in self.bytes.iter_mut().skip(self.len).zip(text.bytes()) {
            *place = byte;
            self.len += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::{MESSAGE_LIMIT, Message};

    #[test]
    fn a_short_message_is_kept() {
        assert_eq!(Message::of(&"out of cheese").as_str(), "out of cheese");
        assert_eq!(Message::of(&format_args!("{} of {:>3}", "out", 7)).as_str(), "out of   7");
        assert_eq!(Message::of(&"").as_str(), "");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long: String = "a".chars().chain("ü".chars().cycle().take(MESSAGE_LIMIT)).collect();
        let message = Message::of(&long);
        assert_eq!(message.as_str().len(), MESSAGE_LIMIT - 1);
        assert!(long.starts_with(message.as_str()));
    }
}
