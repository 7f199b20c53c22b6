//! Runs later what writes to the disk, on a thread of its own: a disk that hangs holds nothing else up.

use std::{collections::BTreeMap, io, thread::JoinHandle, time::Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use parking_lot::Mutex;
use system_limits::begin_thread;

/// Something that is done when its time has come.
struct Job {
    at: Instant,
    what: Box<dyn FnOnce() + Send>,
}

/// The thread's handle. Dropped or stopped, the thread ends, and what it has not done is not done.
pub(crate) struct PutOff(Mutex<Option<(Sender<Job>, JoinHandle<()>)>>);

impl PutOff {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = unbounded();
        let thread = begin_thread("wascc-put-off", move || work(&receiver))?;
        Ok(Self(Mutex::new(Some((sender, thread)))))
    }

    /// Does this when the time has come, unless the host ends before. False when it has ended.
    ///
    /// Nobody waits for room here, and nothing is turned away: whoever puts something off sees to it that he has few things put off at
    /// a time, so that there are never more than there are actors and waiting policies.
    pub(crate) fn later(&self, at: Instant, what: impl FnOnce() + Send + 'static) -> bool {
        let sender = self.0.lock().as_ref().map(|(sender, _)| sender.clone());
        sender.is_some_and(|sender| sender.send(Job { at, what: Box::new(what) }).is_ok())
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
    // By their times, and those of one time as they came.
    let mut put_off = BTreeMap::new();
    for number in 0_u64.. {
        let next = match put_off.first_key_value() {
            Some((&(at, _), _)) => jobs.recv_deadline(at),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(Job { at, what }) => drop(put_off.insert((at, number), what)),
            Err(RecvTimeoutError::Timeout) => {
                if let Some((_, due)) = put_off.pop_first() {
                    due();
                }
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
    fn who_puts_off_never_waits_and_is_never_turned_away() {
        let put_off = PutOff::start().unwrap();
        let (hangs, go_on) = (mpsc::channel(), mpsc::channel::<()>());
        let told = hangs.0;
        put_off.later(Instant::now(), move || {
            told.send(()).unwrap();
            let _ended = go_on.1.recv();
        });
        hangs.1.recv().unwrap();
        let (done, are_done) = mpsc::channel();
        for number in 0..1000 {
            let done = done.clone();
            assert!(put_off.later(Instant::now(), move || done.send(number).unwrap()));
        }
        drop((go_on.0, done));
        assert!(are_done.iter().eq(0..1000));
        put_off.stop();
    }
}
