//! Runs `wascc audit`: whether an audit log is whole, and what it says.

mod fields;
mod show;

use std::{
    fmt,
    fs::File,
    io::{BufRead, BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use capability_claims::Moment;
use clap::Subcommand;
use host_audit::{RecordHash, Summary, verify, verify_against};
use serde::Serialize;
use untrusted_text::ShownOf;
use zeroize::Zeroizing;

use crate::{error::CliError, file, output::Output, row::Row, seed};

/// Look after the audit log of a host
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check that no record was changed, removed, moved or put in
    ///
    /// Says where the log breaks if it does; the exit status is 1 then. That records were cut off the end only shows against
    /// a head that was kept elsewhere: keep the one that is printed, and give it with --head the next time.
    Verify {
        /// The audit log; - reads standard input
        file: PathBuf,

        /// The head that an earlier check printed: everything up to that record must still be there
        #[arg(long, value_name = "HASH")]
        head: Option<RecordHash>,
    },
    Show(show::Arguments),
}

pub(crate) fn audit(command: &Command, output: &Output) -> Result<(), CliError> {
    let (path, head) = match command {
        Command::Verify { file, head } => (file, head),
        Command::Show(arguments) => return show::show(arguments, output),
    };
    let log = open(path)?;
    let summary = match head {
        Some(head) => verify_against(log, *head),
        None => verify(log),
    };
    let summary = summary.map_err(|source| CliError::Audit { path: path.clone(), source })?;
    output.show(&Whole { file: path.display().to_string(), summary })
}

/// A log, to read it line by line. What looks like a seed is refused before it is in a buffer, for a message might quote it.
fn open(path: &Path) -> Result<impl BufRead, CliError> {
    let failed = |source| CliError::Read { path: path.to_owned(), source };
    let mut log = if file::is_stdin(path) { file::stdin() } else { File::open(path) }.map_err(failed)?;
    let mut beginning = Zeroizing::new(Vec::with_capacity(seed::LONGEST));
    log.by_ref().take(seed::LONGEST as u64).read_to_end(&mut beginning).map_err(failed)?;
    // A record may hold what a stranger called their module, whatever that looks like.
    let is_log = beginning.starts_with(b"{");
    if let Some(line) = seed::line_in(&beginning).filter(|_| !is_log) {
        return Err(CliError::SeedInFile { path: path.to_owned(), line });
    }
    Ok(BufReader::new(Cursor::new(beginning).chain(log)))
}

#[derive(Serialize)]
struct Whole {
    file: String,
    #[serde(flatten)]
    summary: Summary,
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |at: Option<u64>| at.map_or("none".to_owned(), |at| Moment(at).to_string());
        let Summary { records, head, first_at, last_at, vouched, .. } = self.summary;
        writeln!(f, "{} is whole", ShownOf(&self.file))?;
        writeln!(f, "{}", Row("Records", &records.to_string()))?;
        writeln!(f, "{}", Row("First", &time(first_at)))?;
        writeln!(f, "{}", Row("Newest", &time(last_at)))?;
        if let Some(vouched) = vouched {
            let vouched =
                format!("nothing is missing up to the record {vouched}, which has the head that was given");
            writeln!(f, "{}", Row("Given head", &vouched))?;
        }
        write!(f, "{}", Row("Head", &head.to_string()))
    }
}
