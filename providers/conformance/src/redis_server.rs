//! Runs a real Redis server for a test.

use std::{
    ffi::OsStr,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const PROGRAM: &str = "redis-server";
/// With this set to `1`, a server that is not there is a failure.
const REQUIRED: &str = "REQUIRE_SERVERS";
/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(20);
/// How long one try to talk to it may take, and how long to wait for the next.
const TRY: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(5);
/// A port that was free a moment ago may be taken; then the next one is tried.
const PORTS: usize = 5;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The program is not installed.
    #[error("there is no program `{program}` in PATH: install Redis")]
    NotInstalled {
        /// The program that was looked for.
        program: String,
    },
    /// The server ended before it answered.
    #[error("`{program}` ended with {status}: {log}")]
    Ended {
        /// The program that was started.
        program: String,
        /// What it ended with.
        status: ExitStatus,
        /// The end of what it wrote to its log.
        log: String,
    },
    /// The server did not answer in time.
    #[error("`{program}` did not answer within {limit:?}: {log}")]
    Silent {
        /// The program that was started.
        program: String,
        /// How long it was waited for.
        limit: Duration,
        /// The end of what it wrote to its log.
        log: String,
    },
    /// Something around it failed, such as the making of its folder.
    #[error("a Redis server cannot be run: {0}")]
    Io(#[from] io::Error),
}

/// A Redis server on a free port of the loopback interface, with its data in a folder of its own.
///
/// Every write is in its log before it is answered, so that the data outlives [`stop`](Self::stop). The server ends, and its
/// folder goes, when this is dropped.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    port: u16,
    password: Option<String>,
    settings: Vec<String>,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn start() -> Result<Self, ServerError> {
        Self::start_with(PROGRAM.as_ref(), None, &[])
    }

    /// Starts a server with these arguments beside its own, such as `--cluster-enabled yes`, as words.
    ///
    /// # Errors
    /// Any [`ServerError`]; [`ServerError::Ended`] when the server does not know one.
    pub fn start_with_settings(settings: &[&str]) -> Result<Self, ServerError> {
        Self::start_with(PROGRAM.as_ref(), None, settings)
    }

    /// Starts a server that asks for `password`.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn start_with_password(password: &str) -> Result<Self, ServerError> {
        Self::start_with(PROGRAM.as_ref(), Some(password), &[])
    }

    /// A server for a test that can do without: when Redis is not installed, writes a line that says so, past the capture of
    /// the test's output, and returns nothing.
    ///
    /// # Panics
    /// When the server fails to start; when it is not installed and the environment has `REQUIRE_SERVERS=1`.
    #[must_use]
    pub fn for_test() -> Option<Self> {
        Self::or_skip(Self::start())
    }

    /// What [`for_test`](Self::for_test) does, with the outcome of a start of one's own.
    ///
    /// # Panics
    /// As [`for_test`](Self::for_test).
    #[must_use]
    pub fn or_skip(outcome: Result<Self, ServerError>) -> Option<Self> {
        let is_required = std::env::var_os(REQUIRED).is_some_and(|value| value == "1");
        match outcome {
            Ok(server) => Some(server),
            Err(error @ ServerError::NotInstalled { .. }) if !is_required => {
                let test = thread::current().name().unwrap_or("a test").to_owned();
                // Not worth a failure when nobody can read it.
                let _ = writeln!(io::stderr(), "skipped {test}: {error}");
                None
            }
            Err(error) => panic!("no server for the test: {error}"),
        }
    }

    /// The server's URL, with the password if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}127.0.0.1:{}", self.port)
    }

    /// The folder that its data is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server at once, as a crash would. Its port and its data stay with it.
    pub fn stop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts the server again, on the same port and with the same data.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.begin_again(&[b"+PONG", b"-NOAU"])
    }

    /// Starts the server again with these arguments in place of those that it had beside its own, and waits until it says that it is loading
    /// its data, or has done so.
    ///
    /// # Errors
    /// Any [`ServerError`].
    pub fn restart_loading(&mut self, settings: &[&str]) -> Result<(), ServerError> {
        self.settings = settings.iter().map(ToString::to_string).collect();
        self.begin_again(&[b"-LOAD", b"+PONG", b"-NOAU"])
    }

    fn begin_again(&mut self, answers: &[&[u8; 5]]) -> Result<(), ServerError> {
        self.stop();
        let program = PROGRAM.as_ref();
        self.child = spawn(program, self.port, self.password.as_deref(), &self.settings, self.folder.path())?;
        self.wait_until_it_answers(program, answers)
    }

    /// Has the server do nothing at all from now on, as when its machine hangs: connections are made, and nothing is answered.
    ///
    /// # Errors
    /// When the system has no shell.
    pub fn pause(&self) -> io::Result<()> {
        self.signal("-STOP")
    }

    /// Ends a [`pause`](Self::pause).
    ///
    /// # Errors
    /// When the system has no shell.
    pub fn resume(&self) -> io::Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let status =
            Command::new("sh").arg("-c").arg(format!("kill {signal} {}", self.child.id())).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("kill {signal} ended with {status}")))
        }
    }

    /// Sends a command over a connection of its own and returns what the server answers: one line as it stands on the wire (`+OK`, `-ERR ...`,
    /// `:1`), or the text where it has a length (`INFO`).
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer in 20 seconds.
    pub fn ask(&self, command: &[&str]) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, self.port).into(), START)?;
        stream.set_read_timeout(Some(START))?;
        let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        stream.write_all(format!("*{}\r\n{}", command.len(), words.collect::<String>()).as_bytes())?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        let Some(length) = line.strip_prefix('$').and_then(|length| length.trim_end().parse().ok()) else {
            return Ok(line.trim_end().to_owned());
        };
        let mut text = vec![0; length];
        answer.read_exact(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn start_with(program: &OsStr, password: Option<&str>, settings: &[&str]) -> Result<Self, ServerError> {
        let settings: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let mut tries = PORTS;
        loop {
            tries -= 1;
            let folder = TempDir::new()?;
            let port = free_port()?;
            let child = spawn(program, port, password, &settings, folder.path())?;
            let password = password.map(str::to_owned);
            let mut server = Self { child, port, password, settings: settings.clone(), folder };
            match server.wait_until_it_answers(program, &[b"+PONG", b"-NOAU"]) {
                Ok(()) => return Ok(server),
                Err(ServerError::Ended { .. }) if tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until it answers a PING with what begins with one of these.
    fn wait_until_it_answers(&mut self, program: &OsStr, answers: &[&[u8; 5]]) -> Result<(), ServerError> {
        let name = || program.to_string_lossy().into_owned();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(ServerError::Ended { program: name(), status, log: self.log() });
            }
            if self.answer().is_ok_and(|answer| answers.contains(&&answer)) {
                return Ok(());
            }
            if start.elapsed() > START {
                return Err(ServerError::Silent { program: name(), limit: START, log: self.log() });
            }
            thread::sleep(PAUSE);
        }
    }

    /// The beginning of what the server answers a PING with.
    fn answer(&self) -> io::Result<[u8; 5]> {
        let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, self.port).into(), TRY)?;
        stream.set_read_timeout(Some(TRY))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        text.lines().last().unwrap_or("its log is empty").to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> io::Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr().map(|address: SocketAddr| address.port())
}

fn spawn(
    program: &OsStr,
    port: u16,
    password: Option<&str>,
    settings: &[String],
    folder: &Path,
) -> Result<Child, ServerError> {
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--daemonize", "no", "--logfile", "log", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--port"]).arg(port.to_string());
    command.arg("--dir").arg(folder);
    if let Some(password) = password {
        command.args(["--requirepass", password]);
    }
    command.args(settings);
    let null = Stdio::null;
    command.stdin(null()).stdout(null()).stderr(null()).spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            ServerError::NotInstalled { program: program.to_string_lossy().into_owned() }
        }
        _ => ServerError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = RedisServer::start_with("no-such-redis-server".as_ref(), None, &[]).unwrap_err();
        assert!(
            matches!(&error, ServerError::NotInstalled { program } if program == "no-such-redis-server"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_ends_at_once_is_no_server() {
        let error = RedisServer::start_with("false".as_ref(), None, &[]).unwrap_err();
        assert!(matches!(&error, ServerError::Ended { status, .. } if !status.success()), "{error}");
    }
}
