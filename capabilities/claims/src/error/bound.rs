//! Tells by what a module is bound to an owner.

use std::fmt;

use untrusted_text::Shown;

/// What binds a module to an owner: its key, or what its token says of it. Displays as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The module's key.
    Key,
    /// Its name, or its second name (`call_alias`).
    Name(Box<str>),
    /// One of its tags.
    Tag(Box<str>),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("its key"),
            Self::Name(name) => write!(f, "the name \"{}\"", Shown::new(name)),
            Self::Tag(tag) => write!(f, "the tag \"{}\"", Shown::new(tag)),
        }
    }
}
