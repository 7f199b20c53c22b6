//! Tells what a suite found.

/// One case that a provider did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{case}: {reason}")]
#[non_exhaustive]
pub struct Failure {
    /// The name of the case.
    pub case: &'static str,
    /// What was expected and what was seen.
    pub reason: String,
}
