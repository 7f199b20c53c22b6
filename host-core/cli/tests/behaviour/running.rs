//! `wascc run` as a child of the test.

use std::{
    borrow::BorrowMut,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
};

use crate::support::Directory;

/// A host that runs, and is ended with the test if it is still there.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already in a test that went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(directory: &Directory, more: &[&str]) -> Self {
        Self::of(directory.command(&[&["run", "host.toml"], more].concat()))
    }

    /// As [`start`](Self::start), for a host that is called so often that its log would fill what holds it until somebody reads.
    pub(crate) fn quiet(directory: &Directory, more: &[&str]) -> Self {
        Self::logging(&mut directory.command(&[&["run", "host.toml"], more].concat()), "warn")
    }

    /// The host that a command starts.
    pub(crate) fn of(mut command: impl BorrowMut<Command>) -> Self {
        Self::logging(command.borrow_mut(), "info")
    }

    fn logging(command: &mut Command, filter: &str) -> Self {
        command.env("RUST_LOG", filter).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("the host has ended: {}", self.stderr());
        }
        line.trim_end().to_owned()
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.stderr.read_to_string(&mut text).unwrap();
        text
    }

    /// The next line on standard error that begins so.
    pub(crate) fn told(&mut self, start: &str) -> String {
        let mut line = String::new();
        while !line.starts_with(start) {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "the host has ended");
        }
        line
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends a signal to this child alone.
    pub(crate) fn send(&self, signal: &str) {
        let pid = self.id();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Sends the signal, waits for the end, and returns the status and what was logged.
    pub(crate) fn end(mut self, signal: &str) -> (Option<i32>, String) {
        self.send(signal);
        let log = self.stderr();
        (self.child.wait().unwrap().code(), log)
    }
}

/// Status line and body of a GET.
#[track_caller]
pub(crate) fn get(url: &str, path: &str) -> (String, Vec<u8>) {
    let mut socket = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").unwrap();
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).unwrap();
    let head_end = reply.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let status = reply.split(|byte| *byte == b'\r').next().unwrap();
    (String::from_utf8(status.to_vec()).unwrap(), reply[head_end + 4..].to_vec())
}
