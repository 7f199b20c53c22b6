//! Adds and divides, as a guest of waPC alone whose messages are types, in MessagePack. What it does on each operation:
//!
//! | operation | message | reply |
//! |---|---|---|
//! | `add` | [`Operands`] | their sum, or an error when it does not fit |
//! | `divide` | [`Operands`] | their quotient; a division by zero panics |
//! | `sum` | a list of numbers | their sum, which the host adds up: (`default`, `example:calculator`, `Add`) |
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::vec::Vec;
use core::convert::Infallible;

use serde::{Deserialize, Serialize};
use wapc_guest::{Codec, HostError, MessagePack, handlers, no_std_runtime};

handlers! {
    codec = MessagePack;
    "add" => typed add,
    "divide" => typed divide,
    "sum" => typed sum,
}
no_std_runtime!();

/// Two numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operands {
    /// The first.
    pub left: i32,
    /// The second.
    pub right: i32,
}

/// Adds two numbers.
///
/// # Errors
/// When the sum does not fit.
pub fn add(Operands { left, right }: Operands) -> Result<i32, &'static str> {
    left.checked_add(right).ok_or("the sum does not fit")
}

/// Divides the first number by the second.
///
/// # Errors
/// None.
///
/// # Panics
/// When the second is zero: the host gets the message of the panic.
pub fn divide(Operands { left, right }: Operands) -> Result<i32, Infallible> {
    Ok(left / right)
}

/// Lets the host add up numbers.
///
/// # Errors
/// The host's.
pub fn sum(numbers: Vec<i32>) -> Result<i32, HostError> {
    numbers.into_iter().try_fold(0, |left, right| {
        MessagePack::call("default", "example:calculator", "Add", &Operands { left, right })
    })
}
