//! Plays the host's side of a case: answers the guest's calls and remembers them.

use std::{
    cell::RefCell,
    fmt,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{Answer, Bytes, Call, LoadedGuest, Outcome};

/// The host's side of a case for hosts. A [`HostUnderTest`](crate::HostUnderTest) passes the guest's calls and its console to it.
pub struct World {
    answers: Vec<Answer>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: Vec<Call>,
    console: Vec<String>,
}

thread_local! {
    /// The guest of the case that runs on this thread, for answers that call it again. Not every host lets its guests go to
    /// another thread, so it does not lie in the world.
    static GUEST: RefCell<Option<Rc<dyn LoadedGuest>>> = const { RefCell::new(None) };
}

impl World {
    pub(crate) fn new(answers: &[Answer]) -> Arc<Self> {
        Arc::new(Self { answers: answers.to_vec(), seen: Mutex::default() })
    }

    /// Answers a call of the guest: with the reply's bytes or the error's text.
    ///
    /// # Errors
    /// The text of the error that the case has for this call.
    pub fn host_call(
        &self,
        binding: &str,
        namespace: &str,
        operation: &str,
        payload: &[u8],
    ) -> Result<Vec<u8>, String> {
        let payload = payload.to_vec();
        let call = Call {
            binding: binding.to_owned(),
            namespace: namespace.to_owned(),
            operation: operation.to_owned(),
            payload: Bytes::from(payload.clone()),
        };
        self.seen().calls.push(call);
        let Some(answer) = self.answer(operation) else {
            return Err(format!("nobody answers `{operation}`"));
        };
        match (&answer.error, &answer.reenter, &answer.reply) {
            (Some(text), ..) => Err(text.clone()),
            (_, Some(operation), _) => reenter(operation, &payload),
            (_, _, Some(reply)) => Ok(reply.as_slice().to_vec()),
            _ => Ok(payload),
        }
    }

    /// Takes a line that the guest writes to the console.
    pub fn console_log(&self, text: &str) {
        self.seen().console.push(text.to_owned());
    }

    /// What the case has for a call of `operation`.
    pub(crate) fn answer(&self, operation: &str) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.operation.as_deref().is_none_or(|name| name == operation))
    }

    /// What was called and written so far, compared with what the case says of it.
    pub(crate) fn compare(&self, calls: Option<&[Call]>, console: Option<&[String]>) -> Result<(), String> {
        let seen = self.seen();
        if let Some(expected) = calls
            && expected != seen.calls
        {
            return Err(format!("the guest's calls arrived as {:?}, not as {expected:?}", seen.calls));
        }
        if let Some(expected) = console
            && expected != seen.console
        {
            return Err(format!("the console has {:?}, not {expected:?}", seen.console));
        }
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells which guest the case on this thread is about.
pub(crate) fn set_guest(guest: &Rc<dyn LoadedGuest>) {
    GUEST.set(Some(guest.clone()));
}

fn reenter(operation: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
    let guest = GUEST.with_borrow(Clone::clone).ok_or("the guest is still starting")?;
    match guest.call(operation, payload) {
        Outcome::Reply(reply) => Ok(reply),
        Outcome::Error(text) => Err(text),
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("answers", &self.answers).finish_non_exhaustive()
    }
}
