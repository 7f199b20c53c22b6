//! Starts the demonstration as a user does, and talks to it over HTTP and its standard input.
#![allow(dead_code)]

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;

/// How long anything may take before a test gives up.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The folder of guest modules: those in the tree, or those that were just built from source (`GUEST_MODULES`).
pub(crate) fn modules() -> PathBuf {
    env::var_os("GUEST_MODULES")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/modules").into(), PathBuf::from)
}

/// The demonstration in a process of its own, which is ended with the test.
pub(crate) struct Demonstration {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Demonstration {
    #[track_caller]
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kv-counter"))
            .args(["--port", "0", "--no-cache", "--modules"])
            .arg(modules())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("listening on http://").expect("the first line tells the address");
        let mut demonstration = Self { address: address.to_owned(), child, commands, answers };
        while !demonstration.line().contains("all commands") {}
        demonstration
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the demonstration ended");
        line.trim_end().to_owned()
    }

    /// Types a command and reads the first line of its answer.
    #[track_caller]
    pub(crate) fn command(&mut self, command: &str) -> String {
        writeln!(self.commands.as_mut().expect("standard input is open"), "{command}").unwrap();
        self.line()
    }

    /// Types a command and reads its answer, up to the answer of a second one that is known.
    #[track_caller]
    pub(crate) fn whole_answer(&mut self, command: &str) -> Vec<String> {
        let mut lines = vec![self.command(command)];
        writeln!(self.commands.as_mut().expect("standard input is open"), "end of answer").unwrap();
        loop {
            let line = self.line();
            if line.contains("`end of answer`") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Types bytes, whatever they are, and reads the first line of the answer.
    #[track_caller]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> String {
        self.commands.as_mut().expect("standard input is open").write_all(bytes).unwrap();
        self.line()
    }

    pub(crate) fn close_input(&mut self) {
        self.commands = None;
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    #[track_caller]
    pub(crate) fn quit(mut self) {
        writeln!(self.commands.as_mut().expect("standard input is open"), "quit").unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Sends the process an interrupt, as Ctrl-C does.
    #[track_caller]
    pub(crate) fn interrupt(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Demonstration {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that is kept open from request to request.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    #[track_caller]
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
        Self(BufReader::new(stream))
    }

    /// The status code and the JSON body of the answer.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> (u16, Value) {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).expect("a status line").parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }
}
