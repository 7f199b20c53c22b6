//! Prints to the two streams: what was found goes to standard output, what is said about it to standard error.

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;
use untrusted_text::Shown;

use crate::{error::CliError, json, out_file::Beside, seed};

/// What the shell shows for a program that ended because nobody reads its output (128 + SIGPIPE).
const NOBODY_READS: u8 = 141;

/// Prints for people, or as JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

/// A command line that is wrong.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) message: String,
}

#[derive(Serialize)]
struct Failure<'a> {
    error: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct Warning<'a> {
    warning: &'a str,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints what was found, to standard output. An empty text prints no line.
    pub(crate) fn show(&self, view: &(impl Display + Serialize)) -> Result<(), CliError> {
        self.write(&line(self.json, view)?)
    }

    /// As [`show`](Self::show), with the seeds that are in it.
    pub(crate) fn show_seed(&self, view: &(impl Display + Serialize)) -> Result<(), CliError> {
        self.write(&if self.json { json_line_with_seeds(view)? } else { for_people(&view.to_string()) })
    }

    /// Prints what was made, to standard output, unless what was made went there itself.
    pub(crate) fn show_beside(
        &self,
        beside: Beside,
        view: &(impl Display + Serialize),
    ) -> Result<(), CliError> {
        match beside {
            Beside::StandardOutput => self.show(view),
            Beside::StandardError => {
                self.event(view);
                Ok(())
            }
        }
    }

    /// Prints bytes as they are, or the view of them in JSON, to standard output.
    pub(crate) fn bytes(&self, bytes: &[u8], view: &impl Serialize) -> Result<(), CliError> {
        if self.json { self.write(&json_line(view)?) } else { self.write(bytes) }
    }

    /// Tells of something that happens, on standard error.
    pub(crate) fn event(&self, view: &(impl Display + Serialize)) {
        if let Ok(line) = line(self.json, view) {
            tell(&line);
        }
    }

    /// Warns, on standard error.
    pub(crate) fn warn(&self, warning: &str) {
        let line = if self.json {
            json_line(&Warning { warning: &seed::hidden_in(warning) })
        } else {
            Ok(for_people(&format!("warning: {}", seed::hidden_in(warning))))
        };
        if let Ok(line) = line {
            tell(&line);
        }
    }

    /// Tells why the command failed, and returns its exit status.
    pub(crate) fn failure(&self, error: &CliError) -> ExitCode {
        if matches!(error, CliError::NobodyReads) {
            return ExitCode::from(NOBODY_READS);
        }
        self.error(error);
        match error {
            // The compiler's own.
            CliError::BuildFailed { status: Some(status) } => {
                u8::try_from(*status).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            _ => ExitCode::FAILURE,
        }
    }

    /// Tells of an error after which the command goes on, on standard error.
    pub(crate) fn error(&self, error: &CliError) {
        self.reason(error.code(), &error.to_string());
    }

    /// Tells what is wrong with the command line, and returns the exit status.
    pub(crate) fn usage(&self, usage: &Usage) -> ExitCode {
        self.reason("usage", usage.message.trim().trim_start_matches("error: "));
        ExitCode::from(2)
    }

    fn reason(&self, code: &str, message: &str) {
        let message = &*seed::hidden_in(message);
        let line = if self.json {
            json_line(&Failure { error: Reason { code, message } })
        } else {
            Ok(for_people(&format!("error: {message}")))
        };
        if let Ok(line) = line {
            tell(&line);
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|source| match source.kind() {
            io::ErrorKind::BrokenPipe => CliError::NobodyReads,
            _ => CliError::Print { source },
        })
    }
}

fn line(json: bool, view: &(impl Display + Serialize)) -> Result<Vec<u8>, CliError> {
    if json {
        return json_line(view);
    }
    Ok(for_people(&seed::hidden_in(&view.to_string())))
}

/// Lines that can do no harm on a terminal, whatever strangers wrote into them and whatever files are called.
fn for_people(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    format!("{}\n", Shown::new(text).with_lines().up_to(usize::MAX)).into_bytes()
}

fn json_line(view: &impl Serialize) -> Result<Vec<u8>, CliError> {
    // The text that takes the place of a seed needs no escapes.
    Ok(seed::hidden_in(&String::from_utf8_lossy(&json_line_with_seeds(view)?)).into_bytes())
}

fn json_line_with_seeds(view: &impl Serialize) -> Result<Vec<u8>, CliError> {
    let mut line = Vec::new();
    json::write(view, &mut line)
        .map_err(|error| CliError::Print { source: io::Error::other(error.to_string()) })?;
    line.push(b'\n');
    Ok(line)
}

/// Writes to standard error in one piece. When that is closed, nobody is left to tell.
fn tell(line: &[u8]) {
    let _ = io::stderr().lock().write_all(line);
}
