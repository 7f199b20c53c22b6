//! Runs later what writes to the disk, on a thread of its own: a disk that hangs holds nothing else up.

use std::{io, thread::JoinHandle, time::Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use system_limits::begin_thread;

/// How much may be put off that the thread has not taken in.
const QUEUE: usize = 64;

/// Something that is done when its time has come.
struct Job {
    at: Instant,
    what: Box<dyn FnOnce() + Send>,
}

/// The thread's handle. Dropped or stopped, the thread ends, and what it has not done is not done.
pub(crate) struct PutOff(Mutex<Option<(Sender<Job>, JoinHandle<()>)>>);

impl PutOff {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = bounded(QUEUE);
        let thread = begin_thread("wascc-put-off", move || work(&receiver))?;
        Ok(Self(Mutex::new(Some((sender, thread)))))
    }

    /// Does this when the time has come, unless the host ends before. False when there is too much to do already.
    pub(crate) fn later(&self, at: Instant, what: impl FnOnce() + Send + 'static) -> bool {
        let sender = self.0.lock().as_ref().map(|(sender, _)| sender.clone());
        // What is done there puts things off too, and nobody waits for room.
        sender.is_some_and(|sender| sender.try_send(Job { at, what: Box::new(what) }).is_ok())
    }

    /// Ends the thread and waits for it.
    pub(crate) fn stop(&self) {
        let Some((sender, thread)) = self.0.lock().take() else { return };
        drop(sender);
        if thread.join().is_err() {
            log::error!("the thread of what was put off ended with a panic");
        }
    }
}

fn work(jobs: &Receiver<Job>) {
    let mut put_off: Vec<Job> = Vec::new();
    loop {
        let next = match put_off.iter().map(|job| job.at).min() {
            Some(at) => jobs.recv_deadline(at),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(job) => put_off.push(job),
            Err(RecvTimeoutError::Timeout) => {
                let now = Instant::now();
                let mut due: Vec<_> = put_off.extract_if(.., |job| job.at <= now).collect();
                due.sort_by_key(|job| job.at);
                due.into_iter().for_each(|job| (job.what)());
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    #[test]
    fn what_is_put_off_is_done_in_the_order_of_its_times_and_not_after_the_end() {
        let put_off = PutOff::start().unwrap();
        let (done, is_done) = mpsc::channel();
        let now = Instant::now();
        for (number, after) in [(2, 40), (1, 20), (3, 60_000)] {
            let done = done.clone();
            assert!(put_off.later(now + Duration::from_millis(after), move || done.send(number).unwrap()));
        }
        drop(done);
        assert_eq!((is_done.recv(), is_done.recv()), (Ok(1), Ok(2)));
        put_off.stop();
        is_done.recv().unwrap_err();
        assert!(!put_off.later(now, || {}));
    }

    #[test]
    fn who_puts_off_never_waits() {
        let put_off = PutOff::start().unwrap();
        let (hangs, go_on) = (mpsc::channel(), mpsc::channel::<()>());
        let told = hangs.0;
        put_off.later(Instant::now(), move || {
            told.send(()).unwrap();
            let _ended = go_on.1.recv();
        });
        hangs.1.recv().unwrap();
        let taken = (0..2 * QUEUE).filter(|_| put_off.later(Instant::now(), || {})).count();
        assert_eq!(taken, QUEUE);
        drop(go_on.0);
        put_off.stop();
    }
}
