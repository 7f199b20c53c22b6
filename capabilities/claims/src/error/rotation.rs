//! Lists what is refused about rotations.

use crate::{clock::Moment, keys::PublicKey, tokens::Label};

/// Why a rotation, or a key that was rotated, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The key that a module depends on has handed over to another, and the overlap is over.
    #[error(
        "{subject} depends on {key}, which handed over to {successor}; the overlap ended at {}, it is {} now; have it signed with the new key",
        Moment(*.ended_at), Moment(*.now)
    )]
    KeyRotated {
        /// The module.
        subject: Label,
        /// The old key.
        key: PublicKey,
        /// The new key.
        successor: PublicKey,
        /// The second from which on the old key is refused, since 1970.
        ended_at: u64,
        /// The time of the check, in seconds since 1970.
        now: u64,
    },
    /// The module is signed by a key whose rotation is not in force, and which is not trusted otherwise.
    #[error("{subject} is signed by {to}, and its rotation from {from} is not in force: {reason}")]
    NotInForce {
        /// The module.
        subject: Label,
        /// The old key.
        from: PublicKey,
        /// The new key.
        to: PublicKey,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// The new key did not sign its acceptance.
    #[error("the rotation from {from} is not accepted by {to}; make it anew with the seeds of both keys")]
    NotAccepted {
        /// The old key.
        from: PublicKey,
        /// The new key.
        to: PublicKey,
    },
    /// A rotation without a handover or an end of the overlap.
    #[error("the rotation of {key} does not say when the overlap begins and ends; make it anew with an end")]
    NoTime {
        /// The old key.
        key: PublicKey,
    },
    /// A rotation that says another kind than its keys have.
    #[error("the rotation of {key} is said to be for another kind of key; make it anew")]
    Kind {
        /// The old key.
        key: PublicKey,
    },
    /// A key that would stand for itself.
    #[error("the rotations lead from {key} back to itself; leave one of them out, and rotate to a new key")]
    Circle {
        /// The key.
        key: PublicKey,
    },
    /// Two rotations from one key, or two to one key.
    #[error(
        "two rotations of {key} contradict each other; leave one out: a key hands over once and takes over once"
    )]
    Conflict {
        /// The key.
        key: PublicKey,
    },
    /// Too many rotations one after the other.
    #[error(
        "with the rotation of {key} there are more than {limit} one after the other; name the newest key in the policy and leave the old rotations out"
    )]
    TooLong {
        /// The old key of the one that was to be added.
        key: PublicKey,
        /// The most that are held.
        limit: usize,
    },
}

impl RotationError {
    pub(super) fn subject(&self) -> Option<&Label> {
        match self {
            Self::KeyRotated { subject, .. } | Self::NotInForce { subject, .. } => Some(subject),
            _ => None,
        }
    }
}
