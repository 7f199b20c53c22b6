//! The policy and its permits against a second, simpler telling of the same rules: owners, rotations, revocations, operators' words and
//! limits, put together at random. `QUESTIONS=1000000` asks a million; without it there are fewer, for every run.

mod common;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use capability_claims::{
    Access, AccountBuilder, Chain, ClaimsBuilder, Grant, GrantLimit, KeyKind, KeyPair, ModuleClaims,
    OperatorBuilder, Owner, PublicKey, RotationBuilder, TrustPolicy, sign_module,
};
use common::{NOW, Numbers, small_module};

const ACCOUNTS: usize = 4;
const KEYS: usize = 7;
const CAPABILITIES: [&str; 3] = ["a:a", "b:b", "c:c"];
const OPERATIONS: [&str; 2] = ["Get", "Set"];
const NAMES: [&str; 2] = ["billing", "ledger"];

/// Accounts, then operators; modules apart.
struct Cast {
    keys: Vec<KeyPair>,
    modules: Vec<KeyPair>,
}

/// A word of an operator for an account, or of an operator for itself, or a rotation: keys by their number.
#[derive(Clone, Copy, PartialEq)]
struct Token {
    by: usize,
    about: usize,
    issued: u64,
    begins: u64,
    ends: u64,
}

impl Token {
    fn id(&self, kind: &str) -> String {
        format!("{kind}{}-{}-{}-{}-{}", self.by, self.about, self.issued, self.begins, self.ends)
    }
}

/// A capability by its number, and the only operation when it is not all of them.
type Granted = (usize, Option<usize>);

#[derive(Clone, Default)]
struct Rules {
    trusted: BTreeSet<usize>,
    words: Vec<Token>,
    asked: Vec<Token>,
    rotations: Vec<Token>,
    revoked: Vec<(usize, Option<u64>)>,
    void: BTreeSet<String>,
    limits: Vec<(usize, Vec<Granted>)>,
    modules: Vec<(usize, usize)>,
    names: Vec<(String, usize)>,
    tags: Vec<usize>,
    shared: BTreeSet<usize>,
    skew: u64,
}

/// A module's claims, and what the model knows of them.
struct Module {
    claims: ModuleClaims,
    issuer: usize,
    subject: usize,
    name: usize,
    tagged: bool,
    caps: usize,
    carried: Option<(Token, Option<Token>)>,
}

fn around(numbers: &mut Numbers) -> u64 {
    NOW - 6 + numbers.below(13) as u64
}

fn token(numbers: &mut Numbers, by: usize, about: usize) -> Token {
    let begins = around(numbers);
    let ends = begins + 1 + numbers.below(8) as u64;
    Token { by, about, issued: begins.min(around(numbers)), begins, ends }
}

fn account(numbers: &mut Numbers) -> usize {
    numbers.below(ACCOUNTS)
}

fn operator(numbers: &mut Numbers) -> usize {
    ACCOUNTS + numbers.below(KEYS - ACCOUNTS)
}

impl Cast {
    fn new() -> Self {
        let kind = |number| if number < ACCOUNTS { KeyKind::Account } else { KeyKind::Operator };
        let keys = (0..KEYS).map(|number| KeyPair::generate(kind(number)).unwrap()).collect();
        Self { keys, modules: (0..2).map(|_| KeyPair::generate(KeyKind::Module).unwrap()).collect() }
    }

    fn key(&self, number: usize) -> PublicKey {
        self.keys[number].public_key()
    }

    fn word(&self, token: &Token) -> String {
        let builder = AccountBuilder::new(self.key(token.about)).id(token.id("word")).issued_at(token.issued);
        builder.not_before(token.begins).expires_at(token.ends).issue(&self.keys[token.by]).unwrap()
    }

    fn root(&self, token: &Token) -> String {
        let builder = OperatorBuilder::new().id(token.id("root")).issued_at(token.issued);
        builder.not_before(token.begins).expires_at(token.ends).issue(&self.keys[token.by]).unwrap()
    }

    fn rotation(&self, token: &Token) -> String {
        let builder = RotationBuilder::new().id(token.id("rotation")).issued_at(token.issued);
        let builder = builder.not_before(token.begins).expires_at(token.ends);
        builder.issue(&self.keys[token.by], &self.keys[token.about]).unwrap()
    }

    fn module(&self, numbers: &mut Numbers) -> Module {
        let (issuer, subject, name) = (account(numbers), numbers.below(2), numbers.below(2));
        let (tagged, caps) = (numbers.below(2) == 0, 1 + numbers.below(3));
        let carried = (numbers.below(2) == 0).then(|| {
            let word = {
                let by = operator(numbers);
                token(numbers, by, issuer)
            };
            (word, (numbers.below(2) == 0).then(|| token(numbers, word.by, word.by)))
        });
        let mut wasm = small_module();
        if let Some((word, root)) = &carried {
            let texts = root.iter().map(|root| self.root(root)).chain([self.word(word)]);
            let texts: Vec<String> = texts.collect();
            wasm = Chain::new(texts.iter().map(String::as_str)).unwrap().embed(&wasm).unwrap();
        }
        let mut claims =
            ClaimsBuilder::new(self.modules[subject].public_key()).name(NAMES[name]).id("module");
        claims = CAPABILITIES[..caps].iter().fold(claims, |claims, cap| claims.capability(*cap));
        if tagged {
            claims = claims.tag("tag");
        }
        let wasm = sign_module(&wasm, &claims.expires_at(NOW + 5), &self.keys[issuer]).unwrap();
        let claims = TrustPolicy::nobody()
            .account(self.key(issuer))
            .verify(wasm.into(), NOW)
            .unwrap()
            .claims()
            .clone();
        Module { claims, issuer, subject, name, tagged, caps, carried }
    }

    /// The policy of these rules. Rotations that contradict those before are refused, and so no rules.
    fn policy(&self, rules: &mut Rules) -> TrustPolicy {
        let mut policy = TrustPolicy::nobody().clock_skew(Duration::from_secs(rules.skew));
        for key in &rules.trusted {
            policy = policy.trust(self.key(*key)).unwrap();
        }
        for word in &rules.words {
            policy = policy.account_token(&self.word(word)).unwrap();
        }
        for root in &rules.asked {
            policy = policy.operator_token(&self.root(root)).unwrap();
        }
        rules.rotations.retain(|token| match policy.clone().rotation(&self.rotation(token)) {
            Ok(with) => {
                policy = with;
                true
            }
            Err(_) => false,
        });
        for (key, since) in &rules.revoked {
            policy = match since {
                Some(since) => policy.revoke_key_since(self.key(*key), *since),
                None => policy.revoke_key(self.key(*key)),
            };
        }
        policy = rules.void.iter().fold(policy, |policy, id| policy.revoke_token(id.as_str()));
        for (key, grants) in &rules.limits {
            let limit = grants.iter().map(|(capability, operation)| {
                let grant = Grant::of(CAPABILITIES[*capability]);
                operation.map_or(grant.clone(), |operation| grant.operation(OPERATIONS[operation]))
            });
            policy =
                policy.limit(self.key(*key), limit.fold(GrantLimit::nothing(), GrantLimit::and)).unwrap();
        }
        for (module, owner) in &rules.modules {
            policy = policy.bind_module(self.modules[*module].public_key(), self.key(*owner)).unwrap();
        }
        for (pattern, owner) in &rules.names {
            policy = policy.bind_name(pattern, self.key(*owner)).unwrap();
        }
        for owner in &rules.tags {
            policy = policy.bind_tag("tag", self.key(*owner)).unwrap();
        }
        rules.shared.iter().fold(policy, |policy, key| policy.share_actors(self.key(*key)).unwrap())
    }
}

impl Rules {
    fn random(numbers: &mut Numbers) -> Self {
        let mut rules = Self { skew: numbers.below(3) as u64, ..Self::default() };
        rules.trusted.extend([account(numbers), operator(numbers)]);
        for _ in 0..numbers.below(12) {
            rules.change(numbers);
        }
        rules
    }

    /// One rule more.
    fn change(&mut self, numbers: &mut Numbers) {
        let any = numbers.below(KEYS);
        match numbers.below(14) {
            0 => drop(self.trusted.insert(any)),
            1 | 2 => {
                let (by, about) = (operator(numbers), account(numbers));
                self.words.push(token(numbers, by, about));
            }
            3 => {
                let by = operator(numbers);
                self.asked.push(token(numbers, by, by));
            }
            4..=6 => {
                let same =
                    |numbers: &mut Numbers| if any < ACCOUNTS { account(numbers) } else { operator(numbers) };
                let to = same(numbers);
                if to != any {
                    self.rotations.push(token(numbers, any, to));
                }
            }
            7 => self.revoked.push((any, (numbers.below(2) == 0).then(|| around(numbers)))),
            8 => {
                let all = [(&self.words, "word"), (&self.asked, "root"), (&self.rotations, "rotation")];
                let (tokens, kind) = all[numbers.below(3)];
                if !tokens.is_empty() {
                    self.void.insert(tokens[numbers.below(tokens.len())].id(kind));
                }
            }
            9 if self.limits.iter().all(|(key, _)| *key != any) => {
                let mut grant = || (numbers.below(3), (numbers.below(2) == 0).then(|| numbers.below(2)));
                self.limits.push((any, vec![grant(), grant()]));
            }
            10 => self.modules.push((numbers.below(2), any)),
            11 => self.names.push((["billing", "l*", "*"][numbers.below(3)].to_owned(), any)),
            12 => self.tags.push(any),
            _ => drop(self.shared.insert(operator(numbers))),
        }
    }

    fn revoked(&self, key: usize) -> Option<Option<u64>> {
        let all = self.revoked.iter().filter(|(revoked, _)| *revoked == key);
        all.clone().next().map(|_| all.filter_map(|(_, since)| *since).min())
    }

    fn void(&self, rotation: &Token) -> bool {
        let old = self.revoked(rotation.by).map(|since| since.unwrap_or(rotation.issued));
        let new = self.revoked(rotation.about).flatten();
        self.void.contains(&rotation.id("rotation"))
            || [old, new].into_iter().flatten().any(|since| since < rotation.begins)
    }

    fn in_force(&self, rotation: &Token, now: u64) -> bool {
        !self.void(rotation) && rotation.begins <= now + self.skew
    }

    fn line(&self, key: usize, now: u64) -> Vec<usize> {
        let mut line = vec![key];
        while let Some(step) =
            self.rotations.iter().find(|step| Some(&step.about) == line.last() && self.in_force(step, now))
        {
            line.push(step.by);
        }
        line
    }

    fn signs(&self, key: usize, now: u64) -> bool {
        let retired =
            |step: &&Token| step.by == key && self.in_force(step, now) && step.ends + self.skew <= now;
        self.revoked(key).is_none() && !self.rotations.iter().any(|step| retired(&step))
    }

    fn holds(&self, token: &Token, kind: &str, now: u64) -> bool {
        let in_time = token.begins <= now + self.skew && now < token.ends + self.skew;
        in_time && !self.void.contains(&token.id(kind))
    }

    fn words<'a>(&'a self, module: &'a Module, now: u64) -> Vec<(&'a Token, Option<&'a Token>)> {
        let line = self.line(module.issuer, now);
        let handed = self.words.iter().filter(|word| line.contains(&word.about)).map(|word| (word, None));
        let carried = module.carried.iter().map(|(word, root)| (word, root.as_ref()));
        let all = handed.chain(carried);
        all.filter(|(word, _)| self.line(word.by, now).iter().any(|key| self.trusted.contains(key))).collect()
    }

    fn word_holds(&self, (word, root): &(&Token, Option<&Token>), now: u64) -> bool {
        let asked = self.line(word.by, now).into_iter().find_map(|key| {
            let asked: Vec<_> = self.asked.iter().filter(|token| token.by == key).collect();
            (!asked.is_empty()).then_some(asked)
        });
        self.signs(word.by, now)
            && self.holds(word, "word", now)
            && root.is_none_or(|root| self.holds(root, "root", now))
            && asked.is_none_or(|asked| asked.iter().any(|token| self.holds(token, "root", now)))
    }

    /// The lines of everybody on whom the trust in the module rests, one for each way on which it holds.
    fn ways(&self, module: &Module, now: u64) -> Vec<Vec<usize>> {
        let line = self.line(module.issuer, now);
        let itself = line.iter().any(|key| self.trusted.contains(key)).then(|| line.clone());
        let words = self.words(module, now).into_iter().filter(|word| self.word_holds(word, now));
        let by_words = words.map(|(word, _)| [line.clone(), self.line(word.by, now)].concat());
        itself.into_iter().chain(by_words).filter(|way| self.owned(module, way)).collect()
    }

    fn owned(&self, module: &Module, way: &[usize]) -> bool {
        let belongs =
            |owners: Vec<usize>| owners.is_empty() || owners.iter().any(|owner| way.contains(owner));
        let key = self.modules.iter().filter(|(bound, _)| *bound == module.subject).map(|(_, owner)| *owner);
        let name = NAMES[module.name];
        let names = ["billing", "l*", "*"].into_iter().filter(|pattern| match *pattern {
            "*" => true,
            "l*" => name.starts_with('l'),
            whole => whole == name,
        });
        let mut named = names.map(|pattern| {
            self.names.iter().filter(|(bound, _)| bound == pattern).map(|(_, owner)| *owner).collect()
        });
        belongs(key.collect()) && named.all(belongs) && (!module.tagged || belongs(self.tags.clone()))
    }

    fn runs(&self, module: &Module, now: u64) -> bool {
        now < NOW + 5 + self.skew && self.signs(module.issuer, now) && !self.ways(module, now).is_empty()
    }

    fn allows(&self, module: &Module, now: u64, (capability, operation): (usize, usize)) -> bool {
        let within = |way: &Vec<usize>| {
            self.limits.iter().filter(|(key, _)| way.contains(key)).all(|(_, grants)| {
                let fits = |(what, how): &(usize, Option<usize>)| {
                    *what == capability && how.is_none_or(|how| how == operation)
                };
                grants.iter().any(fits)
            })
        };
        self.runs(module, now) && capability < module.caps && self.ways(module, now).iter().any(within)
    }

    fn may_take_over(&self, running: &Module, offered: &Module, now: u64) -> bool {
        let [before, after] = [running, offered].map(|module| self.line(module.issuer, now));
        let one = before.contains(&offered.issuer) || after.contains(&running.issuer);
        let named = self.modules.iter().any(|(module, _)| *module == offered.subject);
        let theirs: Vec<usize> =
            self.words(running, now).iter().flat_map(|(word, _)| self.line(word.by, now)).collect();
        let mine = self.ways(offered, now).concat();
        let shared = self.shared.iter().any(|key| theirs.contains(key) && mine.contains(key));
        self.runs(offered, now) && (one || named || shared)
    }
}

fn questions() -> usize {
    std::env::var("QUESTIONS").map_or(20_000, |number| number.parse().expect("QUESTIONS is a number"))
}

#[test]
fn the_policy_and_its_permits_decide_as_the_model_does() {
    let (cast, mut numbers) = (Cast::new(), Numbers(0xd1ff));
    let modules: Vec<Module> = (0..40).map(|_| cast.module(&mut numbers)).collect();
    let (mut asked, mut allowed, mut taken) = (0, 0, 0);
    while asked < questions() {
        let mut rules = Rules::random(&mut numbers);
        let policy = Arc::new(cast.policy(&mut rules));
        for _ in 0..100 {
            let (module, other) = (&modules[numbers.below(40)], &modules[numbers.below(40)]);
            let (now, then) = (around(&mut numbers), around(&mut numbers));
            let what = (numbers.below(3), numbers.below(2));
            let access = Access::capability(CAPABILITIES[what.0], "default", OPERATIONS[what.1]);
            let answer = policy.allows(&module.claims, &access, now);
            assert_eq!(answer.is_ok(), rules.allows(module, now, what), "{policy}: {answer:?} at {now}");
            assert_eq!(
                policy.check(&module.claims, now).is_ok(),
                rules.runs(module, now),
                "{policy} at {now}"
            );
            if let Ok(permit) = policy.permit(&module.claims, then) {
                assert_eq!(permit.allows(&access, now), answer, "{policy}: made at {then}, asked at {now}");
                assert_eq!(permit.check(now), policy.check(&module.claims, now));
            }
            let takeover = policy.may_take_over(&module.claims, &other.claims, now);
            let owner = Owner::of(&module.claims);
            let remembered = Owner::new(owner.account(), owner.operator()).unwrap();
            assert_eq!(policy.may_take_over_from(remembered, &other.claims, now), takeover, "{policy}");
            assert_eq!(takeover.is_ok(), rules.may_take_over(module, other, now), "{policy}: {takeover:?}");
            asked += 1;
            allowed += usize::from(answer.is_ok());
            taken += usize::from(takeover.is_ok());
        }
    }
    println!("{asked} questions, 0 differences; {allowed} allowed, {taken} takeovers");
    assert!(allowed > asked / 50 && taken > asked / 50 && allowed < asked / 2 && taken < asked / 2);
}

/// One rule more at a time: whenever that changes an answer, it changes the policy's text and its hash.
#[test]
fn policies_that_decide_differently_have_different_texts_and_hashes() {
    let (cast, mut numbers) = (Cast::new(), Numbers(0x4a54));
    let modules: Vec<Module> = (0..12).map(|_| cast.module(&mut numbers)).collect();
    let answers = |policy: &TrustPolicy| -> Vec<bool> {
        let one = |module: &Module, now: u64| {
            let uses = CAPABILITIES.map(|id| Access::capability(id, "default", "Get"));
            let uses = uses.map(|access| policy.allows(&module.claims, &access, now).is_ok());
            let takes =
                modules.iter().map(|other| policy.may_take_over(&module.claims, &other.claims, now).is_ok());
            uses.into_iter().chain(takes).collect::<Vec<bool>>()
        };
        let moments = [NOW - 5, NOW - 1, NOW, NOW + 2, NOW + 6];
        modules.iter().flat_map(|module| moments.into_iter().flat_map(|now| one(module, now))).collect()
    };
    let mut differ = 0;
    for _ in 0..150 {
        let mut rules = Rules::random(&mut numbers);
        let before = cast.policy(&mut rules);
        let mut more = rules.clone();
        match numbers.below(8) {
            0 => more.skew += 1,
            _ => more.change(&mut numbers),
        }
        let after = cast.policy(&mut more);
        if answers(&before) != answers(&after) {
            differ += 1;
            assert_ne!(before.hash(), after.hash(), "{before}\n{after}");
            assert_ne!(before.to_string(), after.to_string());
        }
        assert_eq!(before.hash(), cast.policy(&mut rules).hash(), "the same rules have the same hash");
    }
    assert!(differ > 20, "{differ}");
}

/// What a text for people does not show in full is in the hash nevertheless.
#[test]
fn what_is_cut_in_the_text_counts_in_the_hash() {
    let long = |end: &str| TrustPolicy::nobody().revoke_token(format!("{}{end}", "x".repeat(200)));
    assert_ne!(long("a").hash(), long("b").hash());
    let key = KeyPair::generate(KeyKind::Account).unwrap().public_key();
    let limit = |grant: Grant| TrustPolicy::nobody().limit(key, GrantLimit::nothing().and(grant)).unwrap();
    let [one, two] = [["a", "b"].as_slice(), &["a, b"]];
    let [one, two] = [one, two]
        .map(|names| limit(names.iter().fold(Grant::of("c"), |grant, name| grant.operation(*name))));
    assert_ne!((one.hash(), one.to_string()), (two.hash(), two.to_string()));
}
