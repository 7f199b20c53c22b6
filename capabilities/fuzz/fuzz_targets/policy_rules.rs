//! Compares what policies decide: the same rules in TOML and through the builder give the same answer to every question, and a
//! permit gives the policy's.
#![no_main]

use std::{fmt::Write, sync::Arc, sync::LazyLock, time::Duration};

use arbitrary::Arbitrary;
use bytes::Bytes;
use capability_claims::{
    Access, Chain, ClaimsBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, ModuleClaims, PublicKey,
    TrustPolicy, sign_module,
};
use capability_fuzz::{NOW, cast, key_pair};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    rules: Rules,
    questions: Vec<Question>,
}

#[derive(Debug, Arbitrary)]
struct Rules {
    accounts: Vec<Who>,
    operators: Vec<Who>,
    /// Hands over the operator's word for the account.
    voucher: bool,
    skew: Option<u16>,
    life: Option<u16>,
    allowed: Option<Vec<Who>>,
    denied: Vec<Who>,
    revisions: Vec<(Who, i32)>,
    revoked_keys: Vec<Who>,
    revoked_tokens: Vec<Which>,
    limits: Vec<(Who, Vec<Rule>)>,
}

/// One of a few keys of the kind that is asked for.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Who {
    Account,
    Stranger,
    Operator,
    OtherOperator,
    Module,
    OtherModule,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Which {
    Modules,
    Accounts,
    Operators,
    Nobodys,
}

/// A grant; words are numbers here, so that they often meet.
#[derive(Debug, Clone, Arbitrary)]
struct Rule {
    capability: u8,
    links: Option<Vec<u8>>,
    operations: Option<Vec<u8>>,
}

#[derive(Debug, Arbitrary)]
struct Question {
    module: u8,
    /// Seconds around the moment at which all tokens of the cast are good.
    when: i8,
    capability: u8,
    link: Option<u8>,
    operation: u8,
}

fuzz_target!(|input: Input| {
    let (Ok(read), Some(built)) = (TrustPolicy::from_toml(&input.rules.text()), input.rules.policy()) else {
        panic!("{}", input.rules.text())
    };
    let (read, built) = (Arc::new(read), Arc::new(built));
    for question in &input.questions {
        let (claims, now) = (question.claims(), question.now());
        let (capability, link, operation) =
            (word(question.capability), question.link.map(word), word(question.operation));
        let access = match &link {
            Some(link) => Access::capability(&capability, link, &operation),
            None => Access::module(&capability, &operation),
        };
        let answer = read.allows(claims, &access, now);
        same(&answer, &built.allows(claims, &access, now));
        same(&read.check(claims, now), &built.check(claims, now));
        if answer.is_ok() {
            assert!(read.check(claims, now).is_ok() && claims.grants(&capability));
        }
        // A permit may have been made at another moment than it is asked at.
        for then in [now, NOW, question.later()] {
            let Ok(permit) = read.permit(claims, then) else { continue };
            same(&answer, &permit.allows(&access, now));
            same(&read.check(claims, now), &permit.check(now));
        }
    }
});

#[track_caller]
fn same(one: &Result<(), ClaimsError>, two: &Result<(), ClaimsError>) {
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
}

fn word(number: u8) -> String {
    match number % 8 {
        0 => "wascc:keyvalue".to_owned(),
        1 => "wascc:logging".to_owned(),
        2 => "default".to_owned(),
        3 => "Get".to_owned(),
        4 => cast().module.public_key().to_string(),
        5 => "x".to_owned(),
        // What TOML has to escape.
        6 => "\"\\\u{1f600}".to_owned(),
        _ => "Set".to_owned(),
    }
}

impl Who {
    fn key(self) -> PublicKey {
        match self {
            Self::Account => cast().account.public_key(),
            Self::Stranger => cast().stranger.public_key(),
            Self::Operator => cast().operator.public_key(),
            Self::OtherOperator => key_pair(KeyKind::Operator, 9).public_key(),
            Self::Module => cast().module.public_key(),
            Self::OtherModule => key_pair(KeyKind::Module, 5).public_key(),
        }
    }

    /// The key when it is of one of these kinds.
    fn of(self, kinds: &[KeyKind]) -> Option<PublicKey> {
        Some(self.key()).filter(|key| kinds.contains(&key.kind()))
    }
}

fn all(who: &[Who], kinds: &[KeyKind]) -> Vec<PublicKey> {
    who.iter().filter_map(|who| who.of(kinds)).collect()
}

impl Which {
    fn id(self) -> &'static str {
        match self {
            Self::Modules => "the token's id",
            Self::Accounts => "the team",
            Self::Operators => "the house",
            Self::Nobodys => "nobody's",
        }
    }
}

impl Rules {
    fn limits(&self) -> Vec<(PublicKey, &[Rule])> {
        let mut limits: Vec<(PublicKey, &[Rule])> = Vec::new();
        for (who, rules) in &self.limits {
            match who.of(&[KeyKind::Account, KeyKind::Operator]) {
                // A second table for the same key is not TOML.
                Some(key) if limits.iter().all(|(other, _)| *other != key) => limits.push((key, rules)),
                _ => {}
            }
        }
        limits
    }

    fn revisions(&self) -> Vec<(PublicKey, i32)> {
        let mut revisions: Vec<(PublicKey, i32)> = Vec::new();
        for (who, revision) in &self.revisions {
            match who.of(&[KeyKind::Module]) {
                Some(key) if revisions.iter().all(|(other, _)| *other != key) => {
                    revisions.push((key, *revision))
                }
                _ => {}
            }
        }
        revisions
    }

    fn policy(&self) -> Option<TrustPolicy> {
        let mut policy = TrustPolicy::nobody();
        policy = all(&self.accounts, &[KeyKind::Account]).into_iter().fold(policy, TrustPolicy::account);
        policy = all(&self.operators, &[KeyKind::Operator]).into_iter().fold(policy, TrustPolicy::operator);
        if self.voucher {
            policy = policy.account_token(&cast().account_token).ok()?;
        }
        if let Some(skew) = self.skew {
            policy = policy.clock_skew(Duration::from_secs(skew.into()));
        }
        if let Some(life) = self.life {
            policy = policy.max_token_life(Duration::from_secs(life.into()));
        }
        // An empty list allows nobody, which the builder has no word for: it allows a module that is not asked about.
        for key in self.allowed.iter().flat_map(|allowed| all(allowed, &[KeyKind::Module])) {
            policy = policy.allow_actor(key).ok()?;
        }
        if self.allowed.is_some() {
            policy = policy.allow_actor(key_pair(KeyKind::Module, 6).public_key()).ok()?;
        }
        for key in all(&self.denied, &[KeyKind::Module]) {
            policy = policy.deny_actor(key).ok()?;
        }
        for (key, revision) in self.revisions() {
            policy = policy.minimum_revision(key, revision).ok()?;
        }
        policy = self.revoked_keys.iter().fold(policy, |policy, who| policy.revoke_key(who.key()));
        policy = self.revoked_tokens.iter().fold(policy, |policy, which| policy.revoke_token(which.id()));
        for (key, rules) in self.limits() {
            let limit = rules.iter().filter_map(Rule::grant).fold(GrantLimit::nothing(), GrantLimit::and);
            policy = policy.limit(key, limit).ok()?;
        }
        Some(policy)
    }

    fn text(&self) -> String {
        let mut text = format!("accounts = {}\n", list(&all(&self.accounts, &[KeyKind::Account])));
        let mut line =
            |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").expect("a string takes all");
        line(format_args!("operators = {}", list(&all(&self.operators, &[KeyKind::Operator]))));
        if self.voucher {
            line(format_args!("account_tokens = [\"{}\"]", cast().account_token));
        }
        if let Some(skew) = self.skew {
            line(format_args!("clock_skew_seconds = {skew}"));
        }
        if let Some(life) = self.life {
            line(format_args!("max_token_life_seconds = {life}"));
        }
        line(format_args!("[actors]\ndenied = {}", list(&all(&self.denied, &[KeyKind::Module]))));
        if let Some(allowed) = &self.allowed {
            line(format_args!("allowed = {}", list(&all(allowed, &[KeyKind::Module]))));
        }
        line(format_args!("[actors.minimum_revision]"));
        self.revisions().iter().for_each(|(key, revision)| line(format_args!("{key} = {revision}")));
        let revoked: Vec<_> = self.revoked_keys.iter().map(|who| who.key()).collect();
        line(format_args!("[revoked]\nkeys = {}", list(&revoked)));
        let revoked: Vec<_> = self.revoked_tokens.iter().map(|which| which.id()).collect();
        line(format_args!("tokens = {}", list(&revoked)));
        for (key, rules) in self.limits() {
            line(format_args!("[issuers.{key}]\ngrants = ["));
            rules
                .iter()
                .filter(|rule| rule.grant().is_some())
                .for_each(|rule| line(format_args!("{},", rule.text())));
            line(format_args!("]"));
        }
        text
    }
}

impl Rule {
    /// The grant, where the builder has words for it: it cannot say that a list is there and empty.
    fn grant(&self) -> Option<Grant> {
        let lists = [&self.links, &self.operations];
        if lists.into_iter().flatten().any(Vec::is_empty) {
            return None;
        }
        let grant = self
            .links
            .iter()
            .flatten()
            .fold(Grant::of(word(self.capability)), |grant, link| grant.link(word(*link)));
        Some(self.operations.iter().flatten().fold(grant, |grant, name| grant.operation(word(*name))))
    }

    fn text(&self) -> String {
        let mut text = format!("{{ capability = {}", quoted(&word(self.capability)));
        for (field, names) in [("links", &self.links), ("operations", &self.operations)] {
            if let Some(names) = names {
                let names: Vec<_> = names.iter().map(|name| word(*name)).collect();
                text += &format!(", {field} = {}", list(&names));
            }
        }
        text + " }"
    }
}

impl Question {
    fn now(&self) -> u64 {
        NOW.saturating_add_signed(self.when.into())
    }

    fn later(&self) -> u64 {
        NOW.saturating_add_signed(i64::from(self.when) / 2 + i64::from(self.operation))
    }

    fn claims(&self) -> &'static ModuleClaims {
        static ALL: LazyLock<Vec<ModuleClaims>> = LazyLock::new(modules);
        &ALL[usize::from(self.module) % ALL.len()]
    }
}

/// Modules of the account and of the stranger, with and without a chain, a name, an end and a revision.
fn modules() -> Vec<ModuleClaims> {
    let cast = cast();
    let everybody =
        TrustPolicy::nobody().account(cast.account.public_key()).account(cast.stranger.public_key());
    let verified = |wasm: &[u8], claims: &ClaimsBuilder, key: &KeyPair| {
        let signed = sign_module(wasm, claims, key).expect("the module is whole");
        everybody.verify(Bytes::from(signed), NOW).expect("it is trusted").claims().clone()
    };
    let bare = b"\0asm\x01\0\0\0";
    let whole = cast.chain.embed(bare).expect("the module is whole");
    let half = Chain::new([cast.account_token.as_str()])
        .expect("an account's token")
        .embed(bare)
        .expect("it is whole");
    let other = ClaimsBuilder::new(key_pair(KeyKind::Module, 5).public_key()).id("other").issued_at(NOW + 10);
    let rich = (0..8).fold(cast.claims(), |claims, number| claims.capability(word(number)));
    vec![
        verified(bare, &cast.claims(), &cast.account),
        verified(bare, &rich, &cast.account),
        verified(&whole, &rich, &cast.account),
        verified(&half, &rich.clone().capability("wascc:logging"), &cast.account),
        verified(bare, &rich, &cast.stranger),
        verified(bare, &other, &cast.account),
        verified(&half, &other.capability("Get").revision(-1), &cast.account),
    ]
}

fn list(entries: &[impl ToString]) -> String {
    let entries: Vec<_> = entries.iter().map(|entry| quoted(&entry.to_string())).collect();
    format!("[{}]", entries.join(", "))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
