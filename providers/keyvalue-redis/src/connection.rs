//! Speaks to one server over one connection, of which every step ends at a deadline.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

#[cfg(unix)]
use std::os::unix::net::UnixStream;

use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, Parser, RedisError, RedisResult, Value, cmd,
};

use crate::{lookup::Lookup, until::Until};

/// What one item of an answer takes beside its bytes, at most: `$`, ten digits and two line ends.
const PER_ITEM: usize = 15;

/// An open connection, logged in and with its database chosen.
pub(crate) struct Connection {
    stream: Stream,
    parser: Parser,
}

enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Connection {
    /// Connects to the first address of the server that answers, and logs in.
    pub(crate) fn open(info: &ConnectionInfo, lookup: &Lookup, until: Until<'_>) -> RedisResult<Self> {
        let stream = connect(info.addr(), lookup, until)?;
        let mut connection = Self { stream, parser: Parser::new() };
        let settings = info.redis_settings();
        if let Some(password) = settings.password() {
            let mut login = cmd("AUTH");
            settings.username().into_iter().for_each(|user| {
                login.arg(user);
            });
            connection.ask::<()>(login.arg(password), until, None)?;
        }
        if settings.db() != 0 {
            connection.ask::<()>(cmd("SELECT").arg(settings.db()), until, None)?;
        }
        Ok(connection)
    }

    /// Sends a command and reads its whole answer, of which no more than `limit` bytes are taken, with what Redis puts around
    /// them for a limit of items of one byte.
    pub(crate) fn ask<T: FromRedisValue>(
        &mut self,
        command: &Cmd,
        until: Until<'_>,
        limit: Option<usize>,
    ) -> RedisResult<T> {
        let mut timed = Timed { stream: &mut self.stream, until, left: most(limit) };
        timed.write_all(&command.get_packed_command())?;
        let value: Value = self.parser.parse_value(&mut timed)?;
        Ok(T::from_redis_value(value.extract_error()?)?)
    }
}

/// How many bytes an answer may have on the wire when its items may have `limit`.
fn most(limit: Option<usize>) -> usize {
    limit.map_or(usize::MAX, |limit| limit.saturating_mul(PER_ITEM).saturating_add(4096))
}

/// The answer was cut off for its size.
#[derive(Debug, thiserror::Error)]
#[error("the answer is larger than a reply may be")]
pub(crate) struct TooMuch;

/// Whether an answer was cut off for its size.
pub(crate) fn is_too_much(error: &RedisError) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::FileTooLarge)
}

/// A stream on which each step has what is left of the whole time: a server that sends a byte now and then does not get more.
struct Timed<'a> {
    stream: &'a mut Stream,
    until: Until<'a>,
    left: usize,
}

/// Repeats a step whose wait ended without a result, until the call is over.
fn until_done(
    until: Until<'_>,
    mut step: impl FnMut(Option<Duration>) -> io::Result<usize>,
) -> io::Result<usize> {
    loop {
        match step(Some(until.next_look()?)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            outcome => return outcome,
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TooMuch));
        }
        let room = buffer.len().min(self.left);
        let buffer = &mut buffer[..room];
        let length = until_done(self.until, |time| match &mut *self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(time).and_then(|()| stream.read(buffer)),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.set_read_timeout(time).and_then(|()| stream.read(buffer)),
        })?;
        self.left -= length;
        Ok(length)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        until_done(self.until, |time| match &mut *self.stream {
            Stream::Tcp(stream) => stream.set_write_timeout(time).and_then(|()| stream.write(bytes)),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.set_write_timeout(time).and_then(|()| stream.write(bytes)),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect(address: &ConnectionAddr, lookup: &Lookup, until: Until<'_>) -> io::Result<Stream> {
    match address {
        ConnectionAddr::Tcp(host, port) => {
            let addresses = lookup.addresses(host, *port, until)?;
            first_to_answer(&addresses, until).map(Stream::Tcp)
        }
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => UnixStream::connect(path).map(Stream::Unix),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "only TCP and sockets of Unix are supported")),
    }
}

/// Tries one address after the other; each has its share of the time that is left, so that one that is silent does not keep the
/// others from being tried.
fn first_to_answer(addresses: &[SocketAddr], until: Until<'_>) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = (until.left()? / others).max(Duration::from_micros(1));
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
