//! Brings commands to one server: in time, once, or not at all.

use std::{io, sync::Arc, time::Duration};

use capability_provider::{CallContext, CapabilityCall, ProviderError, deadline_after};
use redis::{Client, Cmd, FromRedisValue, RedisError, RedisResult};
use untrusted_text::Shown;

use crate::{
    code::{Fate, decide},
    command,
    connection::is_too_much,
    pool::{Lease, NoConnection, Pool},
    until::Until,
};

/// How much of the server's own words an error shows, in characters.
const LONGEST_WORDS: usize = 300;

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
    until: Until<'a>,
    /// The most bytes that the reply may have.
    reply_limit: Option<usize>,
}

impl<'a> Budget<'a> {
    pub(crate) fn of(call: &CapabilityCall<'a>, settings: &Settings) -> Self {
        let limit = call.remaining().map_or(settings.timeout, |left| left.min(settings.timeout));
        let until = Until { context: call.context, deadline: deadline_after(limit) };
        Self { operation: call.operation, limit, until, reply_limit: call.reply_limit }
    }

    pub(crate) fn new(operation: &'a str, limit: Duration) -> Self {
        let until = Until { context: CallContext::DETACHED, deadline: deadline_after(limit) };
        Self { operation, limit, until, reply_limit: None }
    }

    /// Refuses to go on when nobody waits for the call any more, or no time is left.
    fn left(&self) -> Result<(), ProviderError> {
        match self.until.left() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(self.used_up()),
            Err(_) => Err(ProviderError::Cancelled { operation: self.operation.to_owned() }),
        }
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
        self.ask_health("PING", &redis::cmd("PING"))
    }

    /// Whether the server can write a key with this prefix now. Nothing is changed by it.
    pub(crate) fn can_write(&self, prefix: &str) -> Result<(), ProviderError> {
        self.ask_health("SET", &command::probe(prefix))
    }

    fn ask_health(&self, operation: &str, command: &Cmd) -> Result<(), ProviderError> {
        let budget = Budget::new(operation, self.settings.timeout);
        self.run::<()>(&budget, Repeat::Harmless, command)?.map_err(|error| self.unavailable(&error))
    }

    /// Closes the idle connections.
    pub(crate) fn close(&self) {
        self.pool.close_idle();
    }

    /// Sends a command over some connection. The outer error is about reaching the server, the inner one is its answer.
    pub(crate) fn run<T: FromRedisValue>(
        &self,
        budget: &Budget<'_>,
        repeat: Repeat,
        command: &Cmd,
    ) -> Result<Reply<T>, ProviderError> {
        budget.left()?;
        let mut lease = self.pool.take(budget.until).map_err(|error| self.no_connection(error, budget))?;
        if repeat == Repeat::Never && lease.rested().is_some_and(|rested| rested >= self.settings.idle_check)
        {
            self.make_sure(&mut lease, budget)?;
        }
        let mut outcome = self.attempt(&mut lease, budget, command)?;
        // An idle connection may have been closed by the other side at any time, as when the server was started anew; or it may
        // lead to a server that is no longer the right one, which then did nothing.
        let retry = match &outcome {
            Err(error) if is_gone(error) => repeat == Repeat::Harmless,
            outcome => is_refused(outcome),
        };
        if retry && lease.rested().is_some() {
            lease.renew(budget.until).map_err(|error| self.no_connection(error, budget))?;
            outcome = self.attempt(&mut lease, budget, command)?;
        }
        match outcome {
            Err(error) if is_too_much(&error) => {
                let limit = budget.reply_limit.unwrap_or_default();
                let operation = budget.operation.to_owned();
                Err(ProviderError::ReplyTooLarge { operation, size: limit.saturating_add(1), limit })
            }
            Err(error) if error.is_timeout() => Err(budget.used_up()),
            Err(error) if error.is_io_error() => Err(self.unavailable(&error)),
            reply => Ok(reply),
        }
    }

    /// Sends the command once, over the connection of the lease, and decides what becomes of the connections.
    fn attempt<T: FromRedisValue>(
        &self,
        lease: &mut Lease<'_>,
        budget: &Budget<'_>,
        command: &Cmd,
    ) -> Result<RedisResult<T>, ProviderError> {
        budget.left()?;
        let Some(connection) = lease.connection() else {
            return Err(budget.used_up());
        };
        let outcome = connection.ask(command, budget.until, budget.reply_limit);
        if budget.until.context.is_cancelled() && outcome.is_err() {
            // The connection is closed, for its answer is still to come; nothing is said of the others by that.
            budget.left()?;
        }
        match outcome.as_ref().err() {
            // An answer of the server, be it an error, leaves the connection in order.
            None => lease.mark_sound(),
            Some(error) => match decide(error) {
                Some((_, Fate::Keep)) => lease.mark_sound(),
                Some((_, Fate::Drop)) => self.pool.close_idle(),
                None if is_gone(error) || error.is_timeout() => self.pool.close_idle(),
                None => {}
            },
        }
        Ok(outcome)
    }

    /// The error for a server that is not able to work, with what was seen.
    pub(crate) fn unavailable(&self, error: &RedisError) -> ProviderError {
        ProviderError::Unavailable { resource: self.name.clone(), reason: self.words(error) }
    }

    /// The server's own words, or the system's: in one line, not too long, and without the password.
    pub(crate) fn words(&self, error: &RedisError) -> String {
        let text = match (error.code(), error.detail()) {
            (Some(code), Some(detail)) => format!("{code} {detail}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => error.to_string(),
        };
        let settings = self.pool.client().get_connection_info().redis_settings();
        let text = match settings.password() {
            Some(password) if !password.is_empty() => text.replace(password, "***"),
            _ => text,
        };
        Shown::new(&text).up_to(LONGEST_WORDS).to_string()
    }

    /// Tries a connection that was idle, and puts a new one in its place when it is dead.
    fn make_sure(&self, lease: &mut Lease<'_>, budget: &Budget<'_>) -> Result<(), ProviderError> {
        if self.attempt::<()>(lease, budget, &redis::cmd("PING"))?.is_ok() {
            return Ok(());
        }
        self.pool.close_idle();
        lease.renew(budget.until).map_err(|error| self.no_connection(error, budget))
    }

    fn no_connection(&self, error: NoConnection, budget: &Budget<'_>) -> ProviderError {
        if let Err(cancelled @ ProviderError::Cancelled { .. }) = budget.left() {
            return cancelled;
        }
        match error {
            NoConnection::AllInUse => {
                let limit = self.pool.limit();
                let reason = format!("all {limit} connections are in use; try again later");
                ProviderError::Unavailable { resource: self.name.clone(), reason }
            }
            NoConnection::Failed(error) if error.is_timeout() && budget.left().is_err() => budget.used_up(),
            NoConnection::Failed(error) => self.unavailable(&error),
        }
    }
}

/// Whether the server refused the command as one that another server should have got.
fn is_refused<T>(outcome: &RedisResult<T>) -> bool {
    outcome.as_ref().is_err_and(|error| decide(error).is_some_and(|(_, fate)| fate == Fate::Drop))
}

fn is_gone(error: &RedisError) -> bool {
    error.is_io_error() && !error.is_timeout()
}
