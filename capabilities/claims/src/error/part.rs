//! Names the parts of a token in messages.

use std::fmt;

/// The part of a token that a [`ClaimsError::MalformedToken`](super::ClaimsError::MalformedToken) is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPart {
    /// The text as a whole, before it is taken apart.
    Text,
    /// The first part: type and algorithm.
    Header,
    /// The second part: who signed what.
    Claims,
    /// The third part: 64 bytes.
    Signature,
}

impl fmt::Display for TokenPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}
