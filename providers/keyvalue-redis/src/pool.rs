//! Keeps a bounded pool of connections to one server.

use std::{
    fmt,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use redis::{Client, RedisError, RedisResult};

use crate::{connection::Connection, lookup::Lookup, until::Until};

/// Connections to one server: at most so many at once, idle ones are used again.
pub(crate) struct Pool {
    client: Client,
    lookup: Lookup,
    limit: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    /// Most recently used last, so that the spare ones stay idle.
    idle: Vec<Idle>,
    lent: usize,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection {
    /// All of them were in use until the deadline.
    AllInUse,
    /// The server could not be reached.
    Failed(RedisError),
}

/// A connection on loan. It goes back to the pool only when it was marked as sound; a connection on which an answer may
/// still be under way is closed instead, for the next user would take that answer for its own.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    /// Present until the lease is dropped or the connection was found broken.
    connection: Option<Connection>,
    rested: Option<Duration>,
    sound: bool,
}

impl Pool {
    pub(crate) fn new(client: Client, limit: usize) -> Self {
        Self { client, lookup: Lookup::default(), limit, state: Mutex::default(), freed: Condvar::new() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// A connection, idle or new, waiting as long as the call may when all are in use.
    pub(crate) fn take(&self, until: Until<'_>) -> Result<Lease<'_>, NoConnection> {
        let idle = {
            let mut state = self.state.lock();
            while state.lent >= self.limit {
                let Ok(look) = until.next_look() else { return Err(NoConnection::AllInUse) };
                self.freed.wait_for(&mut state, look);
            }
            state.lent += 1;
            state.idle.pop()
        };
        // From here on the lease holds a place, and gives it back when it is dropped.
        let mut lease = Lease { pool: self, connection: None, rested: None, sound: false };
        match idle {
            Some(Idle { connection, since }) => {
                lease.rested = Some(since.elapsed());
                lease.connection = Some(connection);
            }
            None => lease.renew(until)?,
        }
        Ok(lease)
    }

    /// Closes the idle connections, because one of them was seen to lead to a server that is not there, or not the right one.
    pub(crate) fn close_idle(&self) {
        let idle = std::mem::take(&mut self.state.lock().idle);
        drop(idle);
    }

    fn connect(&self, until: Until<'_>) -> RedisResult<Connection> {
        Connection::open(self.client.get_connection_info(), &self.lookup, until)
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut state = self.state.lock();
        state.lent -= 1;
        state.idle.extend(connection.map(|connection| Idle { connection, since: Instant::now() }));
        drop(state);
        self.freed.notify_one();
    }
}

impl Lease<'_> {
    /// How long the connection was idle; nothing when it is new.
    pub(crate) fn rested(&self) -> Option<Duration> {
        self.rested
    }

    /// Puts a new connection in the place of this one.
    pub(crate) fn renew(&mut self, until: Until<'_>) -> Result<(), NoConnection> {
        self.connection = None;
        self.rested = None;
        self.connection = Some(self.pool.connect(until).map_err(NoConnection::Failed)?);
        Ok(())
    }

    /// The connection. Until [`Lease::mark_sound`] is called again it is not one to be used by others.
    pub(crate) fn connection(&mut self) -> Option<&mut Connection> {
        self.sound = false;
        self.connection.as_mut()
    }

    /// Says that a whole answer was read and nothing more is to come.
    pub(crate) fn mark_sound(&mut self) {
        self.sound = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take().filter(|_| self.sound);
        self.pool.give_back(connection);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's own text would show the password.
        f.debug_struct("Pool").field("limit", &self.limit).finish_non_exhaustive()
    }
}
