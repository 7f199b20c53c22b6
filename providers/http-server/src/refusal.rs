//! What a client reads when the actor gave no answer: a status, and a JSON body that says why.

use bytes::Bytes;
use capability_provider::DispatchError;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};
use serde_json::{Value, json};

/// What goes back over the socket.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Words of an actor are cut here, so that an error's body stays small.
const LONGEST_MESSAGE: usize = 1000;

/// An answer that this provider gives in the actor's place.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    down: Option<Down>,
    retry: bool,
    close: bool,
}

/// The capability that is not there, and the link by which the actor wanted it.
#[derive(Debug)]
struct Down {
    capability: String,
    link: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), down: None, retry: false, close: false }
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("the body is longer than the {limit} bytes that are taken here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message).and_close()
    }

    pub(crate) fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time")
            .and_close()
    }

    pub(crate) fn body_unreadable(reason: &hyper::Error) -> Self {
        let message = format!("the body cannot be read: {reason}");
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message).and_close()
    }

    pub(crate) fn tunnel() -> Self {
        let message = "CONNECT asks for a tunnel, and there is none here";
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message).and_close()
    }

    pub(crate) fn queue_full(limit: usize) -> Self {
        let message = format!("{limit} requests already wait for the actor: try again later");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message).and_retry()
    }

    pub(crate) fn no_answer_in_time() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", "the actor did not answer in time")
    }

    pub(crate) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "this listener is being closed")
            .and_retry()
            .and_close()
    }

    pub(crate) fn bad_reply(reason: impl std::fmt::Display) -> Self {
        let message = format!("the actor's reply is not an HTTP response: {reason}");
        Self::new(StatusCode::BAD_GATEWAY, "bad_reply", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    /// The answer for an error of the call that carried `sent` bytes.
    pub(crate) fn dispatch(error: DispatchError, sent: usize) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            DispatchError::CapabilityUnavailable { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "capability_unavailable")
            }
            DispatchError::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            DispatchError::Gone { .. } => (StatusCode::SERVICE_UNAVAILABLE, "actor_gone"),
            DispatchError::Refused { .. } => (StatusCode::SERVICE_UNAVAILABLE, "actor_refused"),
            DispatchError::DeadlineExceeded { .. } => (StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded"),
            // The size tells which way the bytes went that were too many.
            DispatchError::TooLarge { size, .. } if *size == sent => {
                (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large")
            }
            DispatchError::TooLarge { .. } => (StatusCode::BAD_GATEWAY, "reply_too_large"),
            DispatchError::Actor { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "actor_error"),
            DispatchError::Failed { .. } => (StatusCode::BAD_GATEWAY, "actor_failed"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        };
        let retry = matches!(error, DispatchError::Busy { .. });
        Self { down: Down::of(error), retry, ..Self::new(status, code, message) }
    }

    fn and_retry(mut self) -> Self {
        self.retry = true;
        self
    }

    /// Ends the connection after the answer, for what is left of the request will not be read.
    fn and_close(mut self) -> Self {
        self.close = true;
        self
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut error = json!({ "code": self.code, "message": shortened(&self.message) });
        if let Some(down) = &self.down {
            down.name_in(&mut error);
        }
        let mut answer = json_answer(self.status, &json!({ "error": error }));
        if self.retry {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.close {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

impl Down {
    fn of(error: DispatchError) -> Option<Self> {
        match error {
            DispatchError::CapabilityUnavailable { capability, link, .. } => Some(Self { capability, link }),
            _ => None,
        }
    }

    fn name_in(&self, object: &mut Value) {
        object["capability"] = json!(self.capability);
        object["link"] = json!(self.link);
    }
}

/// What the health path answers.
pub(crate) fn health(outcome: Result<(), DispatchError>) -> Answer {
    let Err(error) = outcome else {
        return json_answer(StatusCode::OK, &json!({ "status": "ok" }));
    };
    let mut body = json!({ "status": "unhealthy", "reason": shortened(&error.to_string()) });
    if let Some(down) = Down::of(error) {
        down.name_in(&mut body);
    }
    json_answer(StatusCode::SERVICE_UNAVAILABLE, &body)
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(LONGEST_MESSAGE).map_or(text, |(end, _)| &text[..end])
}
