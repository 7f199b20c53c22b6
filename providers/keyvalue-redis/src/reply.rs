//! Tells what the server's answers mean to the contract.

use capability_provider::ProviderError;
use redis::RedisError;

use untrusted_text::Shown;

use crate::{
    code::{Kind, NOT_A_COUNTER, OVERFLOW, WRONG_TYPE, decide},
    server::Server,
};

/// How much of a key an error shows, in characters.
const LONGEST_NAME: usize = 200;

/// What an answer was about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) server: &'a Server,
    pub(crate) operation: &'a str,
    /// The key as the actor named it, or several of them.
    pub(crate) key: &'a str,
}

impl Subject<'_> {
    pub(crate) fn rejected(&self, reason: impl Into<String>) -> ProviderError {
        ProviderError::Rejected {
            operation: self.operation.to_owned(),
            key: Shown::new(self.key).up_to(LONGEST_NAME).to_string(),
            reason: reason.into(),
        }
    }

    /// The error that stands for one of the server's.
    pub(crate) fn error(&self, error: &RedisError) -> ProviderError {
        match error.code() {
            Some(WRONG_TYPE) => {
                self.rejected("the key holds another kind of value than this operation is for")
            }
            Some(NOT_A_COUNTER) => self.rejected("the text under the key is not a whole number of 32 bits"),
            Some(OVERFLOW) => self.rejected(format!(
                "the counter is at {}, and the sum would be outside of {} to {}",
                error.detail().unwrap_or("its end"),
                i32::MIN,
                i32::MAX
            )),
            _ => match decide(error) {
                Some((Kind::Unavailable, _)) => self.server.unavailable(error),
                Some((Kind::Rejected, _)) => self.rejected(self.server.words(error)),
                _ => ProviderError::Failed {
                    operation: self.operation.to_owned(),
                    source: format!("{}: {}", self.server.name(), self.server.words(error)).into(),
                },
            },
        }
    }

    pub(crate) fn text(&self, bytes: Vec<u8>) -> Result<String, ProviderError> {
        String::from_utf8(bytes).map_err(|_| self.rejected("the value is not UTF-8 text"))
    }

    pub(crate) fn texts(&self, values: Vec<Vec<u8>>) -> Result<Vec<String>, ProviderError> {
        values.into_iter().map(|value| self.text(value)).collect()
    }

    /// Redis counts in 64 bits, the contract in 32.
    pub(crate) fn count(&self, count: i64) -> Result<i32, ProviderError> {
        i32::try_from(count)
            .map_err(|_| self.rejected(format!("{count} items are more than the contract can count")))
    }
}

/// Whether the server's error says that the key holds another kind of value.
pub(crate) fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some(WRONG_TYPE)
}
