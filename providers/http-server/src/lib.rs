//! Serves the `wascc:http_server` capability: HTTP/1.1 on hyper, with many actors at one address or each at its own.
//!
//! A request becomes one `HandleRequest` call to the linked actor, and the actor's reply becomes the response. The thread
//! that talks to sockets never calls an actor, so a slow actor holds up no other request. Links share an address by host and path:
//!
//! ```text
//!  client ──▶ socket thread ──▶ bounded queue ──▶ worker threads ──▶ ActorHandle::call
//!         ◀──  (hyper)      ◀────────── answer ──────────┘
//! ```
//!
//! # Example
//!
//! Here a small type that greets stands in for the actor:
//!
//! ```
//! use std::{io::{Read, Write}, net::TcpStream, sync::Arc};
//!
//! use bytes::Bytes;
//! use capability_contracts::{encode, http_server::Response};
//! use capability_provider::{CallContext,
//!     ActorHandle, ActorId, Dispatch, DispatchError, LinkConfig, LinkKey, LinkName, Provider,
//! };
//! use provider_http_server::HttpServer;
//!
//! struct Greeter;
//!
//! impl Dispatch for Greeter {
//!     fn call(&self, _: CallContext, _operation: &str, _payload: &[u8]) -> Result<Bytes, DispatchError> {
//!         let response = Response { status_code: 200, body: b"hello".to_vec(), ..Response::default() };
//!         Ok(encode(&response).expect("a response without exotic types").into())
//!     }
//!     fn health(&self) -> Result<(), DispatchError> {
//!         Ok(())
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = HttpServer::new();
//! let actor = ActorId::new(&format!("M{}", "A".repeat(55)))?;
//! let link = LinkKey::new(actor, server.capability(), LinkName::default());
//! let config = LinkConfig::new().with("port", "0");
//! server.link(&link, &config, ActorHandle::new(link.clone(), Arc::new(Greeter)))?;
//!
//! let address = server.local_addr(&link).expect("the link was made above");
//! let mut client = TcpStream::connect(address)?;
//! client.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")?;
//! let mut reply = String::new();
//! client.read_to_string(&mut reply)?;
//! assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.ends_with("hello"));
//! server.shutdown();
//! # Ok(())
//! # }
//! ```
//!
//! The README lists the configuration keys of a link and the status that answers each failure. This crate has no features.
#![forbid(unsafe_code)]

mod accept;
mod answer;
mod calls;
mod head;
mod listener;
mod message;
mod peer;
mod provider;
mod refusal;
mod route;
mod routes;
mod settings;
mod socket;

pub use crate::provider::HttpServer;

/// The README's examples run too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
