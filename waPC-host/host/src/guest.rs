//! Calls one instance of a guest.

use call_context::CancelToken;
use wapc_engine::{CancelHandle, Entry, Error as EngineError, Instance};

use crate::{Error, Isolation, exchange::Exchange, settings::CallTerms};

/// One instance of a guest.
pub(crate) struct Guest {
    instance: Instance<Exchange>,
    entry: Entry,
    metered: bool,
    /// Its number in the pool.
    number: u64,
    /// What a call may find in it of earlier ones.
    isolation: Isolation,
    /// Whether it was made for a nested call, beyond the maximum.
    extra: bool,
    fault: Option<Fault>,
}

/// What happened in an instance that must not be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A call ended in a trap.
    Trapped,
    /// A call was ended from outside.
    Interrupted,
    /// The guest broke the protocol.
    Violated,
}

impl Guest {
    pub(crate) fn new(
        instance: Instance<Exchange>,
        entry: Entry,
        metered: bool,
        isolation: Isolation,
    ) -> Self {
        Self { instance, entry, metered, number: 0, isolation, extra: false, fault: None }
    }

    #[inline]
    pub(crate) fn call(
        &mut self,
        operation: &str,
        payload: &[u8],
        terms: &CallTerms<'_>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        if self.metered {
            self.fill(terms);
        }
        self.instance.data().begin(reply, terms);
        let entered = match terms.cancel() {
            None => {
                let lengths = lengths(operation, payload);
                let lent = [operation.as_bytes(), payload];
                self.instance.enter(&self.entry, lengths, lent, terms.deadline)
            }
            Some(token) => self.enter_unless(token, operation, payload, terms),
        };
        let outcome = self.instance.data().finish(operation, entered, reply);
        if self.metered {
            self.count(terms);
        }
        if let Err(error) = &outcome {
            self.judge(error);
        }
        outcome
    }

    pub(crate) fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn is_extra(&self) -> bool {
        self.extra
    }

    pub(crate) fn set_extra(&mut self, extra: bool) {
        self.extra = extra;
    }

    /// Whether it serves one call only.
    pub(crate) fn is_fresh(&self) -> bool {
        self.isolation == Isolation::Fresh
    }

    #[inline]
    pub(crate) fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// Has it be what its next call may find. False when no other call may use it.
    #[inline]
    pub(crate) fn prepare_for_next(&mut self) -> bool {
        match self.isolation {
            Isolation::Shared => true,
            Isolation::Pristine => self.put_back(),
            Isolation::Fresh => false,
        }
    }

    #[cold]
    fn put_back(&mut self) -> bool {
        self.instance.data().forget();
        self.instance.restore().is_ok()
    }

    /// Why it must not be used again, if it must not.
    #[inline]
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    pub(crate) fn cancel_handle(&self) -> CancelHandle {
        self.instance.cancel_handle()
    }

    /// Enters the guest so that `token` ends the call whenever it is cancelled: before that, the guest is not entered;
    /// afterwards, the handle finds it running.
    #[cold]
    fn enter_unless(
        &mut self,
        token: &CancelToken,
        operation: &str,
        payload: &[u8],
        terms: &CallTerms<'_>,
    ) -> Result<u32, EngineError> {
        let handle = self.instance.cancel_handle();
        let _ends = token.on_cancel(move || handle.cancel());
        let (lengths, lent) = (lengths(operation, payload), [operation.as_bytes(), payload]);
        self.instance.enter_unless(token.flag(), &self.entry, lengths, lent, terms.deadline)
    }

    #[cold]
    fn fill(&mut self, terms: &CallTerms<'_>) {
        self.instance.set_fuel(terms.fuel).expect("the module is metered");
    }

    #[cold]
    fn count(&mut self, terms: &CallTerms<'_>) {
        if let Some(counter) = terms.fuel_counter {
            counter.add(self.instance.fuel_used().expect("the module is metered"));
        }
    }

    #[cold]
    fn judge(&mut self, error: &Error) {
        self.fault = match error {
            Error::Protocol { .. } => Some(Fault::Violated),
            _ if !self.instance.is_poisoned() => None,
            Error::DeadlineExceeded { .. } | Error::Cancelled { .. } | Error::FuelExhausted { .. } => {
                Some(Fault::Interrupted)
            }
            _ => Some(Fault::Trapped),
        };
    }
}

/// The lengths of the operation and the payload as the guest is told them. Longer ones were refused before.
#[inline]
fn lengths(operation: &str, payload: &[u8]) -> (u32, u32) {
    let wire = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    (wire(operation.len()), wire(payload.len()))
}
