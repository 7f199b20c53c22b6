//! Lists what is refused because it belongs to somebody else.

use untrusted_text::Shown;

use super::Bound;
use crate::{keys::PublicKey, tokens::Label};

/// Why a module was refused for whom it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OwnershipError {
    /// The policy binds the module's key, its name or one of its tags to somebody else than who signed it.
    #[error(
        "{subject} is signed by {issuer}, and the policy binds {bound} to {owner}; have its owner sign it, or change the owners in the policy"
    )]
    BoundToAnother {
        /// The module.
        subject: Label,
        /// What is bound.
        bound: Bound,
        /// To whom it is bound; the first of them when there are several.
        owner: PublicKey,
        /// Who signed the module.
        issuer: PublicKey,
    },
    /// An actor that one account brought in was to be taken over by another.
    #[error(
        "{subject} is signed by {issuer}, and the actor belongs to {owner}, who brought it in; have its owner sign it or rotate its key, or bind the module to the new account in the policy"
    )]
    NotTheOwner {
        /// The module that was offered.
        subject: Label,
        /// Who signed the one that runs.
        owner: PublicKey,
        /// Who signed the one that was offered.
        issuer: PublicKey,
    },
    /// A pattern for names that cannot be one.
    #[error("\"{}\" is not a pattern for names: {reason}", Shown::new(.pattern))]
    Pattern {
        /// The pattern, no more of it than is shown.
        pattern: Box<str>,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
}

impl OwnershipError {
    pub(super) fn subject(&self) -> Option<&Label> {
        match self {
            Self::BoundToAnother { subject, .. } | Self::NotTheOwner { subject, .. } => Some(subject),
            Self::Pattern { .. } => None,
        }
    }
}
