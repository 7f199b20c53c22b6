//! Compiles modules, within limits.

pub(crate) mod complexity;
pub(crate) mod identity;
pub(crate) mod operators;
pub(crate) mod time;
