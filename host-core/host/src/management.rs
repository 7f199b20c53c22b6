//! Takes turns: one management operation at a time.

use std::thread::{self, ThreadId};

use parking_lot::{Mutex, MutexGuard};

use crate::{error::Error, steps};

/// Serialises what changes the host. Calls never take a turn, so they flow while a module compiles or a provider connects.
#[derive(Default)]
pub(crate) struct Management {
    turn: Mutex<()>,
    holder: Mutex<Option<ThreadId>>,
}

impl Management {
    /// Waits for the turn.
    ///
    /// A provider that changes the host from inside its own `link` or `unlink` would wait for itself for ever; it gets an
    /// error instead.
    pub(crate) fn turn(&self) -> Result<Turn<'_>, Error> {
        let me = thread::current().id();
        if *self.holder.lock() == Some(me) {
            return Err(Error::Reentered);
        }
        let turn = steps::lock(&self.turn);
        *self.holder.lock() = Some(me);
        Ok(Turn { management: self, _turn: turn })
    }
}

/// The proof of having the turn.
pub(crate) struct Turn<'a> {
    management: &'a Management,
    _turn: MutexGuard<'a, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // The holder is cleared while the turn is still held: the field's guard is dropped after this.
        *self.management.holder.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_cannot_be_taken_inside_itself() {
        let management = Management::default();
        let turn = management.turn().unwrap();
        assert!(matches!(management.turn(), Err(Error::Reentered)));
        drop(turn);
        assert!(management.turn().is_ok());
    }
}
