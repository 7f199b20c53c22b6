//! Holds all that names wasmer or one of its crates.

pub(crate) mod arguments;
pub(crate) mod compile;
#[allow(unsafe_code)]
pub(crate) mod context;
#[allow(unsafe_code)]
pub(crate) mod host_function;
pub(crate) mod memory;
pub(crate) mod metering;
pub(crate) mod run;
