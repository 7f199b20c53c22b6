//! Tells whom a refusal is about.

use super::ClaimsError;
use crate::tokens::Label;

impl ClaimsError {
    /// Whom the text names as the one that is refused: a module for the most part, or whom a token
    /// of its chain is about. Nothing when that is not known.
    #[must_use]
    pub fn subject(&self) -> Option<&Label> {
        match self {
            Self::Forged { subject, .. }
            | Self::Altered { subject, .. }
            | Self::Expired { subject, .. }
            | Self::NotYetValid { subject, .. }
            | Self::NotTrusted { subject, .. }
            | Self::NotSelfIssued { subject, .. }
            | Self::KeyRevoked { subject, .. }
            | Self::TokenRevoked { subject, .. }
            | Self::ActorDenied { subject }
            | Self::ActorNotAllowed { subject }
            | Self::RevisionTooLow { subject, .. }
            | Self::NeverExpires { subject, .. }
            | Self::LivesTooLong { subject, .. }
            | Self::NotGranted { subject, .. }
            | Self::CapabilityBeyondLimit { subject, .. }
            | Self::LinkBeyondLimit { subject, .. }
            | Self::OperationBeyondLimit { subject, .. } => Some(subject),
            Self::AccountExpired { account, .. } | Self::AccountNotYetValid { account, .. } => Some(account),
            Self::OperatorExpired { operator, .. } | Self::OperatorNotYetValid { operator, .. } => {
                Some(operator)
            }
            Self::BrokenChain { source, .. } => source.subject(),
            Self::Ownership(error) => error.subject(),
            Self::Rotation(error) => error.subject(),
            _ => None,
        }
    }
}

impl Label {
    /// Why this module was refused, in words that name it: many refusals do by themselves, those of
    /// a chain or of a key that is not the module's do not.
    #[must_use]
    pub fn refusal(&self, why: &ClaimsError) -> String {
        match why.subject() {
            Some(subject) if subject == self => why.to_string(),
            _ => format!("{self}: {why}"),
        }
    }
}
