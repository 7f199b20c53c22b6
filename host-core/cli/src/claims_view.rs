//! Shows what a module's token says, as a table and as JSON.

use std::fmt;

use capability_claims::{ModuleClaims, ModuleHash, Moment, PublicKey};
use serde::Serialize;

use crate::row::{List, Row};

/// What a module's token says. Times are in seconds since 1970.
#[derive(Debug, Serialize)]
pub(crate) struct ClaimsView<'a> {
    name: Option<&'a str>,
    issuer: PublicKey,
    module: PublicKey,
    expires: Option<u64>,
    not_before: Option<u64>,
    issued_at: u64,
    version: Option<&'a str>,
    revision: Option<i32>,
    tags: &'a [String],
    capabilities: &'a [String],
    call_alias: Option<&'a str>,
    provider: bool,
    id: &'a str,
    hash: ModuleHash,
    /// The time by which the table judges the others.
    #[serde(skip)]
    now: u64,
}

impl<'a> ClaimsView<'a> {
    pub(crate) fn new(claims: &'a ModuleClaims, now: u64) -> Self {
        Self {
            name: claims.name(),
            issuer: claims.issuer(),
            module: claims.subject(),
            expires: claims.expires(),
            not_before: claims.not_before(),
            issued_at: claims.issued_at(),
            version: claims.version(),
            revision: claims.revision(),
            tags: claims.tags(),
            capabilities: claims.caps(),
            call_alias: claims.call_alias(),
            provider: claims.provider(),
            id: claims.id(),
            hash: claims.hash(),
            now,
        }
    }

    fn expiry(&self) -> String {
        match self.expires {
            None => "never".to_owned(),
            Some(at) if at <= self.now => format!("{} (has expired)", Moment(at)),
            Some(at) => Moment(at).to_string(),
        }
    }

    fn beginning(&self) -> String {
        match self.not_before {
            None => "at once".to_owned(),
            Some(at) if self.now < at => format!("{} (is not valid yet)", Moment(at)),
            Some(at) => Moment(at).to_string(),
        }
    }
}

impl fmt::Display for ClaimsView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", Row("Name", self.name.unwrap_or("none")))?;
        writeln!(f, "{}", Row("Issuer", &self.issuer.to_string()))?;
        writeln!(f, "{}", Row("Module key", &self.module.to_string()))?;
        writeln!(f, "{}", Row("Expires", &self.expiry()))?;
        writeln!(f, "{}", Row("Can be used from", &self.beginning()))?;
        writeln!(f, "{}", Row("Issued at", &Moment(self.issued_at).to_string()))?;
        writeln!(f, "{}", Row("Version", self.version.unwrap_or("none")))?;
        let revision = self.revision.map_or("none".to_owned(), |revision| revision.to_string());
        writeln!(f, "{}", Row("Revision", &revision))?;
        writeln!(f, "{}", List("Tags", self.tags))?;
        writeln!(f, "{}", List("Capabilities", self.capabilities))?;
        if let Some(alias) = self.call_alias {
            writeln!(f, "{}", Row("Call alias", alias))?;
        }
        if self.provider {
            writeln!(f, "{}", Row("Kind", "capability provider"))?;
        }
        writeln!(f, "{}", Row("Token id", self.id))?;
        write!(f, "{}", Row("Hash", &self.hash.to_string()))
    }
}
