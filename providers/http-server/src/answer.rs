//! Writes the answers that the provider gives in the actor's place, with as much of a failure as its reader may know.

use std::str::FromStr;

use bytes::Bytes;
use capability_provider::{CallId, LinkKey};
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

/// Tells failures of one link to their clients and to the log, under the same id.
#[derive(Debug)]
pub(crate) struct Reporter {
    link: LinkKey,
    errors: Errors,
}

impl Reporter {
    pub(crate) fn new(link: LinkKey, errors: Errors) -> Self {
        Self { link, errors }
    }

    /// The answer for a failure of the request with this id, whose details go into the log.
    pub(crate) fn report(&self, refusal: &Refusal, id: CallId) -> Answer {
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
        let (link, status, code) = (&self.link, refusal.status.as_u16(), refusal.code);
        log::log!(level, "request {id} over {link}: {status} {code}: {detail}");
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
