//! Holds the settings for every call of a host, and works out the terms of one call.

use std::time::{Duration, Instant};

use call_context::{CallContext, CancelToken};
use wapc_engine::{Deadline, Limits};

use crate::{CallOptions, Error, FuelCounter, Isolation};

/// The longest operation name that an error repeats, in characters.
const SHOWN: usize = 256;

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) deadline: Option<Duration>,
    pub(crate) fuel: Option<u64>,
    pub(crate) payload_limit: usize,
    pub(crate) reply_limit: usize,
    pub(crate) console_limit: usize,
    pub(crate) max_depth: u32,
    pub(crate) isolation: Isolation,
}

/// What holds for one call: what its caller asks for, within what the host allows.
pub(crate) struct CallTerms<'a> {
    pub(crate) deadline: Option<Deadline>,
    pub(crate) fuel: Option<u64>,
    pub(crate) reply_limit: usize,
    pub(crate) console_limit: usize,
    pub(crate) isolation: Isolation,
    /// The context that goes on with the call. Its deadline may be later than that of these terms.
    pub(crate) context: &'a CallContext,
    pub(crate) fuel_counter: Option<&'a FuelCounter>,
}

impl Settings {
    /// The terms of a call, if it may be sent at all.
    #[inline]
    pub(crate) fn checked_terms<'a>(
        &self,
        operation: &str,
        payload: &[u8],
        options: &'a CallOptions,
    ) -> Result<CallTerms<'a>, Error> {
        let payload_limit = self.payload_limit.min(options.payload_limit);
        if payload.len() > payload_limit || operation.len() > self.payload_limit {
            return Err(Error::PayloadTooLarge {
                operation: operation.chars().take(SHOWN).collect(),
                size: payload.len().max(operation.len()),
                limit: payload_limit,
            });
        }
        let context = &options.context;
        if context.depth() > self.max_depth {
            let operation = operation.to_owned();
            return Err(Error::DepthExceeded { operation, depth: context.depth(), limit: self.max_depth });
        }
        if context.is_cancelled() {
            return Err(Error::Cancelled { operation: operation.to_owned() });
        }
        if let Some(deadline) = options.due()
            && deadline.instant() <= Instant::now()
        {
            return Err(Error::DeadlineExceeded {
                operation: operation.to_owned(),
                limit: deadline.limit(),
                unreached: None,
            });
        }
        Ok(self.terms(options))
    }

    #[inline]
    pub(crate) fn terms<'a>(&self, options: &'a CallOptions) -> CallTerms<'a> {
        CallTerms {
            deadline: self.deadline(options),
            fuel: tighter(self.fuel, options.fuel),
            reply_limit: self.reply_limit.min(options.reply_limit),
            console_limit: self.console_limit.min(options.console_limit),
            isolation: self.isolation.max(options.isolation),
            context: &options.context,
            fuel_counter: options.fuel_counter.as_ref(),
        }
    }

    pub(crate) fn deadline(&self, options: &CallOptions) -> Option<Deadline> {
        match self.deadline {
            Some(limit) => Some(Deadline::after(limit).earlier(options.due())),
            None => options.due(),
        }
    }
}

impl<'a> CallTerms<'a> {
    /// Whether the call is made to answer another one, of this guest or another.
    #[inline]
    pub(crate) fn is_nested(&self) -> bool {
        self.context.depth() > 0
    }

    pub(crate) fn cancel(&self) -> Option<&'a CancelToken> {
        self.context.cancel()
    }

    /// Whether they can only be kept by a module that was compiled with metering.
    pub(crate) fn need_metering(&self) -> bool {
        self.fuel.is_some() || self.fuel_counter.is_some()
    }
}

/// The smaller of two amounts, of which neither needs to be set.
fn tighter(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
