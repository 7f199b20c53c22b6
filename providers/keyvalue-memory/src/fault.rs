//! Says why the store did not do what it was asked to.

use capability_provider::ProviderError;

use crate::links::Prefix;

/// A refusal of the store. Nothing was changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The key holds another kind of value than the operation is for.
    WrongKind { key: String, holds: &'static str, wanted: &'static str },
    /// The text under the key is not a counter.
    NotACounter { key: String },
    /// The sum would leave the range of a counter.
    Overflow { key: String, holds: i32, delta: i32 },
    /// A time to live below zero.
    NegativeExpiry { key: String, expires: i32 },
    /// An operation on several keys got none.
    NoKeys,
    /// A key or a value is over its limit.
    TooLarge { size: usize, limit: usize },
    /// The store is full, or so is what may be put there over the link.
    Full { key: String, full: Full, used: usize, needed: usize, limit: usize },
    /// Others changed a list each time that it was about to be changed.
    Contended { key: String },
    /// The answer would be larger than the call may carry.
    AnswerTooLarge { size: usize, limit: usize },
}

/// What is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Store,
    Link,
}

impl Fault {
    pub(crate) fn into_error(self, operation: &str, prefix: &Prefix) -> ProviderError {
        let operation = operation.to_owned();
        let (key, reason) = match self {
            Self::TooLarge { size, limit } => return ProviderError::TooLarge { operation, size, limit },
            Self::AnswerTooLarge { size, limit } => {
                return ProviderError::ReplyTooLarge { operation, size, limit };
            }
            Self::WrongKind { key, holds, wanted } => {
                (key, format!("the key holds a {holds}, and this operation is for a {wanted}"))
            }
            Self::NotACounter { key } => {
                (key, "the text under the key is not a whole number of 32 bits".to_owned())
            }
            Self::Overflow { key, holds, delta } => {
                (key, format!("{holds} plus {delta} is outside of {} to {}", i32::MIN, i32::MAX))
            }
            Self::NegativeExpiry { key, expires } => {
                (key, format!("a value cannot expire in {expires} seconds; 0 stands for never"))
            }
            Self::Contended { key } => {
                (key, "others changed the list each time that this was about to: try again".to_owned())
            }
            Self::NoKeys => (String::new(), "name at least one key".to_owned()),
            Self::Full { key, full, used, needed, limit } => {
                let holds = match full {
                    Full::Store => "the store holds",
                    Full::Link => "what was put there over this link has",
                };
                (
                    key,
                    format!(
                        "{holds} {used} of {limit} bytes and this needs {needed} more: delete something first"
                    ),
                )
            }
        };
        ProviderError::Rejected { operation, key: prefix.unapply(&key), reason }
    }
}
