//! Matches the names of modules against patterns with at most one `*`.

use std::fmt;

use crate::error::{ClaimsError, OwnershipError};

/// The most bytes of a pattern. Names are for people.
const LONGEST: usize = 256;

/// A pattern for names: what is before the `*` and after it. With at most one of them, no name
/// takes longer to match than the pattern is long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NamePattern {
    start: Box<str>,
    /// None: the whole name is `start`.
    end: Option<Box<str>>,
}

impl NamePattern {
    pub(crate) fn parse(text: &str) -> Result<Self, ClaimsError> {
        let wrong = |reason| OwnershipError::Pattern { pattern: untrusted_text::cut(text).into(), reason };
        if text.is_empty() {
            return Err(wrong("it is empty; write a name, or * for all").into());
        }
        if text.len() > LONGEST {
            return Err(wrong("it is longer than 256 bytes; shorten it with a *").into());
        }
        let Some((start, end)) = text.split_once('*') else {
            return Ok(Self { start: text.into(), end: None });
        };
        if end.contains('*') {
            return Err(wrong("it has more than one *; write several patterns").into());
        }
        Ok(Self { start: start.into(), end: Some(end.into()) })
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.end {
            None => name == &*self.start,
            Some(end) => name.strip_prefix(&*self.start).is_some_and(|rest| rest.ends_with(&**end)),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            None => f.write_str(&self.start),
            Some(end) => write!(f, "{}*{end}", self.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NamePattern;

    #[test]
    fn one_star_stands_for_any_characters() {
        for (pattern, name, matches) in [
            ("billing", "billing", true),
            ("billing", "billing2", false),
            ("billing", "Billing", false),
            ("billing-*", "billing-", true),
            ("billing-*", "billing", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*\u{e4}", "a*\u{e4}", true),
            ("*-prod", "x-prod", true),
            ("*-prod", "x-prod ", false),
        ] {
            assert_eq!(NamePattern::parse(pattern).unwrap().matches(name), matches, "{pattern} {name}");
            assert_eq!(NamePattern::parse(pattern).unwrap().to_string(), pattern);
        }
        for wrong in ["", "a**", "*a*", &"x".repeat(257)] {
            assert!(NamePattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
