//! Holds the configuration of one link.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    str::FromStr,
};

use crate::ProviderError;

/// What a provider is told about one link: names and values, both text.
///
/// A value may be a secret (a password inside a URL), so `Debug` prints the names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LinkConfig(BTreeMap<String, String>);

impl LinkConfig {
    /// A configuration without any value.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same configuration with `key` set to `value`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// The text under `key`, if there is one.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The value under `key` read as a `T`, if there is one.
    ///
    /// # Errors
    /// [`ProviderError::InvalidConfig`] that names the key when the text does not parse.
    pub fn parse<T>(&self, key: &'static str) -> Result<Option<T>, ProviderError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.value(key) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error: T::Err| ProviderError::InvalidConfig {
            key: key.to_owned(),
            reason: error.to_string(),
        })
    }

    /// Refuses any key that is not among `known`, so that a misspelt key is not silently without effect.
    ///
    /// # Errors
    /// [`ProviderError::InvalidConfig`] that names the first unknown key and lists the known ones.
    pub fn only(&self, known: &[&str]) -> Result<(), ProviderError> {
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(ProviderError::InvalidConfig {
                key: key.clone(),
                reason: format!("no such key; known are: {}", known.join(", ")),
            }),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for LinkConfig {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl fmt::Debug for LinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_does_not_parse_names_its_key() {
        let config = LinkConfig::new().with("port", "eighty");
        let error = config.parse::<u16>("port").unwrap_err();
        assert!(matches!(&error, ProviderError::InvalidConfig { key, .. } if key == "port"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_named_beside_the_known_ones() {
        let config = LinkConfig::new().with("prot", "80");
        let error = config.only(&["port", "body_limit"]).unwrap_err().to_string();
        assert!(error.contains("prot") && error.contains("port, body_limit"), "{error}");
        assert!(config.only(&["prot"]).is_ok());
    }

    #[test]
    fn debug_does_not_show_values() {
        let text = format!("{:?}", LinkConfig::new().with("url", "redis://:secret@host"));
        assert!(text.contains("url") && !text.contains("secret"), "{text}");
    }
}
