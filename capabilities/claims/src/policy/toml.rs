//! Reads policies from TOML, and finds the place of a mistake.

use toml::de::Error as TomlError;

use crate::{
    error::ClaimsError,
    keys::PublicKey,
    policy::{PolicyDocument, TrustPolicy},
};

/// The most bytes of a policy.
const LONGEST: usize = 16 << 20;
/// The most characters of the keys' alphabet in a row that are always shown. No name in a policy is longer.
const SHORT: usize = 20;

impl PolicyDocument {
    /// Reads a document written in [TOML](https://toml.io).
    ///
    /// # Errors
    /// [`ClaimsError::TooMany`] for more than 16 MiB, and [`ClaimsError::MalformedPolicy`] with the
    /// line and the field; for a list that is the line where it begins, and the reason says which
    /// entry is wrong. The line itself is not repeated, nor is what may be a seed, for somebody may
    /// have pasted a secret there.
    pub fn from_toml(text: &str) -> Result<Self, ClaimsError> {
        if text.len() > LONGEST {
            let (what, count) = ("bytes in the policy", text.len());
            return Err(ClaimsError::TooMany { what, count, limit: LONGEST });
        }
        toml::from_str(text).map_err(|error| misplaced(text, &error))
    }
}

impl TrustPolicy {
    /// Reads a policy written in [TOML](https://toml.io), in the form of a [`PolicyDocument`].
    ///
    /// ```
    /// use capability_claims::{KeyKind, KeyPair, TrustPolicy};
    ///
    /// let account = KeyPair::generate(KeyKind::Account)?.public_key();
    /// let policy = TrustPolicy::from_toml(&format!("accounts = [\"{account}\"]\nclock_skew_seconds = 5"))?;
    ///
    /// let error = TrustPolicy::from_toml("clock_skew_seconds = 5\nacounts = []").unwrap_err();
    /// assert!(error.to_string().contains("line 2, \"acounts\""));
    /// # Ok::<(), capability_claims::ClaimsError>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`PolicyDocument::from_toml`].
    pub fn from_toml(text: &str) -> Result<Self, ClaimsError> {
        PolicyDocument::from_toml(text)?.into_policy()
    }
}

fn misplaced(text: &str, error: &TomlError) -> ClaimsError {
    let offset = error.span().map_or(0, |span| span.start);
    let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
    let field = text.lines().take(line + 1).filter_map(field_of).last().unwrap_or_default();
    let reason = error.message().lines().next().unwrap_or_default();
    let (field, reason) = (without_secrets(field).into(), without_secrets(reason).into());
    ClaimsError::MalformedPolicy { line: line + 1, field, reason }
}

/// The text with every word left out that may be a seed, or a part of one: a field's name can be
/// one by mistake, and names are repeated.
fn without_secrets(text: &str) -> String {
    let is_of_keys = |c: char| matches!(c, 'A'..='Z' | '2'..='7');
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(|c| !is_of_keys(c)) {
        let word = piece.trim_end_matches(|c| !is_of_keys(c));
        let hidden = word.len() > SHORT && PublicKey::parse(word).is_err();
        shown.push_str(if hidden { "(not shown)" } else { word });
        shown.push_str(&piece[word.len()..]);
    }
    shown
}

/// The name of the field or table that begins on this line, when one does.
fn field_of(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(table) = line.strip_prefix('[') {
        // A line of a longer list of lists begins so too, but with no name.
        let name = table.trim_start_matches('[').split(']').next()?.trim();
        return is_name(name).then_some(name);
    }
    let name = line.split('=').next().filter(|name| name.len() < line.len())?.trim();
    is_name(name).then_some(name)
}

fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || "_-.\"'".contains(c);
    !text.is_empty() && text.chars().all(letter)
}
