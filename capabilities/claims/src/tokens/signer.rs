//! Holds what tokens of accounts and of operators have in common.

use serde::{Deserialize, Serialize};

/// What a token says about an account or an operator. `null` stands for what is absent here, for
/// that is how the public tools write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AboutSigner {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// More keys that it would like to sign with. They are read and then disregarded: whoever is to
    /// be trusted needs a token of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_signers: Option<Vec<String>>,
}

impl AboutSigner {
    /// The public tools always write the list, so it is written here too.
    pub(crate) fn named(name: Option<String>) -> Self {
        Self { name, valid_signers: Some(Vec::new()) }
    }
}

/// What the claims of accounts and of operators have in common.
macro_rules! signer_claims {
    ($claims:ident) => {
        impl $claims {
            /// The name for people.
            #[must_use]
            pub fn name(&self) -> Option<&str> {
                self.0.about.name.as_deref()
            }

            /// The token's own id (`jti`).
            #[must_use]
            pub fn id(&self) -> &str {
                &self.0.id
            }

            /// When the token was issued, in seconds since 1970 (`iat`).
            #[must_use]
            pub fn issued_at(&self) -> u64 {
                self.0.issued_at
            }

            /// The second from which on the token is refused, since 1970 (`exp`). None: it does not expire.
            #[must_use]
            pub fn expires(&self) -> Option<u64> {
                self.0.expires
            }

            /// The first second in which the token is good, since 1970 (`nbf`). None: at once.
            #[must_use]
            pub fn not_before(&self) -> Option<u64> {
                self.0.not_before
            }
        }

        impl From<&$claims> for crate::tokens::Label {
            fn from(claims: &$claims) -> Self {
                Self::new(claims.name(), claims.0.subject)
            }
        }

        impl From<&$claims> for crate::chain::Link {
            fn from(claims: &$claims) -> Self {
                Self::of(&claims.0, claims.name())
            }
        }
    };
}

pub(crate) use signer_claims;
