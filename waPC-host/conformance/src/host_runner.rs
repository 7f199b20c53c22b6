//! Runs the cases for hosts.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::{Expected, HostCase, Verdict, World, bytes::shown, world::set_guest};

/// How long a case may take before it counts as hung.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// What came of one call of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The guest's reply.
    Reply(Vec<u8>),
    /// It failed: the guest's own text or the host's words, and both where there are both.
    Error(String),
}

/// A host that the suite is run against. Cloned for each case, which runs on a thread of its own.
pub trait HostUnderTest: Clone + Send + 'static {
    /// What the host is called in the table.
    fn name(&self) -> String;

    /// Loads a module, whose calls and console go to `world`. A host that can end a guest gives each call a second at most.
    ///
    /// # Errors
    /// The host's words for why it does not take the module.
    fn load(&self, wasm: &[u8], world: &Arc<World>) -> Result<Rc<dyn LoadedGuest>, String>;
}

/// A guest that a host under test loaded.
pub trait LoadedGuest {
    /// Calls the guest. After a failure, the host may serve the next call with a fresh instance; a host that only has one makes
    /// a new one then.
    fn call(&self, operation: &str, payload: &[u8]) -> Outcome;
}

/// Runs one case against a host, which hangs if it takes longer than 20 s.
pub fn run_host_case(host: &impl HostUnderTest, case: &HostCase) -> Verdict {
    run_host_case_within(TIME_LIMIT, host, case)
}

/// As [`run_host_case`], with another time after which the host counts as hung.
pub fn run_host_case_within(limit: Duration, host: &impl HostUnderTest, case: &HostCase) -> Verdict {
    let (sender, receiver) = mpsc::channel();
    let (host, case) = (host.clone(), case.clone());
    let run = move || {
        let verdict = catch_unwind(AssertUnwindSafe(|| Verdict::from(run(&host, &case))));
        // Nobody listens any more when it took too long.
        let _ = sender.send(verdict.unwrap_or_else(|panic| Verdict::Panicked { message: message(&*panic) }));
    };
    // A thread that hangs is left behind: there is no way to end it.
    match thread::Builder::new().name("case".to_owned()).spawn(run) {
        Ok(_) => receiver.recv_timeout(limit).unwrap_or(Verdict::Hung),
        Err(error) => Verdict::Failed { reason: format!("no thread for it: {error}") },
    }
}

fn run(host: &impl HostUnderTest, case: &HostCase) -> Result<(), String> {
    let world = World::new(&case.answers);
    let guest = match (host.load(&case.wasm, &world), case.loads) {
        (Ok(guest), _) => guest,
        (Err(_), false) => return Ok(()),
        (Err(reason), true) => return Err(format!("the module was refused: {reason}")),
    };
    set_guest(&guest);
    for (position, step) in case.steps.iter().enumerate() {
        let outcome = guest.call(&step.call, step.payload.as_slice());
        judge(&step.expect, &outcome).map_err(|reason| format!("call {}: {reason}", position + 1))?;
    }
    world.compare(case.calls.as_deref(), case.console.as_deref())
}

/// Compares what came of a call with what must.
pub(crate) fn judge(expected: &Expected, outcome: &Outcome) -> Result<(), String> {
    match (expected, outcome) {
        (Expected::Reply(expected), Outcome::Reply(reply)) if expected.as_slice() == reply => Ok(()),
        (Expected::Error(text), Outcome::Error(error)) if error.contains(text.as_str()) => Ok(()),
        (Expected::Failure, Outcome::Error(_)) => Ok(()),
        (expected, Outcome::Reply(reply)) => Err(format!("it replied {}, not {expected:?}", shown(reply))),
        (expected, Outcome::Error(error)) => {
            Err(format!("it failed with {}, not {expected:?}", shown(error.as_bytes())))
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}
