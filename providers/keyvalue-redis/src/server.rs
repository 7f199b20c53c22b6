//! One server, and how a command gets to it: in time, once, or not at all.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use capability_provider::{CapabilityCall, ProviderError};
use redis::{Client, Connection, RedisError, RedisResult};

use crate::pool::{Lease, NoConnection, Pool};

/// What holds for every server of a provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The longest that a call may take, whatever its own deadline says.
    pub(crate) timeout: Duration,
    /// How many connections there may be to one server.
    pub(crate) connections: usize,
    /// How long a connection may rest before it is tried with a PING ahead of a command that cannot be repeated.
    pub(crate) idle_check: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), connections: 16, idle_check: Duration::from_millis(10) }
    }
}

/// Whether a command may be sent again when the connection broke and nobody knows if it was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Carrying it out twice leaves the same as once.
    Harmless,
    /// Twice would count or append twice.
    Never,
}

/// The time that one call has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget<'a> {
    pub(crate) operation: &'a str,
    limit: Duration,
    deadline: Instant,
}

impl<'a> Budget<'a> {
    pub(crate) fn of(call: &CapabilityCall<'a>, settings: &Settings) -> Self {
        let limit = call.remaining().map_or(settings.timeout, |left| left.min(settings.timeout));
        Self::new(call.operation, limit)
    }

    pub(crate) fn new(operation: &'a str, limit: Duration) -> Self {
        Self { operation, limit, deadline: Instant::now() + limit }
    }

    fn left(&self) -> Result<Duration, ProviderError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(self.used_up()) } else { Ok(left) }
    }

    fn used_up(&self) -> ProviderError {
        ProviderError::DeadlineExceeded { operation: self.operation.to_owned(), limit: self.limit }
    }
}

/// One Redis server, by the name under which errors speak of it.
#[derive(Debug)]
pub(crate) struct Server {
    /// Host and port, or the path of a socket: never a user or a password.
    name: String,
    settings: Settings,
    pool: Pool,
}

/// An error of Redis that is about the command and not about the connection; the caller knows what it means.
pub(crate) type Reply<T> = Result<T, RedisError>;

impl Server {
    pub(crate) fn new(url: &str, settings: Settings) -> Result<Arc<Self>, ProviderError> {
        // The cause is left out: it can quote the URL, and with it a password.
        let client = Client::open(url).map_err(|_| ProviderError::InvalidConfig {
            key: "url".to_owned(),
            reason: "give redis://[[user]:password@]host[:port][/database], without TLS".to_owned(),
        })?;
        Ok(Self::of(client, settings))
    }

    /// The same server under other settings.
    pub(crate) fn with(&self, settings: Settings) -> Arc<Self> {
        Self::of(self.pool.client().clone(), settings)
    }

    fn of(client: Client, settings: Settings) -> Arc<Self> {
        let name = format!("redis at {}", client.get_connection_info().addr());
        Arc::new(Self { name, settings, pool: Pool::new(client, settings.connections) })
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the server answers now.
    pub(crate) fn ping(&self) -> Result<(), ProviderError> {
        let budget = Budget::new("PING", self.settings.timeout);
        self.run(&budget, Repeat::Harmless, ping)?.map_err(|error| self.unavailable(&error.to_string()))
    }

    /// Closes the connections at rest.
    pub(crate) fn close(&self) {
        self.pool.close_idle();
    }

    /// Sends a command over some connection. The outer error is about reaching the server, the inner one is its answer.
    pub(crate) fn run<T>(
        &self,
        budget: &Budget<'_>,
        repeat: Repeat,
        command: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<Reply<T>, ProviderError> {
        budget.left()?;
        let mut lease = self.pool.take(budget.deadline).map_err(|error| self.no_connection(error, budget))?;
        if repeat == Repeat::Never && lease.rested().is_some_and(|rested| rested >= self.settings.idle_check)
        {
            self.make_sure(&mut lease, budget)?;
        }
        let outcome = attempt(&mut lease, budget, &command)?;
        // A connection at rest may have been closed by the other side at any time, as when the server was started anew.
        let gone = matches!(&outcome, Err(error) if is_gone(error)) && lease.rested().is_some();
        if gone {
            self.pool.close_idle();
        }
        let outcome = if gone && repeat == Repeat::Harmless {
            lease.renew(budget.deadline).map_err(|error| self.no_connection(error, budget))?;
            attempt(&mut lease, budget, &command)?
        } else {
            outcome
        };
        match outcome {
            Err(error) if error.is_timeout() => Err(budget.used_up()),
            Err(error) if error.is_io_error() => Err(self.unavailable(&error.to_string())),
            reply => Ok(reply),
        }
    }

    /// The error for a server that is not able to work, without any secret in its text.
    pub(crate) fn unavailable(&self, reason: &str) -> ProviderError {
        ProviderError::Unavailable { resource: self.name.clone(), reason: self.redacted(reason) }
    }

    /// The text without the password.
    pub(crate) fn redacted(&self, text: &str) -> String {
        match self.pool.client().get_connection_info().redis_settings().password() {
            Some(password) if !password.is_empty() => text.replace(password, "***"),
            _ => text.to_owned(),
        }
    }

    /// Tries a connection that was at rest, and puts a new one in its place when it is dead.
    fn make_sure(&self, lease: &mut Lease<'_>, budget: &Budget<'_>) -> Result<(), ProviderError> {
        if attempt(lease, budget, &ping)?.is_ok() {
            return Ok(());
        }
        self.pool.close_idle();
        lease.renew(budget.deadline).map_err(|error| self.no_connection(error, budget))
    }

    fn no_connection(&self, error: NoConnection, budget: &Budget<'_>) -> ProviderError {
        match error {
            NoConnection::AllInUse => {
                let limit = self.pool.limit();
                self.unavailable(&format!("all {limit} connections are in use; try again later"))
            }
            NoConnection::Failed(error) if error.is_timeout() && budget.left().is_err() => budget.used_up(),
            NoConnection::Failed(error) => self.unavailable(&error.to_string()),
        }
    }
}

/// Sends the command once, over the connection of the lease.
fn attempt<T>(
    lease: &mut Lease<'_>,
    budget: &Budget<'_>,
    command: &impl Fn(&mut Connection) -> RedisResult<T>,
) -> Result<RedisResult<T>, ProviderError> {
    let left = budget.left()?;
    let Some(connection) = lease.connection() else {
        return Err(budget.used_up());
    };
    let limits =
        connection.set_read_timeout(Some(left)).and_then(|()| connection.set_write_timeout(Some(left)));
    let outcome = limits.and_then(|()| command(connection));
    // An answer of the server, be it an error, leaves the connection in order; anything else does not.
    if outcome.as_ref().err().is_none_or(|error| error.code().is_some()) {
        lease.mark_sound();
    }
    Ok(outcome)
}

fn ping(connection: &mut Connection) -> RedisResult<()> {
    redis::cmd("PING").exec(connection)
}

fn is_gone(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}
