//! Holds a key to the kind that its place needs.

use crate::{
    error::ClaimsError,
    keys::{KeyKind, PublicKey},
};

impl PublicKey {
    /// The same key when it is of the kind that `role` asks for; `role` says in the error what the
    /// key was to be.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is of another kind.
    pub fn of_kind(self, expected: KeyKind, role: &'static str) -> Result<Self, ClaimsError> {
        if self.kind() == expected {
            Ok(self)
        } else {
            Err(ClaimsError::WrongKeyKind { role, expected, key: self })
        }
    }

    /// The same key when it is an operator's or, as `role` says in the error, an account's.
    pub(crate) fn of_signer(self, role: &'static str) -> Result<Self, ClaimsError> {
        if self.kind() == KeyKind::Operator { Ok(self) } else { self.of_kind(KeyKind::Account, role) }
    }
}
