//! Lists what can go wrong in the demonstration.

use std::{io, path::PathBuf};

use capability_claims::ClaimsError;
use untrusted_text::ShownOf;

/// What can go wrong in the demonstration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read {}: {source}", ShownOf(path.display()))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", ShownOf(path.display()))]
    Write { path: PathBuf, source: io::Error },
    #[error("the key in {} cannot be used: {source}", ShownOf(path.display()))]
    Key { path: PathBuf, source: Box<ClaimsError> },
    #[error(transparent)]
    Claims(Box<ClaimsError>),
    #[error(transparent)]
    Host(#[from] host_core::Error),
    #[error(transparent)]
    Provider(#[from] capability_provider::ProviderError),
    #[error("interrupts cannot be caught: {0}")]
    Signal(ctrlc::Error),
}

impl From<ClaimsError> for Error {
    fn from(error: ClaimsError) -> Self {
        Self::Claims(Box::new(error))
    }
}
