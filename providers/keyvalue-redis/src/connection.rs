//! Speaks to one server over one connection, of which every step ends at a deadline.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

#[cfg(unix)]
use std::os::unix::net::UnixStream;

use redis::{
    Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, Parser, RedisError, RedisResult, Value, cmd,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

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
        ConnectionAddr::Unix(path) => {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            connect_in_looks(&socket, &SockAddr::unix(path)?, until)?;
            Ok(Stream::Unix(socket.into()))
        }
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
        match connect_to(*address, Until { deadline: Instant::now() + share, ..until }) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
        // A call that was cancelled meanwhile tries no other.
        until.left()?;
    }
    Err(failed)
}

fn connect_to(address: SocketAddr, until: Until<'_>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    connect_in_looks(&socket, &address.into(), until)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Connects, and looks now and then whether the call is over: on Linux the time to write is that to connect as well, and whoever asks again
/// goes on with the attempt that is under way, or waits again for room in the queue of the server.
#[cfg(target_os = "linux")]
fn connect_in_looks(socket: &Socket, address: &SockAddr, until: Until<'_>) -> io::Result<()> {
    let look = |time| {
        socket.set_write_timeout(time)?;
        socket.connect(address).map(|()| 0).map_err(|error| match error.raw_os_error() {
            Some(libc::EINPROGRESS | libc::EALREADY) => io::ErrorKind::WouldBlock.into(),
            // The system has given the attempt up.
            Some(libc::ETIMEDOUT) => io::Error::other(error),
            _ => error,
        })
    };
    until_done(until, look).map(drop)
}

/// Connects before the call is over.
#[cfg(not(target_os = "linux"))]
fn connect_in_looks(socket: &Socket, address: &SockAddr, until: Until<'_>) -> io::Result<()> {
    socket.connect_timeout(address, until.left()?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, net::SocketAddr, path::Path, sync::mpsc, thread};

    use capability_provider::{CallContext, CancelToken};

    use super::*;

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(60);

    /// A listener that accepts nothing, and so many who wait for it that nobody else gets in.
    fn crowded(domain: Domain, address: &SockAddr) -> (Socket, Vec<Socket>) {
        let listener = Socket::new(domain, Type::STREAM, None).unwrap();
        listener.bind(address).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let waiting = (0..8).map(|_| {
            let socket = Socket::new(domain, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _waits = socket.connect(&address);
            socket
        });
        let waiting = waiting.collect();
        (listener, waiting)
    }

    /// How many connections to this address are being made, as the system has it.
    fn attempts(to: SocketAddr) -> usize {
        let remote = format!(":{:04X} 02 ", to.port());
        fs::read_to_string("/proc/net/tcp").unwrap().lines().filter(|line| line.contains(&remote)).count()
    }

    #[test]
    fn a_call_that_is_cancelled_does_not_wait_for_a_silent_address() {
        let (listener, _waiting) = crowded(Domain::IPV4, &SocketAddr::from(([127, 0, 0, 1], 0)).into());
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let before = attempts(address);
        let token = CancelToken::new();
        let context = CallContext::new().with_cancel(&token);
        let began = Instant::now();
        thread::scope(|scope| {
            let until = Until { deadline: began + LONG, context: &context };
            let connecting = scope.spawn(move || first_to_answer(&[address; 2], until).map(drop));
            while attempts(address) == before {
                assert!(began.elapsed() < LONG && !connecting.is_finished(), "nobody connects");
                thread::yield_now();
            }
            token.cancel();
            let error = connecting.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
        });
        assert!(began.elapsed() < LONG / 4, "{:?}", began.elapsed());
    }

    #[test]
    fn a_socket_of_a_server_that_accepts_nobody_costs_no_more_than_the_call_may_take() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("redis.sock");
        let (_listener, _waiting) = crowded(Domain::UNIX, &SockAddr::unix(&path).unwrap());
        let (told, is_told) = mpsc::channel();
        thread::spawn(move || told.send(connect_by(&path)).unwrap());
        let error = is_told.recv_timeout(LONG).expect("it waits for ever").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    }

    fn connect_by(path: &Path) -> io::Result<()> {
        let deadline = Instant::now() + Duration::from_millis(100);
        let until = Until { deadline, context: CallContext::DETACHED };
        connect(&ConnectionAddr::Unix(path.to_owned()), &Lookup::default(), until).map(drop)
    }
}
