//! Shows people what the limits leave of a grant.

use std::{fmt, sync::Arc};

use untrusted_text::Shown;

use crate::policy::grants::Terms;

/// A grant of a module's token as far as the policy leaves it: see
/// [`Permit::granted`](crate::Permit::granted).
///
/// Displays as the capability's id, and what is left of it where that is not all:
/// `wascc:keyvalue (Get, Range over default)`.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    capability: &'a str,
    terms: &'a [Arc<[Terms]>],
}

impl<'a> Allowed<'a> {
    pub(crate) fn new(capability: &'a str, terms: &'a [Arc<[Terms]>]) -> Self {
        Self { capability, terms }
    }

    /// The capability's id, or the key of the module that may be called.
    #[must_use]
    pub fn capability(&self) -> &'a str {
        self.capability
    }

    /// Whether every link and every operation is left.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.terms.iter().all(|terms| terms.iter().any(Terms::leave_all))
    }
}

impl fmt::Display for Allowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown::new(self.capability))?;
        // Where an account and its operator both have a limit, both count.
        let mut limits = self.terms.iter().filter(|terms| !terms.iter().any(Terms::leave_all));
        let Some(first) = limits.next() else { return Ok(()) };
        write!(f, " ({}", Alternatives(first))?;
        for next in limits {
            write!(f, "; of that only {}", Alternatives(next))?;
        }
        f.write_str(")")
    }
}

/// The terms of one issuer, any of which is enough.
struct Alternatives<'a>(&'a [Terms]);

impl fmt::Display for Alternatives<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.0.iter().map(Terms::to_string).collect();
        f.write_str(&each.join(" or "))
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operations {
            None => f.write_str("everything")?,
            Some(names) => list(f, names)?,
        }
        match &self.links {
            None => Ok(()),
            Some(names) => {
                f.write_str(" over ")?;
                list(f, names)
            }
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, names: &[Box<str>]) -> fmt::Result {
    if names.is_empty() { f.write_str("nothing") } else { f.write_str(&names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grant, GrantLimit, policy::grants::Limit};

    fn shown(limits: &[GrantLimit]) -> (String, bool) {
        let limits = limits.iter().cloned().map(Limit::from);
        let terms: Vec<_> = limits.map(|limit| limit.terms("a:b").unwrap().clone()).collect();
        let allowed = Allowed::new("a:b", &terms);
        (allowed.to_string(), allowed.is_whole())
    }

    fn limit(grants: impl IntoIterator<Item = Grant>) -> GrantLimit {
        grants.into_iter().fold(GrantLimit::nothing(), GrantLimit::and)
    }

    #[test]
    fn what_is_left_is_shown_unless_it_is_all() {
        let grant = || Grant::of("a:b");
        assert_eq!(shown(&[]), ("a:b".to_owned(), true));
        assert_eq!(shown(&[limit([grant().link("x"), grant()])]), ("a:b".to_owned(), true));
        let reading =
            || limit([grant().operation("Get").operation("Range"), grant().link("x").operation("Set")]);
        assert_eq!(shown(&[reading()]), ("a:b (Get, Range or Set over x)".to_owned(), false));
        let two = shown(&[limit([grant()]), reading(), limit([grant().link("x")])]);
        assert_eq!(two, ("a:b (Get, Range or Set over x; of that only everything over x)".to_owned(), false));
        let none = limit([Grant::exactly("a:b".into(), Some(vec![]), None)]);
        assert_eq!(shown(&[none]), ("a:b (everything over nothing)".to_owned(), false));
    }
}
