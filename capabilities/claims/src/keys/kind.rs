//! Tells what a key stands for: an account, a module, an operator.

use std::fmt;

/// What a key stands for. The kind is part of the key's text, which it gives the first letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// `A`: signs modules.
    Account,
    /// `C`: a cluster of hosts.
    Cluster,
    /// `M`: a module, the identity of an actor.
    Module,
    /// `N`: a server or host.
    Server,
    /// `O`: vouches for accounts.
    Operator,
    /// `U`: a user.
    User,
    /// `V`: a capability provider.
    Provider,
    /// `X`: key agreement on Curve25519; such a key cannot sign.
    Curve,
}

impl KeyKind {
    /// Every kind, in the order of the letters.
    pub const ALL: [Self; 8] = [
        Self::Account,
        Self::Cluster,
        Self::Module,
        Self::Server,
        Self::Operator,
        Self::User,
        Self::Provider,
        Self::Curve,
    ];

    /// The first letter of the text form of a public key of this kind.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Account => 'A',
            Self::Cluster => 'C',
            Self::Module => 'M',
            Self::Server => 'N',
            Self::Operator => 'O',
            Self::User => 'U',
            Self::Provider => 'V',
            Self::Curve => 'X',
        }
    }

    /// The prefix byte of the text form: the place of the letter in the base32 alphabet, shifted to
    /// the byte's upper five bits.
    pub(crate) fn prefix(self) -> u8 {
        match self {
            Self::Account => 0,
            Self::Cluster => 2 << 3,
            Self::Module => 12 << 3,
            Self::Server => 13 << 3,
            Self::Operator => 14 << 3,
            Self::User => 20 << 3,
            Self::Provider => 21 << 3,
            Self::Curve => 23 << 3,
        }
    }

    pub(crate) fn of_prefix(prefix: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.prefix() == prefix)
    }

    /// The kind in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Cluster => "cluster",
            Self::Module => "module",
            Self::Server => "server",
            Self::Operator => "operator",
            Self::User => "user",
            Self::Provider => "provider",
            Self::Curve => "curve",
        }
    }
}

/// The lower-case English name, as [`FromStr`](std::str::FromStr) reads it.
impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
