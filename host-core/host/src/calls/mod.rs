//! Holds calls, and leads each of them on: the one way into an actor, and the one way out of it.
//!
//! A call from outside or of another actor goes through `invoke`; a host call of an actor goes
//! through its `router`; what a provider delivers comes in through `dispatch`. `call` is what all
//! of them pass on, with the layers around it, and `async_calls` what waits for a thread.

pub(crate) mod async_calls;
pub(crate) mod call;
pub(crate) mod dispatch;
mod invoke;
pub(crate) mod router;
