//! Tells how a call went, in a form in which the model and the host can be compared.

use wapc_host::{Error, Violation};

use crate::Ending;

/// How a call went.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// This is the reply.
    Reply(Vec<u8>),
    /// The guest answered with this error, and trapped, aborted or exited after it or not.
    Guest(String, bool),
    /// The guest's reply has so many bytes, which are too many.
    TooLarge(usize),
    /// The guest reported a failure without a text.
    NoError(u32),
    /// The guest trapped after it was refused memory.
    MemoryLimit,
    /// The run ended so, without an error of the guest.
    Ended(Ending),
}

impl Outcome {
    /// What is expected of a run that ended so.
    #[must_use]
    pub fn expected(
        ending: Ending,
        reply: Vec<u8>,
        error: Option<String>,
        limit: usize,
        refused: bool,
    ) -> Self {
        match (ending, error) {
            (Ending::Returned(_), _) if reply.len() > limit => Self::TooLarge(reply.len()),
            (Ending::Returned(1), None) => Self::Reply(reply),
            (Ending::Returned(returned), None) => Self::NoError(returned),
            (Ending::Returned(_), Some(text)) => Self::Guest(text, false),
            (Ending::Trapped, _) if refused => Self::MemoryLimit,
            (Ending::Trapped | Ending::Aborted(..) | Ending::Exited(_), Some(text)) => {
                Self::Guest(text, true)
            }
            (ending, _) => Self::Ended(ending),
        }
    }

    /// What the host says.
    ///
    /// # Panics
    /// When it is an error that no call of a target may end with.
    #[must_use]
    pub fn actual(result: Result<Vec<u8>, Error>) -> Self {
        let error = match result {
            Ok(reply) => return Self::Reply(reply),
            Err(error) => error,
        };
        assert!(!error.to_string().is_empty());
        match error {
            Error::Guest { text, trap, .. } => Self::Guest(text, trap.is_some()),
            Error::ReplyTooLarge { size, .. } => Self::TooLarge(size),
            Error::MemoryLimit { .. } => Self::MemoryLimit,
            Error::Trap { .. } => Self::Ended(Ending::Trapped),
            Error::HandlerPanicked { .. } => Self::Ended(Ending::HandlerPanicked),
            Error::Exited { source, .. } => Self::Ended(Ending::Exited(source.code)),
            Error::Aborted { source, .. } => {
                Self::Ended(Ending::Aborted(source.message, source.file, source.line, source.column))
            }
            Error::Protocol { violation: Violation::Memory { .. }, .. } => Self::Ended(Ending::BadAddress),
            Error::Protocol { violation: Violation::NotUtf8 { .. }, .. } => Self::Ended(Ending::NotUtf8),
            Error::Protocol { violation: Violation::NameTooLong { .. }, .. } => {
                Self::Ended(Ending::NameTooLong)
            }
            Error::Protocol { violation: Violation::NoError { returned }, .. } => Self::NoError(returned),
            other => panic!("{other}: {other:?}"),
        }
    }
}
