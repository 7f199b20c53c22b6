//! Runs `wascc keys rotate`, which hands an account or an operator over to a new key.

use std::{fmt, path::PathBuf};

use capability_claims::{Clock, Moment, PublicKey, RotationBuilder, RotationClaims, SystemClock};
use clap::Args;
use serde::Serialize;
use untrusted_text::ShownOf;

use crate::{
    deciding::DecidingFiles,
    error::CliError,
    file,
    out_file::{self, Beside},
    output::Output,
    seed,
};

/// Hand an account or an operator over to a new key: both count until the overlap ends, then the new one alone
///
/// The token is no secret. It holds where a policy has it under `rotations`. See docs/rotate-keys.md.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed of the old key: a file; - reads standard input, env:NAME an environment variable
    #[arg(value_name = "OLD_SEED")]
    old: PathBuf,

    /// The seed of the new key, given in the same ways; it signs that it accepts
    #[arg(value_name = "NEW_SEED")]
    new: PathBuf,

    /// How long both keys count, from the handover on, such as 30d
    #[arg(long, value_name = "TIME")]
    overlap: humantime::Duration,

    /// In which time the new key begins to count, such as 1h; at once unless given
    #[arg(long, value_name = "TIME")]
    handover_in: Option<humantime::Duration>,

    /// Why, for people
    #[arg(long)]
    reason: Option<String>,

    /// Write the token to this file; without it the token is printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    files: DecidingFiles,
}

pub(crate) fn rotate(arguments: &Arguments, output: &Output) -> Result<(), CliError> {
    file::refuse_stdin_twice([&arguments.old, &arguments.new])?;
    let files = arguments.files.settle(output);
    let (old, new) = (seed::read(&arguments.old, files)?, seed::read(&arguments.new, files)?);
    let now = SystemClock.now();
    let handover = arguments.handover_in.map_or(now, |time| now.saturating_add(time.as_secs()));
    let mut rotation = RotationBuilder::new()
        .issued_at(now)
        .not_before(handover)
        .expires_at(handover.saturating_add(arguments.overlap.as_secs()));
    if let Some(reason) = &arguments.reason {
        rotation = rotation.reason(reason);
    }
    let text = rotation.issue(&old, &new)?;
    drop((old, new));
    let claims = RotationClaims::verify(&text)?;
    let beside = match &arguments.out {
        Some(path) => out_file::write(path, format!("{text}\n").as_bytes())?,
        None => Beside::StandardOutput,
    };
    let file = arguments.out.as_ref().map(|path| path.display().to_string());
    let rotated = Rotated {
        file,
        id: claims.id().to_owned(),
        from: claims.from(),
        to: claims.to(),
        handover: claims.handover(),
        overlap_end: claims.overlap_end(),
        text,
    };
    output.show_beside(beside, &rotated)
}

#[derive(Serialize)]
struct Rotated {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    id: String,
    from: PublicKey,
    to: PublicKey,
    handover: u64,
    overlap_end: u64,
    text: String,
}

/// The token alone, so that it can be piped, or what went to the file.
impl fmt::Display for Rotated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(file) = &self.file else { return f.write_str(&self.text) };
        let (from, to) = (self.from, self.to);
        write!(f, "{}: {from} hands over to {to} at {}", ShownOf(file), Moment(self.handover))?;
        write!(f, "; both count until {}", Moment(self.overlap_end))
    }
}
