//! Brings in what most actors use: `use actor_sdk::prelude::*;`.
//!
//! The second half is what the standard library's own prelude has, so that an actor without the standard library is
//! written like one with it.

pub use alloc::{
    borrow::ToOwned,
    boxed::Box,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

pub use crate::{Error, actor, console_log, health, http, http_client, keyvalue, logging};
