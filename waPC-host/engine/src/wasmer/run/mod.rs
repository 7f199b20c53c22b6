//! Enters compiled code, and ends it where that is sound.

#[allow(unsafe_code)]
pub(crate) mod call;
pub(crate) mod code;
#[allow(unsafe_code)]
pub(crate) mod guard;
#[allow(unsafe_code)]
pub(crate) mod guest_stack;
pub(crate) mod interrupt;
#[allow(unsafe_code)]
pub(crate) mod stop;
pub(crate) mod trap;
