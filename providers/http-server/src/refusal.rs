//! Answers failures in the actor's place: for each a status, a code and a sentence fit for strangers.

use std::{fmt::Display, io};

use capability_provider::{DispatchError, ErrorKind};
use hyper::StatusCode;

/// An answer that this provider gives in the actor's place.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    /// What anybody may read: it names neither places nor keys, and quotes nobody.
    pub(crate) sentence: String,
    /// What is for the log, and for clients where a link's configuration says so.
    pub(crate) detail: Option<String>,
    /// The capability that is not there.
    pub(crate) down: Option<Down>,
    /// Asks the client to come again.
    pub(crate) retry: bool,
    /// Ends the connection after the answer, for what is left of the request will not be read.
    pub(crate) close: bool,
    /// Answers a health check of the actor.
    pub(crate) unwell: bool,
}

/// A capability that is not there, and the link by which the actor wanted it.
#[derive(Debug)]
pub(crate) struct Down {
    pub(crate) capability: String,
    pub(crate) link: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self { status, code, sentence, detail: None, down: None, retry: false, close: false, unwell: false }
    }

    /// A head that is not a request; nothing that follows on the connection can be trusted to be where it seems to be.
    pub(crate) fn bad_head(sentence: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", sentence).and_close()
    }

    pub(crate) fn unknown_coding() -> Self {
        let sentence = "no transfer coding but `chunked` is known here";
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", sentence).and_close()
    }

    pub(crate) fn tunnel() -> Self {
        let sentence = "CONNECT asks for a tunnel, and there is none here";
        Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", sentence).and_close()
    }

    /// A request to a host or a path that no link serves.
    pub(crate) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_route", "nothing is served at this host and path")
    }

    /// For a request whose link has ended, when its time for that is over.
    pub(crate) fn link_ended() -> Self {
        let sentence = "the answer was given up before it was there";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "cancelled", sentence)
            .because("the link ended, and the actor had not answered when its drain time was over")
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let sentence = format!("the body is longer than the {limit} bytes that are taken here");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", sentence).and_close()
    }

    pub(crate) fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time")
            .and_close()
    }

    pub(crate) fn body_unreadable(reason: &hyper::Error) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "the body cannot be read")
            .because(reason)
            .and_close()
    }

    pub(crate) fn queue_full(limit: usize) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "too many requests wait: try again later")
            .because(format_args!("{limit} requests already wait for the actor: try again later"))
            .and_retry()
    }

    pub(crate) fn no_answer_in_time() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", "there was no answer in time")
            .because("the actor did not answer in time")
    }

    /// For a client that does not wait for its answer any more. It stands in the log only.
    pub(crate) fn client_gone() -> Self {
        let status = StatusCode::from_u16(499).expect("it has three digits");
        Self::new(status, "client_gone", "the client is gone").and_close()
    }

    pub(crate) fn no_thread(reason: &io::Error) -> Self {
        let sentence = "too many requests are in progress: try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", sentence).because(reason).and_retry()
    }

    pub(crate) fn bad_reply(reason: impl Display) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "bad_reply", "what was answered is not an HTTP response")
            .because(format_args!("the actor's reply is not an HTTP response: {reason}"))
    }

    pub(crate) fn internal(reason: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "something went wrong here")
            .because(reason)
    }

    /// The answer for an error of the call that carried `sent` bytes.
    pub(crate) fn dispatch(error: DispatchError, sent: usize) -> Self {
        let (status, code, sentence) = match (error.kind(), &error) {
            (_, DispatchError::InputTooLarge { .. }) => {
                (400, "input_too_large", "something in the request is longer than what is taken here")
            }
            // The size tells whether the request or the reply was too large.
            (_, DispatchError::TooLarge { size, .. }) if *size == sent => {
                (413, "request_too_large", "the request is longer than what is taken here")
            }
            (ErrorKind::TooLarge, _) => {
                (502, "reply_too_large", "the answer is longer than what is given here")
            }
            (ErrorKind::Unavailable, _) => (
                503,
                "capability_unavailable",
                "something that is needed for the answer is not available now",
            ),
            (ErrorKind::Busy, _) => (503, "busy", "too many requests are in progress: try again later"),
            (ErrorKind::NotFound, _) => (503, "actor_gone", "nobody is here to answer"),
            (ErrorKind::Refused, _) => (503, "actor_refused", "whoever would answer may not run now"),
            (ErrorKind::Cancelled, _) => (503, "cancelled", "the answer was given up before it was there"),
            (ErrorKind::DeadlineExceeded, _) => (504, "deadline_exceeded", "there was no answer in time"),
            (ErrorKind::Guest, _) => (500, "actor_error", "the request was answered with an error"),
            (ErrorKind::Trap | ErrorKind::Protocol | ErrorKind::Limit | ErrorKind::Internal, _) => {
                (502, "actor_failed", "the request ended without an answer")
            }
            _ => (500, "internal_error", "something went wrong here"),
        };
        let status = StatusCode::from_u16(status).expect("each status above has three digits");
        let refusal = Self::new(status, code, sentence).because(&error);
        let retry = error.kind() == ErrorKind::Busy;
        Self { down: Down::of(error), retry, ..refusal }
    }

    /// The answer of the health path for an actor that is not well.
    pub(crate) fn unwell(error: DispatchError) -> Self {
        let refusal = Self::dispatch(error, 0);
        Self { status: StatusCode::SERVICE_UNAVAILABLE, unwell: true, ..refusal }
    }

    /// Whether nobody reads it.
    pub(crate) fn is_for_nobody(&self) -> bool {
        self.status.as_u16() == 499
    }

    fn because(mut self, detail: impl Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    fn and_retry(mut self) -> Self {
        self.retry = true;
        self
    }

    fn and_close(mut self) -> Self {
        self.close = true;
        self
    }
}

impl Down {
    fn of(error: DispatchError) -> Option<Self> {
        match error {
            DispatchError::CapabilityUnavailable { capability, link, .. } => Some(Self { capability, link }),
            _ => None,
        }
    }
}
