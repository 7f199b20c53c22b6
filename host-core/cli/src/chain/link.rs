//! Shows one link of a chain, as a table and as JSON.

use std::fmt;

use capability_claims::{Link, Moment, PublicKey};
use serde::Serialize;

use crate::row::Row;

/// A key, and what the token says that is about it. Times are in seconds since 1970.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LinkView {
    kind: String,
    pub(super) key: PublicKey,
    name: Option<String>,
    /// The token's id. There is none for a key that is trusted as it is.
    pub(super) token: Option<String>,
    issuer: Option<PublicKey>,
    not_before: Option<u64>,
    expires: Option<u64>,
}

impl LinkView {
    pub(super) fn new(link: impl Into<Link>) -> Self {
        let link = link.into();
        Self {
            kind: link.kind().to_string(),
            key: link.key(),
            name: link.name().map(str::to_owned),
            token: link.token().map(str::to_owned),
            issuer: link.issuer(),
            not_before: link.not_before(),
            expires: link.expires(),
        }
    }

    /// What it is about, in words: `account "team red"`.
    pub(super) fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{} \"{name}\"", self.kind),
            None => self.kind.clone(),
        }
    }
}

impl fmt::Display for LinkView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Row("  Key", &self.key.to_string()))?;
        let (Some(token), Some(issuer)) = (&self.token, self.issuer) else {
            return write!(f, "\n{}", Row("  Token", "none; it is trusted by its key"));
        };
        let issuer = if issuer == self.key { "itself".to_owned() } else { issuer.to_string() };
        let time = |at: Option<u64>, none: &str| at.map_or(none.to_owned(), |at| Moment(at).to_string());
        write!(f, "\n{}", Row("  Token", token))?;
        write!(f, "\n{}", Row("  Issued by", &issuer))?;
        write!(f, "\n{}", Row("  Valid from", &time(self.not_before, "at once")))?;
        write!(f, "\n{}", Row("  Expires", &time(self.expires, "never")))
    }
}
