//! Says on whose behalf a call is made.

use std::{fmt, sync::Arc};

use untrusted_text::Shown;

use crate::trace::Trace;

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallerKind {
    /// Somebody who reaches a provider from outside, such as an HTTP client.
    Client,
    /// A provider.
    Provider,
    /// An actor.
    Actor,
}

impl CallerKind {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Actor => "actor",
        }
    }
}

/// One of those on whose behalf a call is made. The embedding program is not among them: a call of its own has no callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    kind: CallerKind,
    name: Arc<str>,
}

impl Caller {
    /// A client by a short name, such as its address.
    #[must_use]
    pub fn client(name: impl Into<Arc<str>>) -> Self {
        Self { kind: CallerKind::Client, name: name.into() }
    }

    /// A provider by a short name, such as its capability and link.
    #[must_use]
    pub fn provider(name: impl Into<Arc<str>>) -> Self {
        Self { kind: CallerKind::Provider, name: name.into() }
    }

    /// An actor by its key.
    #[must_use]
    pub fn actor(name: impl Into<Arc<str>>) -> Self {
        Self { kind: CallerKind::Actor, name: name.into() }
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// Its short name, as it was given. It may be a stranger's text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The kind and the name, with controls spelt out.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), Shown::new(&self.name))
    }
}

/// What a call was begun with: a caller, or another trace.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) caller: Option<Caller>,
    pub(crate) trace: Option<Trace>,
    pub(crate) before: Option<Arc<Origin>>,
}

/// The callers of a call, from the one that made it back to the first.
#[derive(Debug, Clone)]
pub struct Callers<'a>(pub(crate) Option<&'a Origin>);

impl<'a> Iterator for Callers<'a> {
    type Item = &'a Caller;

    fn next(&mut self) -> Option<&'a Caller> {
        loop {
            let origin = self.0?;
            self.0 = origin.before.as_deref();
            if let Some(caller) = &origin.caller {
                return Some(caller);
            }
        }
    }
}
