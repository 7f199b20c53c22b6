//! Says what can go wrong between a message and its bytes.

use alloc::string::String;

/// Why a message could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The bytes end in the middle of the message.
    #[error("the {size} bytes of `{operation}` end in the middle of the message: send all of it")]
    Truncated {
        /// The operation that the bytes belong to.
        operation: String,
        /// How many bytes there are.
        size: usize,
    },
    /// A number does not fit into its field.
    #[error("`{operation}` holds {value}, which does not fit into {expected}: send a number that does")]
    OutOfRange {
        /// The operation that the bytes belong to.
        operation: String,
        /// The number in decimals.
        value: String,
        /// The type of the field, such as `i32`.
        expected: &'static str,
    },
    /// The message nests deeper than is read.
    #[error("`{operation}` nests more than {limit} structures: send the contract's message")]
    TooDeep {
        /// The operation that the bytes belong to.
        operation: String,
        /// How many levels are read.
        limit: usize,
    },
    /// The bytes are another message than the operation takes, or no MessagePack at all.
    #[error("the {size} bytes of `{operation}` cannot be read, at byte {offset}: {reason}")]
    Malformed {
        /// The operation that the bytes belong to.
        operation: String,
        /// How many bytes there are.
        size: usize,
        /// How many of them were read.
        offset: usize,
        /// What was expected, and what was found.
        reason: String,
    },
    /// A value cannot be written: MessagePack, or JSON, has nothing for it.
    #[error("a value of {type_name} cannot be written: {reason}")]
    Encode {
        /// The type of the value.
        type_name: &'static str,
        /// What stands against it.
        reason: String,
    },
}
