//! Says why a file is refused.

use std::{io, path::PathBuf};

use untrusted_text::ShownOf;

/// Why a file or directory that decides is refused. Every text names it, its owner where that is the reason, and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It cannot be opened.
    #[error("{} cannot be opened: {source}", ShownOf(path.display()))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The last name on the way is a symbolic link.
    #[error("{} is a symbolic link, which others could point elsewhere; name the file itself", ShownOf(path.display()))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// More symbolic links than an operating system follows stand on the way.
    #[error("{} leads through more than {limit} symbolic links", ShownOf(path.display()))]
    TooManyLinks {
        /// The file.
        path: PathBuf,
        /// How many are followed.
        limit: usize,
    },
    /// It is a directory, a pipe, a socket or a device.
    #[error("{} is not a file", ShownOf(path.display()))]
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// It should be a directory.
    #[error("{} is not a directory", ShownOf(path.display()))]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// It belongs to a user who is neither the effective one nor root.
    #[error(
        "{} belongs to user {owner}, who could change it, and this program runs as user {user}; give it to that user or to root (chown {user} {})",
        ShownOf(path.display()), ShownOf(path.display())
    )]
    Owner {
        /// The file or directory.
        path: PathBuf,
        /// The id of the user to whom it belongs.
        owner: u32,
        /// The id of the effective user.
        user: u32,
    },
    /// Others than its owner may write to it.
    #[error(
        "{} belongs to user {owner} and others may write to it (mode {mode:04o}); take their right away (chmod go-w {})",
        ShownOf(path.display()), ShownOf(path.display())
    )]
    WritableByOthers {
        /// The file or directory.
        path: PathBuf,
        /// The id of the user to whom it belongs.
        owner: u32,
        /// Its mode, without the bits that tell its kind.
        mode: u32,
    },
}
