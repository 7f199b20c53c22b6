//! Ends what old generations still run when their time is over, on a thread of its own.

use std::{
    io,
    sync::{Arc, Weak},
    thread::JoinHandle,
    time::Instant,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use system_limits::begin_thread;

use crate::actors::generation::{Generation, INTERRUPT_AGAIN};

/// How many drains may wait to be noticed. The thread only ever takes them in, so a swap waits here for next to no time.
const QUEUE: usize = 64;

/// A generation that was swapped out, and when its calls in flight are ended. It is held weakly: when its last call is
/// done it is gone, and there is nothing left to do.
struct Drain {
    generation: Weak<Generation>,
    deadline: Instant,
    /// Whether its calls were already told to end. A call inside a provider is told again until it is back.
    told: bool,
}

/// The thread's handle. Dropped or stopped, the thread ends.
pub(crate) struct Housekeeper(Mutex<Option<(Sender<Drain>, JoinHandle<()>)>>);

impl Housekeeper {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = bounded(QUEUE);
        let thread = begin_thread("wascc-housekeeper", move || keep_house(&receiver))?;
        Ok(Self(Mutex::new(Some((sender, thread)))))
    }

    /// Ends the calls that `generation` still has in flight at `deadline`.
    pub(crate) fn drain(&self, generation: &Arc<Generation>, deadline: Instant) {
        let sender = self.0.lock().as_ref().map(|(sender, _)| sender.clone());
        let drain = Drain { generation: Arc::downgrade(generation), deadline, told: false };
        // Without the thread the host is shutting down, which ends every call by itself.
        if let Some(Err(_)) = sender.map(|sender| sender.send(drain)) {
            log::error!(
                "the housekeeper is gone: a generation that was swapped out is left to its calls' deadlines"
            );
        }
    }

    /// Ends the thread and waits for it.
    pub(crate) fn stop(&self) {
        let Some((sender, thread)) = self.0.lock().take() else { return };
        drop(sender);
        if thread.join().is_err() {
            log::error!("the housekeeper ended with a panic");
        }
    }
}

fn keep_house(new: &Receiver<Drain>) {
    let mut drains: Vec<Drain> = Vec::new();
    loop {
        let next = match drains.iter().map(|drain| drain.deadline).min() {
            Some(deadline) => new.recv_deadline(deadline),
            None => new.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(drain) => drains.push(drain),
            Err(RecvTimeoutError::Timeout) => drains = drains.into_iter().filter_map(due).collect(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Ends the calls of a drain whose time is over; returns the drain when it must be looked at again.
fn due(drain: Drain) -> Option<Drain> {
    let generation = drain.generation.upgrade()?;
    let calls = generation.in_flight();
    if calls == 0 {
        return None;
    }
    let now = Instant::now();
    if now < drain.deadline {
        return Some(drain);
    }
    if !drain.told {
        log::warn!(
            "{}: ending {calls} calls of generation {}",
            generation.claims().subject(),
            generation.number
        );
    }
    generation.guest.interrupt_all();
    Some(Drain { generation: drain.generation, deadline: now + INTERRUPT_AGAIN, told: true })
}
