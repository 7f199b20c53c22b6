//! Makes key pairs, reads them from seeds, and signs with them.

use std::fmt;

use jsonwebtoken::{
    Algorithm,
    crypto::JwtSigner,
    signature::{Error as SignatureError, Signer},
};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    error::ClaimsError,
    keys::{
        KeyKind, PublicKey, nkeys,
        secret::{Secret, leaving_nothing_behind},
    },
};

/// A secret key with its kind.
///
/// The secret lies in memory once, on the heap, wherever the value is moved. It is overwritten when
/// the value is dropped, is not shown by `Debug`, and leaves only through [`seed`](Self::seed). No
/// function of this type leaves a copy on the stack.
pub struct KeyPair {
    kind: KeyKind,
    secret: Secret,
}

/// The field `secret` sees to it.
impl ZeroizeOnDrop for KeyPair {}

impl KeyPair {
    /// A new key from the operating system's source of randomness.
    ///
    /// # Errors
    /// [`ClaimsError::CannotSign`] for [`KeyKind::Curve`], and [`ClaimsError::NoRandomness`] when
    /// the system has none.
    pub fn generate(kind: KeyKind) -> Result<Self, ClaimsError> {
        leaving_nothing_behind(|| {
            let mut seed = Zeroizing::new([0; 32]);
            getrandom::fill(seed.as_mut()).map_err(|source| ClaimsError::NoRandomness { source })?;
            Self::of_seed(kind, &seed)
        })
    }

    /// Reads the 58-character text of a seed (`S`, then the kind's letter). White space around it
    /// is skipped, for seed files end with a line break, and so is a byte order mark, which some
    /// editors put in front.
    ///
    /// # Errors
    /// [`ClaimsError::MalformedKey`], which never repeats the text, and [`ClaimsError::CannotSign`]
    /// for a curve key.
    pub fn from_seed(seed: &str) -> Result<Self, ClaimsError> {
        leaving_nothing_behind(|| {
            let (kind, seed) = nkeys::decode_seed(seed.trim_start_matches('\u{feff}').trim())?;
            Self::of_seed(kind, &seed)
        })
    }

    fn of_seed(kind: KeyKind, seed: &[u8; 32]) -> Result<Self, ClaimsError> {
        if kind == KeyKind::Curve {
            return Err(ClaimsError::CannotSign { kind });
        }
        Ok(Self { kind, secret: Secret::new(seed) })
    }

    /// The same pair when it is of the kind that `role` asks for; `role` says in the error what the
    /// key was to be.
    ///
    /// # Errors
    /// [`ClaimsError::WrongKeyKind`] when it is of another kind, for example an account's seed
    /// where a module's is needed.
    pub fn of_kind(self, expected: KeyKind, role: &'static str) -> Result<Self, ClaimsError> {
        self.public_key().of_kind(expected, role)?;
        Ok(self)
    }

    /// What the key stands for.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey::derived(self.kind, self.secret.public_bytes())
    }

    /// The secret as 58 characters of text, which [`from_seed`](Self::from_seed) reads. The text is
    /// overwritten when it is dropped; copies of it are up to whoever makes them.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<String> {
        leaving_nothing_behind(|| nkeys::encode_seed(self.kind, self.secret.as_bytes()))
    }

    /// The Ed25519 signature of the message (RFC 8032 §5.1.6). The same message always gets the
    /// same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        leaving_nothing_behind(|| self.secret.sign(message))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({}, secret not shown)", self.public_key())
    }
}

/// Lets the pair sign wherever code is written against `jsonwebtoken`'s traits; this crate's own
/// tokens take that road too.
impl Signer<Vec<u8>> for KeyPair {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(KeyPair::sign(self, message).to_vec())
    }
}

impl JwtSigner for KeyPair {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
