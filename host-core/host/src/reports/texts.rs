//! Writes names and keys of reports as their texts.

use std::fmt::Display;

use serde::Serializer;

/// Serialises a name or a key as its text.
pub(crate) fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Serialises names or keys as a list of their texts.
pub(crate) fn as_texts<S: Serializer>(values: &[impl Display], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}
