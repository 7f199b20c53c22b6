//! Ends guests that run past their deadline.

#[allow(unsafe_code)]
pub(crate) mod fork;
#[allow(unsafe_code)]
pub(crate) mod thread;
pub(crate) mod unreached;
