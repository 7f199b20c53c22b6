//! Answers a part of an axum program's requests with a signed actor. `docs/guides/axum.md` explains it.
//!
//! ```text
//!  client ──▶ axum ──▶ /about         a handler of the program's own
//!                 └──▶ /counter/...   ask ──▶ ActorRef::call ──▶ the actor ──▶ MemoryKeyValue
//! ```
#![forbid(unsafe_code)]

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use host_core::{
    ActorRef, ErrorKind, Host, PublicKey, TrustPolicy,
    contracts::{
        CodecError, decode, encode,
        http_server::{self, OP_HANDLE_REQUEST},
        keyvalue,
    },
};
use provider_keyvalue_memory::MemoryKeyValue;

/// The most bytes of a request's body.
const LONGEST_BODY: usize = 1 << 20;

// region host
/// An actor that counts requests, with a host of its own. Clones share both.
#[derive(Debug, Clone)]
pub struct Counter(ActorRef);

impl Counter {
    /// Starts the actor in `module`, which must be signed by `account`, on a store in memory.
    ///
    /// # Errors
    /// Those of [`Host::add_actor`] and [`Host::link`]: above all when the module is not what the account signed.
    pub fn start(module: Vec<u8>, account: PublicKey) -> Result<Self, host_core::Error> {
        let host = Host::builder().trust(TrustPolicy::nobody().account(account)).build()?;
        host.provide(MemoryKeyValue::new())?;
        host.actor(module).link(keyvalue::CAPABILITY).start().map(Self)
    }
}
// endregion host

// region router
/// What the program serves.
pub fn router(counter: Counter) -> Router {
    Router::new()
        .route("/about", get(async || "counts the requests under /counter"))
        .route("/counter/{*path}", get(ask).post(ask))
        .with_state(counter)
}

/// Hands a request to the actor and gives its answer back.
async fn ask(State(counter): State<Counter>, request: Request) -> Result<Response, Failed> {
    let (head, body) = request.into_parts();
    let message = http_server::Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query_string: head.uri.query().unwrap_or_default().to_owned(),
        body: to_bytes(body, LONGEST_BODY).await.map_err(Failed::Body)?.to_vec(),
        ..http_server::Request::default()
    };
    let payload = encode(&message)?;
    // The call is made on a thread of the host's, so axum's own do not wait for it. When the client leaves, axum drops this future, and the
    // actor's call is cancelled.
    let reply = counter.0.call(OP_HANDLE_REQUEST, payload).await?;
    response(decode(OP_HANDLE_REQUEST, &reply)?)
}
// endregion router

/// An actor's answer as axum's. What is no status or header is the actor's mistake.
fn response(answer: http_server::Response) -> Result<Response, Failed> {
    let status = u16::try_from(answer.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status.ok_or(Failed::Answer)?;
    for (name, value) in answer.header {
        let name = HeaderName::try_from(name).map_err(|_| Failed::Answer)?;
        let value = HeaderValue::try_from(value).map_err(|_| Failed::Answer)?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

// region failed
/// Why there is no answer of the actor. A client is told the status alone; the rest goes to the log.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("the body cannot be read: {0}")]
    Body(axum::Error),
    #[error("the message cannot be read or written: {0}")]
    Message(#[from] CodecError),
    #[error("the actor's answer is no response of HTTP")]
    Answer,
    #[error(transparent)]
    Host(#[from] host_core::Error),
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        log::warn!("{self}");
        match self {
            Self::Body(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Host(error) => match error.kind() {
                ErrorKind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
                ErrorKind::Busy | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_GATEWAY,
            },
            _ => StatusCode::BAD_GATEWAY,
        }
        .into_response()
    }
}
// endregion failed
