//! Defines the messages, operations and identifiers of the capabilities, shared by guests, host and providers.
//!
//! An actor and a provider never see each other's code. What they share is a contract: a capability's id, the names of
//! its operations, and for each operation the message that goes in and the one that comes out, in MessagePack.
//!
//! ```text
//!   actor ── encode(AddRequest) ──▶ bytes ──▶ host ──▶ bytes ── decode::<AddRequest> ──▶ provider
//!         ◀─ decode::<AddResponse> ─ bytes ◀─── ◀──── bytes ◀── encode(AddResponse) ──
//! ```
//!
//! # Example
//!
//! ```
//! use capability_contracts::{
//!     decode, encode,
//!     keyvalue::{AddRequest, OP_ADD},
//! };
//!
//! let payload = encode(&AddRequest { key: "counter:home".into(), value: 1 })?;
//! assert_eq!(payload, b"\x82\xa3key\xaccounter:home\xa5value\x01");
//!
//! let request: AddRequest = decode(OP_ADD, &payload)?;
//! assert_eq!((request.key.as_str(), request.value), ("counter:home", 1));
//!
//! // A number that does not fit is an error that names the operation; nothing wraps around.
//! let error = decode::<AddRequest>(OP_ADD, b"\x82\xa3key\xa1k\xa5value\xce\xff\xff\xff\xff").unwrap_err();
//! assert!(error.to_string().contains("`Add`"));
//! # Ok::<(), capability_contracts::CodecError>(())
//! ```
//!
//! # On the wire
//!
//! Written strictly: structures as maps with every field in camelCase, bodies as `bin`, integers in their shortest form.
//! Read leniently, for others write differently: maps or arrays, `bin` or arrays of integers, camelCase or snake_case,
//! `nil` for what is empty; unknown fields and bytes after the message are ignored.
//!
//! | module | capability | delivered to the actor |
//! |---|---|---|
//! | [`http_server`] | `wascc:http_server` | `HandleRequest` |
//! | [`http_client`] | `wascc:http_client` | |
//! | [`keyvalue`] | `wascc:keyvalue` | |
//! | [`logging`] | `wascc:logging` | |
//! | [`health`] | (every actor) | `HealthRequest` |
//!
//! | feature | what it adds |
//! |---|---|
//! | `json` (on by default) | [`http_server::Response::json`] |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
mod lenient;
mod operations;
mod wire;

pub mod health;
pub mod http_client;
pub mod http_server;
pub mod keyvalue;
pub mod logging;

pub use crate::{
    error::CodecError,
    operations::{RESERVED_OPERATIONS, is_reserved},
    wire::{decode, encode},
};

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
