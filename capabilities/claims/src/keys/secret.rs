//! Holds the secret half of a key so that there is one copy of it in memory, and none when that is dropped.

use std::hint;

use ed25519_dalek::{Signer, SigningKey};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// How much of the stack below a caller is overwritten, in bytes. What was seen to stay behind lay
/// in the first 4 KiB.
const OVERWRITTEN: usize = 32 * 1024;

/// A secret key, which stays where it is when its owner is moved: moving a value copies it and does
/// not overwrite the place where it was.
pub(crate) struct Secret(Box<SigningKey>);

/// Were the library of keys built without that, this would not compile.
const _: () = {
    const fn is_overwritten_on_drop<T: ZeroizeOnDrop>() {}
    is_overwritten_on_drop::<SigningKey>();
};

impl Secret {
    /// Leaves copies of the seed on the stack, so it is for [`leaving_nothing_behind`].
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        Self(Box::new(SigningKey::from_bytes(seed)))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn public_bytes(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// As [`new`](Self::new): for [`leaving_nothing_behind`].
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// Does some work with a secret, and then overwrites the part of the stack that the work used. What
/// the work returns must hold the secret on the heap only.
pub(crate) fn leaving_nothing_behind<T>(work: impl FnOnce() -> T) -> T {
    let result = below(work);
    overwrite_below();
    result
}

/// Both functions begin at the same place of the stack because neither becomes a part of its caller.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn overwrite_below() {
    let mut used = [0_u64; OVERWRITTEN / 8];
    used.zeroize();
    hint::black_box(&used);
}
