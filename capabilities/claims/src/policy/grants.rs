//! Describes one use of a capability, and the most that an issuer may grant of it.

use std::{collections::BTreeMap, sync::Arc};

/// One use of a capability, about which a [`TrustPolicy`](crate::TrustPolicy) or a
/// [`Permit`](crate::Permit) decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access<'a> {
    /// The capability's id, or the key of the module that is to be called.
    pub capability: &'a str,
    /// The link's name. None for a call to a module, which goes over no link.
    pub link: Option<&'a str>,
    /// The operation.
    pub operation: &'a str,
}

impl<'a> Access<'a> {
    /// The use of a capability over a link.
    #[must_use]
    pub fn capability(capability: &'a str, link: &'a str, operation: &'a str) -> Self {
        Self { capability, link: Some(link), operation }
    }

    /// A call to the module with this key.
    #[must_use]
    pub fn module(key: &'a str, operation: &'a str) -> Self {
        Self { capability: key, link: None, operation }
    }
}

/// A capability that an issuer may grant: all of it, or over some links or for some operations only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    capability: Box<str>,
    terms: Terms,
}

/// The links and operations of a grant. None stands for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Terms {
    pub(crate) links: Option<Vec<Box<str>>>,
    pub(crate) operations: Option<Vec<Box<str>>>,
}

impl Grant {
    /// All of the capability with this id, or every call to the module with this key. The whole id
    /// counts: no patterns.
    #[must_use]
    pub fn of(capability: impl Into<Box<str>>) -> Self {
        Self { capability: capability.into(), terms: Terms::default() }
    }

    /// Narrows the grant to the links that are named so, this one and those named before. Calls to
    /// modules go over no link, so such a grant allows none.
    #[must_use]
    pub fn link(mut self, name: impl Into<Box<str>>) -> Self {
        self.terms.links.get_or_insert_default().push(name.into());
        self
    }

    /// Narrows the grant to the operations that are named so, this one and those named before.
    #[must_use]
    pub fn operation(mut self, name: impl Into<Box<str>>) -> Self {
        self.terms.operations.get_or_insert_default().push(name.into());
        self
    }

    /// A grant of exactly these links and operations, where an empty list leaves none and None leaves all.
    pub(crate) fn exactly(
        capability: Box<str>,
        links: Option<Vec<Box<str>>>,
        operations: Option<Vec<Box<str>>>,
    ) -> Self {
        Self { capability, terms: Terms { links, operations } }
    }
}

impl Terms {
    /// Whether they leave every link and every operation.
    pub(crate) fn leave_all(&self) -> bool {
        self.links.is_none() && self.operations.is_none()
    }

    /// Whether the link is within these terms, and whether the operation is.
    pub(super) fn allow(&self, access: &Access<'_>) -> (bool, bool) {
        let link = self
            .links
            .as_ref()
            .is_none_or(|links| access.link.is_some_and(|link| links.iter().any(|name| **name == *link)));
        let operation =
            self.operations.as_ref().is_none_or(|names| names.iter().any(|name| **name == *access.operation));
        (link, operation)
    }
}

/// The most that an issuer may grant. Several grants of one capability stand side by side: what any
/// of them allows is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantLimit(BTreeMap<Box<str>, Vec<Terms>>);

/// A limit as a policy keeps it: complete, and with terms that permits share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limit(BTreeMap<Box<str>, Arc<[Terms]>>);

impl GrantLimit {
    /// Lets the issuer grant nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self(BTreeMap::new())
    }

    /// Lets the issuer grant this as well.
    #[must_use]
    pub fn and(mut self, grant: Grant) -> Self {
        self.0.entry(grant.capability).or_default().push(grant.terms);
        self
    }
}

impl From<GrantLimit> for Limit {
    fn from(limit: GrantLimit) -> Self {
        Self(limit.0.into_iter().map(|(capability, terms)| (capability, terms.into())).collect())
    }
}

impl Limit {
    /// Every capability that may be granted, in the order of the ids, with the terms of that.
    pub(crate) fn grants(&self) -> impl Iterator<Item = (&str, &Arc<[Terms]>)> {
        self.0.iter().map(|(capability, terms)| (&**capability, terms))
    }

    /// The terms on which a capability may be granted, when it may be.
    #[inline]
    pub(crate) fn terms(&self, capability: &str) -> Option<&Arc<[Terms]>> {
        self.0.get(capability)
    }
}

/// Whether any of the terms allow it.
#[inline]
pub(crate) fn any_allows(terms: &[Terms], access: &Access<'_>) -> bool {
    terms.iter().any(|terms| terms.allow(access) == (true, true))
}
