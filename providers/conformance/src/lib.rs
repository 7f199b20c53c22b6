//! Tests providers: one suite for each capability contract, run against every provider of it.
//!
//! What a contract leaves open in words is settled here in cases: what a counter does at the end of its range, what a list
//! operation says to a set, where a range ends. A provider that passes can take the place of any other that does.
//!
//! ```text
//!  keyvalue(|| provider) ──▶ for each case: link a test actor ──▶ operations ──▶ what is wrong, by the case's name
//! ```
//!
//! # Example
//!
//! The whole test of a provider's contract:
//!
//! ```
//! use provider_keyvalue_memory::MemoryKeyValue;
//!
//! provider_conformance::keyvalue(MemoryKeyValue::new);
//! ```
//!
//! Beside the suites there is [`RedisServer`], which runs a real server for as long as a test needs it. This crate has no
//! features.
#![forbid(unsafe_code)]

mod actor;
mod failure;
mod keyvalue;
mod redis_server;

pub use crate::{
    actor::TestActor,
    failure::Failure,
    keyvalue::{check_keyvalue, keyvalue, keyvalue_expiry},
    redis_server::{RedisServer, ServerError},
};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
