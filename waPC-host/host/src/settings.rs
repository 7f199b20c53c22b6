//! What holds for every call of a host, and what becomes of it for one.

use std::time::{Duration, Instant};

use wapc_engine::{Deadline, Limits};

use crate::{CallOptions, CancelToken, Error, FuelCounter};

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
    pub(crate) fresh: bool,
}

/// What holds for one call: what its caller asks for, within what the host allows.
pub(crate) struct Terms<'a> {
    pub(crate) deadline: Option<Deadline>,
    pub(crate) fuel: Option<u64>,
    pub(crate) reply_limit: usize,
    pub(crate) console_limit: usize,
    pub(crate) depth: u32,
    pub(crate) fresh: bool,
    pub(crate) cancel: Option<&'a CancelToken>,
    pub(crate) fuel_counter: Option<&'a FuelCounter>,
}

impl Settings {
    /// The terms of a call, if it may be sent at all.
    #[inline]
    pub(crate) fn admit<'a>(
        &self,
        operation: &str,
        payload: &[u8],
        options: &'a CallOptions,
    ) -> Result<Terms<'a>, Error> {
        let payload_limit = self.payload_limit.min(options.payload_limit);
        if payload.len() > payload_limit || operation.len() > self.payload_limit {
            return Err(Error::PayloadTooLarge {
                operation: operation.chars().take(SHOWN).collect(),
                size: payload.len().max(operation.len()),
                limit: payload_limit,
            });
        }
        if options.depth > self.max_depth {
            let operation = operation.to_owned();
            return Err(Error::DepthExceeded { operation, depth: options.depth, limit: self.max_depth });
        }
        if let Some(cancel) = &options.cancel
            && cancel.is_cancelled()
        {
            return Err(Error::Cancelled { operation: operation.to_owned() });
        }
        if let Some(deadline) = options.deadline
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
    pub(crate) fn terms<'a>(&self, options: &'a CallOptions) -> Terms<'a> {
        Terms {
            deadline: self.deadline(options),
            fuel: tighter(self.fuel, options.fuel),
            reply_limit: self.reply_limit.min(options.reply_limit),
            console_limit: self.console_limit.min(options.console_limit),
            depth: options.depth,
            fresh: self.fresh || options.fresh,
            cancel: options.cancel.as_ref(),
            fuel_counter: options.fuel_counter.as_ref(),
        }
    }

    pub(crate) fn deadline(&self, options: &CallOptions) -> Option<Deadline> {
        match self.deadline {
            Some(limit) => Some(Deadline::after(limit).earlier(options.deadline)),
            None => options.deadline,
        }
    }
}

impl Terms<'_> {
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
