//! Carries what holds for a call, wherever it goes.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    caller::{Caller, Callers, Origin},
    cancel::CancelToken,
    id::CallId,
    trace::Trace,
};

/// In effect for ever: a hundred years of 365 days.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What a call carries with it, through hosts, guests and providers: its id, when it must be over, what can cancel it, how deep it is
/// nested, on whose behalf it is made, and its trace.
///
/// Whoever makes a call for another one hands that one's context on, [nested](Self::nested): its deadline can only become shorter.
/// Cloning costs no allocation.
pub struct CallContext {
    id: CallId,
    deadline: Option<Instant>,
    depth: u32,
    cancel: Option<CancelToken>,
    origin: Option<Arc<Origin>>,
}

impl CallContext {
    /// A context that belongs to no call and has no id: for calls that are made up, as in tests.
    pub const DETACHED: &'static Self =
        &Self { id: CallId::NONE, deadline: None, depth: 0, cancel: None, origin: None };

    /// The most calls that a host nests in each other, whatever its settings say: each of them takes some of its thread's stack, which is
    /// 2 MiB unless the program sets another size.
    pub const DEEPEST: u32 = 64;

    /// The context of a call that comes from outside: a new id, any time, nested in nothing. The program's own, unless it is
    /// [called by](Self::called_by) somebody.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self { id: CallId::next(), deadline: None, depth: 0, cancel: None, origin: None }
    }

    /// The id of the call that came from outside, which this one is or is nested in.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.id
    }

    /// When the call must be over; `None` when it may take any time.
    #[inline]
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The time that is left; zero when it is used up, `None` when there is no deadline.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// How many calls this one is nested in.
    #[inline]
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// What can cancel the call, if anything can.
    #[inline]
    #[must_use]
    pub fn cancel(&self) -> Option<&CancelToken> {
        self.cancel.as_ref()
    }

    /// Whether the call was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(CancelToken::is_cancelled)
    }

    /// On whose behalf the call is made, from the one that makes it back to the first. None for a call of the program's own.
    #[must_use]
    pub fn callers(&self) -> Callers<'_> {
        Callers(self.origin.as_deref())
    }

    /// The call's place in a distributed trace, if it came with one.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        let mut origin = self.origin.as_deref();
        while let Some(Origin { trace, before, .. }) = origin {
            if trace.is_some() {
                return trace.as_ref();
            }
            origin = before.as_deref();
        }
        None
    }

    /// The same, over at this moment unless it is over before.
    #[inline]
    #[must_use]
    pub fn with_deadline(mut self, at: impl Into<Option<Instant>>) -> Self {
        self.deadline = match (self.deadline, at.into()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self
    }

    /// Makes it over at this moment unless it is over before.
    #[inline]
    pub fn shorten(&mut self, at: Option<Instant>) {
        self.deadline = match (self.deadline, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// The same, over when this time has passed from now unless it is over before.
    #[must_use]
    pub fn with_timeout(self, limit: Duration) -> Self {
        self.with_deadline(Instant::now() + limit.min(LONGEST))
    }

    /// The same, which `token` can cancel in place of the one that could before.
    #[must_use]
    pub fn with_cancel(mut self, token: &CancelToken) -> Self {
        self.cancel = Some(token.clone());
        self
    }

    /// The same with this trace.
    #[must_use]
    pub fn with_trace(self, trace: Trace) -> Self {
        self.begun(None, Some(trace))
    }

    /// The same, made by this caller on behalf of those before.
    #[must_use]
    pub fn called_by(self, caller: Caller) -> Self {
        self.begun(Some(caller), None)
    }

    /// The context of a call that is made to answer this one: one deeper, and otherwise the same.
    #[inline]
    #[must_use]
    pub fn nested(&self) -> Self {
        let mut nested = self.clone();
        nested.depth = self.depth.saturating_add(1);
        nested
    }

    /// The same at this depth, for a host that keeps count in another way.
    #[inline]
    #[must_use]
    pub fn with_depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    fn begun(mut self, caller: Option<Caller>, trace: Option<Trace>) -> Self {
        let before = self.origin.take();
        self.origin = Some(Arc::new(Origin { caller, trace, before }));
        self
    }
}

impl Clone for CallContext {
    #[inline]
    fn clone(&self) -> Self {
        let Self { id, deadline, depth, .. } = *self;
        Self { id, deadline, depth, cancel: self.cancel.clone(), origin: self.origin.clone() }
    }

    /// Writes numbers alone where nothing is shared.
    #[inline]
    fn clone_from(&mut self, source: &Self) {
        (self.id, self.deadline, self.depth) = (source.id, source.deadline, source.depth);
        if self.cancel.is_some() || source.cancel.is_some() {
            self.cancel = source.cancel.clone();
        }
        if self.origin.is_some() || source.origin.is_some() {
            self.origin = source.origin.clone();
        }
    }
}

impl Default for CallContext {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CallContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let callers: Vec<String> = self.callers().map(Caller::to_string).collect();
        f.debug_struct("CallContext")
            .field("id", &format_args!("{}", self.id))
            .field("deadline", &self.deadline)
            .field("depth", &self.depth)
            .field("cancel", &self.cancel)
            .field("callers", &callers)
            .field("trace", &self.trace().map(Trace::to_string))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_only_becomes_shorter() {
        let call = CallContext::new().with_timeout(Duration::from_secs(5));
        let at = call.deadline().unwrap();
        assert_eq!(call.nested().with_timeout(Duration::MAX).with_deadline(None).deadline(), Some(at));
        let earlier = at - Duration::from_secs(1);
        assert_eq!(call.with_deadline(earlier).deadline(), Some(earlier));
        assert!(CallContext::new().with_timeout(Duration::MAX).remaining() > Some(LONGEST / 2));
        assert_eq!(CallContext::new().with_timeout(Duration::ZERO).remaining(), Some(Duration::ZERO));
    }

    #[test]
    fn callers_and_trace_go_with_what_is_nested() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let call =
            CallContext::new().called_by(Caller::client("a\u{202e}")).with_trace(text.parse().unwrap());
        let inner = call.nested().called_by(Caller::actor("MX")).nested().called_by(Caller::provider("kv"));
        let callers: Vec<_> = inner.callers().map(Caller::to_string).collect();
        assert_eq!(callers[..2], ["provider kv", "actor MX"]);
        assert!(callers[2].starts_with("client a") && !callers[2].contains('\u{202e}'), "{callers:?}");
        assert_eq!(inner.trace().unwrap().to_string(), text);
        assert_eq!((inner.depth(), inner.id()), (2, call.id()));
        assert!(call.callers().count() == 1 && CallContext::new().callers().next().is_none());
    }
}
