//! Holds a call as one value, and what stands around every call: the layers.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use capability_provider::{ActorId, CallContext};

use crate::error::Error;

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target<'a> {
    /// Into an actor, by its key. There may be none of this key.
    Actor(&'a str),
    /// Out of an actor to whatever provides a capability under a link name, both as the actor gave them.
    Provider {
        /// The capability's id.
        capability: &'a str,
        /// The link's name.
        link: &'a str,
    },
}

/// A call, on its way into an actor or out of one to a provider. Everything is borrowed; the payload of a call that an actor makes lies in
/// its memory.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Call<'a> {
    /// Where it goes.
    pub target: Target<'a>,
    /// The actor that makes it; `None` when it comes from outside: from the embedding program or a provider. Those before it are the
    /// context's [callers](CallContext::callers).
    pub caller: Option<&'a ActorId>,
    /// The operation.
    pub operation: &'a str,
    /// The payload's bytes.
    pub payload: &'a [u8],
    /// What it carries: id, deadline, what can cancel it, depth, callers and trace.
    pub context: &'a CallContext,
}

impl<'a> Call<'a> {
    /// The same call with another payload.
    #[must_use]
    pub fn with_payload(self, payload: &'a [u8]) -> Self {
        Self { payload, ..self }
    }

    /// The same call with another context. A deadline that is later than before has no effect: the host's own hold as well.
    #[must_use]
    pub fn within(self, context: &'a CallContext) -> Self {
        Self { context, ..self }
    }
}

/// Stands around every call of a host: into an actor, whoever makes it, and out of one to a provider.
///
/// The layers of a host are given to its builder ([`HostBuilder::layer`](crate::HostBuilder::layer)), outermost first. What a layer lets
/// through is decided on as always: no layer grants anything. A layer runs on the thread of the call, inside its time, and a panic of
/// it is that of a host function: it ends the call.
///
/// ```
/// use std::{sync::Mutex, time::{Duration, Instant}};
/// use bytes::Bytes;
/// use host_core::{Call, Error, Layer, Next};
///
/// /// Adds up the time that calls take.
/// #[derive(Debug, Default)]
/// struct Timing(Mutex<Duration>);
///
/// impl Layer for Timing {
///     fn call(&self, call: &Call<'_>, next: Next<'_>) -> Result<Bytes, Error> {
///         let began = Instant::now();
///         let reply = next.run(call);
///         *self.0.lock().unwrap() += began.elapsed();
///         reply
///     }
/// }
/// ```
pub trait Layer: Send + Sync + 'static {
    /// Carries a call on to what comes next, as it is or changed, or answers it without.
    ///
    /// # Errors
    /// Whatever the layer refuses with, such as [`Error::Denied`], or what comes next fails with.
    fn call(&self, call: &Call<'_>, next: Next<'_>) -> Result<Bytes, Error>;
}

/// What comes behind a layer: other layers, and then the actor or the provider.
#[must_use = "without it the call goes no further"]
pub struct Next<'a> {
    layers: &'a [Arc<dyn Layer>],
    end: &'a mut dyn FnMut(&Call<'_>) -> Result<Bytes, Error>,
}

impl Next<'_> {
    /// Carries the call on. A layer that changes its target changes nothing by that: a call goes where it was sent.
    ///
    /// # Errors
    /// Whatever goes wrong there.
    pub fn run(self, call: &Call<'_>) -> Result<Bytes, Error> {
        match self.layers.split_first() {
            Some((first, layers)) => first.call(call, Next { layers, end: self.end }),
            None => (self.end)(call),
        }
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

/// The layers of a host, outermost first.
#[derive(Default)]
pub(crate) struct Layers(Vec<Arc<dyn Layer>>);

impl Layers {
    pub(crate) fn push(&mut self, layer: Arc<dyn Layer>) {
        self.0.push(layer);
    }

    /// Whether there is nothing around a call.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends a call through all of them, and then to `end`.
    #[cold]
    pub(crate) fn around(
        &self,
        call: &Call<'_>,
        mut end: impl FnMut(&Call<'_>) -> Result<Bytes, Error>,
    ) -> Result<Bytes, Error> {
        Next { layers: &self.0, end: &mut end }.run(call)
    }
}
