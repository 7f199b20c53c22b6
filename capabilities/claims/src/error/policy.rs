//! Lists what is refused about a policy as a whole.

use crate::{clock::Moment, keys::PublicKey};

/// Why a policy was not taken, although each of its entries can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The policy's end says another number of entries than there are.
    #[error(
        "the policy's end says {said} entries, and it has {count}: it was cut off or changed; get the whole file, or set `entries = {count}` under [end] if it is right"
    )]
    NotWhole {
        /// What the end says.
        said: u64,
        /// How many there are.
        count: u64,
    },
    /// A policy without an end where one is asked for.
    #[error(
        "the policy does not say that it is whole; if it is, add these two lines at its end: [end] and entries = {count}"
    )]
    NoEnd {
        /// How many entries there are.
        count: u64,
    },
    /// A policy that is to be signed is not.
    #[error(
        "the policy is not signed, and only one that {signer} signed is taken; sign it, or get the signed one"
    )]
    Unsigned {
        /// Who was to sign it.
        signer: PublicKey,
    },
    /// A policy that somebody else signed.
    #[error(
        "the policy is signed by {actual}, and only one of {signer} is taken; get the one of the right signer"
    )]
    OtherSigner {
        /// Who was to sign it.
        signer: PublicKey,
        /// Who did.
        actual: PublicKey,
    },
    /// The text is not the one that was signed.
    #[error("the policy was altered after {signer} signed it; get the original, or have this one signed")]
    Changed {
        /// Who signed it.
        signer: PublicKey,
    },
    /// An older policy, or another one of the same serial number.
    #[error(
        "the policy has the serial {serial} of {}, and {newest} was taken before; sign the right one anew with a higher serial",
        Moment(*.issued_at)
    )]
    Replayed {
        /// Its serial number.
        serial: u64,
        /// When it was signed, in seconds since 1970.
        issued_at: u64,
        /// The serial number of the newest one that was taken.
        newest: u64,
    },
}
