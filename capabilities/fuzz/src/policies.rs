//! Writes policies in TOML from their data.

use std::fmt;

use capability_claims::{PolicyDocument, PublicKey};
use toml::{Table, Value};

/// A policy's text.
#[derive(Debug, Clone)]
pub struct PolicyText(Table);

impl PolicyText {
    /// The text of all that the document says.
    #[must_use]
    pub fn of(document: &PolicyDocument) -> Self {
        let PolicyDocument { accounts, operators, actors, revoked, issuers, .. } = document;
        let mut text = Table::new();
        text.insert("accounts".into(), keys(accounts));
        text.insert("operators".into(), keys(operators));
        text.insert("shared_actors".into(), keys(&document.shared_actors));
        text.insert("account_tokens".into(), document.account_tokens.clone().into());
        text.insert("operator_tokens".into(), document.operator_tokens.clone().into());
        text.insert("rotations".into(), document.rotations.clone().into());
        text.insert("clock_skew_seconds".into(), seconds(document.clock_skew_seconds));
        if let Some(life) = document.max_token_life_seconds {
            text.insert("max_token_life_seconds".into(), seconds(life));
        }
        let mut rules = Table::new();
        if let Some(allowed) = &actors.allowed {
            rules.insert("allowed".into(), keys(allowed));
        }
        rules.insert("denied".into(), keys(&actors.denied));
        let minimum =
            actors.minimum_revision.iter().map(|(key, revision)| (key.to_string(), (*revision).into()));
        rules.insert("minimum_revision".into(), Value::Table(minimum.collect()));
        text.insert("actors".into(), rules.into());
        let since = revoked.since.iter().map(|(key, since)| (key.to_string(), seconds(*since)));
        let void = [
            ("keys".into(), keys(&revoked.keys)),
            ("tokens".into(), revoked.tokens.clone().into()),
            ("since".into(), Value::Table(since.collect())),
        ];
        text.insert("revoked".into(), Table::from_iter(void).into());
        let limits = issuers.iter().map(|(key, rules)| {
            let grants: Vec<Value> = rules.grants.iter().map(grant).collect();
            (key.to_string(), Table::from_iter([("grants".to_owned(), Value::Array(grants))]).into())
        });
        text.insert("issuers".into(), Value::Table(limits.collect()));
        let owners = document.owners.iter().map(|(key, rules)| {
            let bound = [
                ("modules".to_owned(), keys(&rules.modules)),
                ("names".to_owned(), rules.names.clone().into()),
                ("tags".to_owned(), rules.tags.clone().into()),
            ];
            (key.to_string(), Table::from_iter(bound).into())
        });
        text.insert("owners".into(), Value::Table(owners.collect()));
        if let Some(end) = document.end {
            text.insert(
                "end".into(),
                Table::from_iter([("entries".to_owned(), seconds(end.entries))]).into(),
            );
        }
        Self(text)
    }
}

impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn grant(rule: &capability_claims::GrantRule) -> Value {
    let names = |names: &[Box<str>]| Value::Array(names.iter().map(|name| name.to_string().into()).collect());
    let mut table = Table::from_iter([("capability".to_owned(), rule.capability.clone().into())]);
    if let Some(links) = &rule.links {
        table.insert("links".into(), names(links));
    }
    if let Some(operations) = &rule.operations {
        table.insert("operations".into(), names(operations));
    }
    table.into()
}

fn keys(keys: &[PublicKey]) -> Value {
    Value::Array(keys.iter().map(|key| key.to_string().into()).collect())
}

/// TOML knows no larger numbers, so no document that was read has one.
fn seconds(seconds: u64) -> Value {
    i64::try_from(seconds).expect("it was read from TOML").into()
}
