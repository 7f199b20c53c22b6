//! Holds what is under a key, and counts how many bytes that is taken to be.

use std::sync::Arc;

use imbl::{OrdSet, Vector};

/// What the store itself uses for one key: the map's slot and the allocations behind it.
const PER_KEY: usize = 128;
/// What it uses for one list item or set member.
const PER_ITEM: usize = 48;

/// One key's value. A copy shares all but a few nodes with the value that it was made from, so that it takes no longer for a large one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Arc<str>),
    List(List),
    Set(Set),
}

pub(crate) type List = Vector<Arc<str>>;
pub(crate) type Set = OrdSet<Arc<str>>;

impl Value {
    pub(crate) const TEXT: &'static str = "text";
    pub(crate) const LIST: &'static str = "list";
    pub(crate) const SET: &'static str = "set";

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => Self::TEXT,
            Self::List(_) => Self::LIST,
            Self::Set(_) => Self::SET,
        }
    }

    /// What the value counts for, beside its key.
    pub(crate) fn cost(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::List(items) => items.iter().map(|item| item_cost(item)).sum(),
            Self::Set(members) => members.iter().map(|member| item_cost(member)).sum(),
        }
    }

    /// Whether a list or a set has nothing left in it. Such a key is taken away, as Redis does.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Set(members) => members.is_empty(),
        }
    }
}

/// What a key counts for, beside its value.
pub(crate) fn key_cost(key: &str) -> usize {
    PER_KEY + key.len()
}

/// What one item or member counts for.
pub(crate) fn item_cost(item: &str) -> usize {
    PER_ITEM + item.len()
}
