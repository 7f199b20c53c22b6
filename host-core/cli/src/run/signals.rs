//! Waits for the signals that tell a running host what to do.

use std::io;

/// What the shell shows for a program that SIGINT ended (128 + SIGINT).
const INTERRUPTED: i32 = 130;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Read the policy and the modules again.
    Reload,
    End,
}

pub(super) use system::Signals;

#[cfg(unix)]
mod system {
    use std::sync::{Arc, atomic::AtomicBool};

    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        flag, iterator,
    };

    use super::{INTERRUPTED, Signal, io};

    /// The signals that came and were not yet taken.
    pub(in crate::run) struct Signals {
        signals: iterator::Signals,
        reloads: bool,
    }

    impl Signals {
        /// From here on the first SIGINT or SIGTERM is for [`next`](Self::next), and the second one ends the program. So it is with
        /// SIGHUP, unless it `reloads`.
        pub(in crate::run) fn expect(reloads: bool) -> io::Result<Self> {
            let ending = Arc::new(AtomicBool::new(false));
            let ends = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !(reloads && *signal == SIGHUP));
            for signal in ends {
                // They act in this order, so the first signal only sets what makes the second one end the program.
                flag::register_conditional_shutdown(signal, INTERRUPTED, Arc::clone(&ending))?;
                flag::register(signal, Arc::clone(&ending))?;
            }
            Ok(Self { signals: iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?, reloads })
        }

        /// Waits for the next one.
        pub(in crate::run) fn next(&mut self) -> Signal {
            match self.signals.forever().next() {
                Some(SIGHUP) if self.reloads => Signal::Reload,
                _ => Signal::End,
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::{process, sync::mpsc};

    use super::{INTERRUPTED, Signal, io};

    /// Ctrl-C; nothing here asks for another policy.
    pub(in crate::run) struct Signals(mpsc::Receiver<()>);

    impl Signals {
        /// From here on the first Ctrl-C is for [`next`](Self::next), the second one ends the program.
        pub(in crate::run) fn expect(_reloads: bool) -> io::Result<Self> {
            let (sender, receiver) = mpsc::sync_channel(1);
            let mut sender = Some(sender);
            let handler = move || match sender.take() {
                Some(sender) => drop(sender),
                None => process::exit(INTERRUPTED),
            };
            ctrlc::set_handler(handler).map_err(io::Error::other)?;
            Ok(Self(receiver))
        }

        /// Waits for the next one.
        pub(in crate::run) fn next(&mut self) -> Signal {
            // The sender is dropped by the first Ctrl-C; nothing is ever sent.
            let _ = self.0.recv();
            Signal::End
        }
    }
}
