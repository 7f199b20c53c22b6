//! Runs `wascc keys`, which makes keys and shows their public half.

mod rotate;

use std::{fmt, path::PathBuf};

use capability_claims::{KeyKind, KeyPair, PublicKey};
use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use untrusted_text::ShownOf;

use crate::{deciding::DecidingFiles, error::CliError, output::Output, seed};

/// Make keys and show their public half
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new key: an account signs modules, a module is one actor's identity, an operator vouches for accounts
    Generate {
        /// What the key stands for
        kind: Kind,

        /// Write the secret seed to this new file, which you alone can read. Without it the seed is printed
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,

        #[command(flatten)]
        files: DecidingFiles,
    },
    Rotate(rotate::Arguments),
    /// Show the public half of a key
    Show {
        /// The file with the seed; - reads standard input, env:NAME an environment variable
        #[arg(value_name = "SEED")]
        seed: PathBuf,

        #[command(flatten)]
        files: DecidingFiles,
    },
}

/// The kinds of keys that sign, or are signed, here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Account,
    Module,
    Operator,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Account => Self::Account,
            Kind::Module => Self::Module,
            Kind::Operator => Self::Operator,
        }
    }
}

pub(crate) fn keys(command: &Command, output: &Output) -> Result<(), CliError> {
    match command {
        Command::Rotate(arguments) => rotate::rotate(arguments, output),
        Command::Show { seed, files } => {
            let view = KeyView::of(&seed::read(seed, files.settle(output))?);
            output.show(&view)
        }
        Command::Generate { kind, out: Some(file), files } => {
            let files = files.settle(output);
            let key = KeyPair::generate((*kind).into())?;
            seed::write_new(file, files, &key)?;
            let view = KeyView { file: Some(file.display().to_string()), ..KeyView::of(&key) };
            drop(key);
            output.show(&view)
        }
        Command::Generate { kind, out: None, .. } => {
            let key = KeyPair::generate((*kind).into())?;
            output.warn(
                "the seed is a secret, and is on your screen now; --out FILE puts it into a file instead",
            );
            let seed = key.seed();
            output.show_seed(&KeyView { seed: Some(&seed), ..KeyView::of(&key) })
        }
    }
}

#[derive(Serialize)]
struct KeyView<'a> {
    kind: String,
    public_key: PublicKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl KeyView<'_> {
    fn of(key: &KeyPair) -> Self {
        Self { kind: key.kind().to_string(), public_key: key.public_key(), seed: None, file: None }
    }
}

impl fmt::Display for KeyView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<12}{}", "Kind:", self.kind)?;
        write!(f, "\n{:<12}{}", "Public key:", self.public_key)?;
        if let Some(seed) = self.seed {
            write!(f, "\n{:<12}{seed}", "Seed:")?;
        }
        if let Some(file) = &self.file {
            write!(f, "\n{:<12}{}", "Seed file:", ShownOf(file))?;
        }
        Ok(())
    }
}
