//! Defines `wascc:http_client`: requests that an actor makes. The messages are those of [`http_server`](crate::http_server).

pub use crate::http_server::{Request, Response};

/// The capability's id.
pub const CAPABILITY: &str = "wascc:http_client";
/// Makes a request: [`Request`] in, with the URL in `path`, [`Response`] out.
pub const OP_PERFORM_REQUEST: &str = "PerformRequest";
