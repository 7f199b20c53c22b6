//! Writes the answers that the provider gives in the actor's place, with as much of a failure as its reader may know.

use std::str::FromStr;

use bytes::Bytes;
use capability_provider::CallId;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde_json::{Value, json};
use untrusted_text::Shown;

use crate::refusal::Refusal;

/// The response that goes back over the socket.
pub(crate) type Answer = Response<Full<Bytes>>;

/// The header that carries a failed request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Details are cut here, in characters, so that an error's body and its line in the log stay small.
const LONGEST_DETAIL: usize = 1000;

/// How much of a failure its client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errors {
    /// A code, a sentence fit for strangers, and the request's id.
    Plain,
    /// The details as well: for development.
    Detailed,
}

impl FromStr for Errors {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "plain" => Ok(Self::Plain),
            "detailed" => Ok(Self::Detailed),
            _ => Err("it is `plain`, or `detailed` for development"),
        }
    }
}

/// A request's answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) answer: Answer,
    /// A part of the request may not have been read, and the connection is closed.
    pub(crate) leaves_unread: bool,
    /// Whether it was refused.
    pub(crate) is_refused: bool,
}

impl From<Answer> for Answered {
    fn from(answer: Answer) -> Self {
        Self { answer, leaves_unread: false, is_refused: false }
    }
}

/// Tells failures of one route to their clients and to the log, under the same id.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// Which requests these are, such as `over` a link.
    which: String,
    errors: Errors,
}

impl Reporter {
    pub(crate) fn new(which: String, errors: Errors) -> Self {
        Self { which, errors }
    }

    /// The answer for a failure of the request with this id, whose details go into the log.
    pub(crate) fn answer(&self, refusal: &Refusal, id: CallId) -> Answered {
        Answered { answer: self.report(refusal, id), leaves_unread: refusal.close, is_refused: true }
    }

    fn report(&self, refusal: &Refusal, id: CallId) -> Answer {
        let id = id.to_string();
        self.log(refusal, &id);
        let mut answer = json_answer(refusal.status, &self.body(refusal, &id));
        let headers = answer.headers_mut();
        headers
            .insert(REQUEST_ID, HeaderValue::from_str(&id).expect("hexadecimal digits are a header's value"));
        if refusal.retry {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if refusal.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    /// A warning, whoever is at fault: an id that a client quotes must be there.
    fn log(&self, refusal: &Refusal, id: &str) {
        let detail = refusal.detail.as_deref().unwrap_or(&refusal.sentence);
        let detail = Shown::new(detail).up_to(LONGEST_DETAIL);
        // Whoever left reads no id, and may leave again and again.
        let level = if refusal.is_for_nobody() { log::Level::Debug } else { log::Level::Warn };
        let (which, status, code) = (&self.which, refusal.status.as_u16(), refusal.code);
        log::log!(level, "request {id} {which}: {status} {code}: {detail}");
    }

    fn body(&self, refusal: &Refusal, id: &str) -> Value {
        let mut words = refusal.sentence.clone();
        if let (Errors::Detailed, Some(detail)) = (self.errors, &refusal.detail) {
            words = Shown::new(detail).up_to(LONGEST_DETAIL).with_lines().to_string();
        }
        let mut error = json!({ "code": refusal.code, "message": words, "request_id": id });
        if let Some(down) = &refusal.down {
            // A contract's id is not a secret, and tells a client what to wait for; a link's name is its owner's business.
            error["capability"] = json!(down.capability);
            if self.errors == Errors::Detailed {
                error["link"] = json!(down.link);
            }
        }
        if refusal.unwell {
            error["status"] = json!("unhealthy");
            error["reason"] = error["message"].take();
            if let Some(fields) = error.as_object_mut() {
                fields.remove("message");
            }
            return error;
        }
        json!({ "error": error })
    }
}

/// What the health path answers for an actor that is well.
pub(crate) fn well() -> Answer {
    json_answer(StatusCode::OK, &json!({ "status": "ok" }))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
