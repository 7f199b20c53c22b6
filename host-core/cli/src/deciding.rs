//! Opens the files that decide: manifests, policies and seeds.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
};

use clap::Args;
use trusted_files::FileError;

use crate::{error::CliError, output::Output};

/// Where the system shows the files that a process has open already.
const DESCRIPTORS: [&str; 2] = ["/dev/fd", "/proc/self/fd"];

/// The option of every command that reads a file which decides.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DecidingFiles {
    /// Use manifests, policies, seeds, audit logs and revision ledgers whoever can write them, and follow links to them. They
    /// then decide what happens here, not you
    #[arg(long)]
    insecure_files: bool,
}

/// Opens files that decide. A command only gets one after it has warned where it has to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deciding {
    insecure: bool,
}

impl DecidingFiles {
    /// Warns when it is not checked whose the files are.
    pub(crate) fn settle(self, output: &Output) -> Deciding {
        if self.insecure_files {
            output.warn(
                "--insecure-files: whoever can write the files that decide (manifest, policy, seeds, audit log, revision ledger) \
                 decides what happens here, for nobody looks at whose they are",
            );
        }
        Deciding { insecure: self.insecure_files }
    }
}

impl Deciding {
    /// Whether files are taken wherever they lie.
    pub(crate) fn insecure(self) -> bool {
        self.insecure
    }

    /// Opens a file to read it. What the caller has opened already, as a shell does for `<(...)`, is the caller's own choice.
    pub(crate) fn open(self, path: &Path) -> Result<File, CliError> {
        if self.insecure || is_open_already(path) {
            return File::open(path).map_err(|source| CliError::Read { path: path.to_owned(), source });
        }
        trusted_files::open(path).map_err(|error| match error {
            FileError::Open { source, .. } => CliError::Read { path: path.to_owned(), source },
            other => CliError::Untrusted(other),
        })
    }

    /// Makes a new file with these options, in a directory where nobody else can put another one in its place.
    pub(crate) fn create(self, path: &Path, options: &mut OpenOptions) -> Result<File, CliError> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(CliError::FileExists { path: path.to_owned() });
        }
        let options = options.write(true).create_new(true);
        let made = if self.insecure {
            options.open(path).map_err(|source| FileError::Open { path: path.to_owned(), source })
        } else {
            trusted_files::open_with(path, options)
        };
        made.map_err(|error| match error {
            FileError::Open { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
                CliError::FileExists { path: path.to_owned() }
            }
            FileError::Open { source, .. } => CliError::Write { path: path.to_owned(), source },
            other => CliError::Untrusted(other),
        })
    }
}

fn is_open_already(path: &Path) -> bool {
    let numbered = || {
        let name = path.file_name()?.to_str()?;
        let directory = path.parent()?.to_str()?;
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        Some(is_number && DESCRIPTORS.contains(&directory))
    };
    path == "/dev/stdin" || numbered().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_already_is_known_by_its_whole_name() {
        for open in ["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"] {
            assert!(is_open_already(Path::new(open)), "{open}");
        }
        for other in [
            "/dev/fd/x",
            "/dev/fd/",
            "/dev/fd",
            "dev/fd/3",
            "/dev/fd/../fd/3x",
            "/tmp/dev/fd/3",
            "/dev/fdx/3",
        ] {
            assert!(!is_open_already(Path::new(other)), "{other}");
        }
    }
}
