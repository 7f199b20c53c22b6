//! Every refusal there is, brought about, with its text word for word: `golden/refusals.txt` has one line for each variant.
#![cfg(feature = "toml")]

mod common;

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use capability_claims::{
    Access, AccountBuilder, Chain, ClaimsBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, Label,
    ModuleClaims, ModuleHash, OperatorBuilder, OperatorClaims, PolicyDocument, PolicyError, PublicKey,
    RotationBuilder, RotationClaims, SignedPolicies, SignedPolicy, TrustPolicy, extract, sign_module,
};
use common::{
    ACCOUNT, HEADER, NOW, OTHER_ACCOUNT, OTHER_OPERATOR, account, carrying, carrying_json, claims_json,
    custom, module, operator, policy, refusal, small_module, token, wasm,
};

const KEYVALUE: &str = "wascc:keyvalue";

fn signed() -> Vec<u8> {
    sign_module(&small_module(), &common::claims().id("token 1"), &account()).unwrap()
}

fn verified() -> ModuleClaims {
    policy().verify(Bytes::from(signed()), NOW).unwrap().claims().clone()
}

/// The refusal of the module's claims under this policy.
#[track_caller]
fn checked(policy: TrustPolicy, now: u64) -> ClaimsError {
    policy.check(&verified(), now).unwrap_err()
}

#[track_caller]
fn unloaded(wasm: Vec<u8>, policy: &TrustPolicy, now: u64) -> ClaimsError {
    policy.verify(Bytes::from(wasm), now).unwrap_err()
}

fn of_files() -> Vec<ClaimsError> {
    let (signed, seal) = (signed(), custom("jwt", extract(&signed()).unwrap().as_bytes()));
    let chain = custom("wascc_chain", chain().text().as_bytes());
    let mut altered = signed.clone();
    altered[30] ^= 1;
    vec![
        refusal(&small_module()),
        refusal(&signed[..signed.len() - 1]),
        refusal(&[&signed[..], &seal].concat()),
        refusal(&[&wasm(&[seal])[..], &small_module()[8..]].concat()),
        refusal(&altered),
        Chain::carried_by(&[small_module(), chain.clone(), chain.clone()].concat()).unwrap_err(),
        Chain::carried_by(&[&wasm(&[chain])[..], &small_module()[8..]].concat()).unwrap_err(),
        "A".parse::<ModuleHash>().unwrap_err(),
    ]
}

fn of_tokens() -> Vec<ClaimsError> {
    let stranger = KeyPair::from_seed(OTHER_ACCOUNT).unwrap();
    let never = common::claims().not_before(NOW).expires_at(NOW - 1);
    vec![
        refusal(&carrying(&"x".repeat(70_000))),
        refusal(&carrying_json(HEADER, &claims_json().replace("\"iat\":1", "\"iat\":-1"))),
        refusal(&carrying_json(&HEADER.replace("Ed25519", "none"), &claims_json())),
        refusal(&carrying(&token(HEADER, &claims_json(), &stranger))),
        unloaded(signed(), &policy(), NOW + 50),
        unloaded(signed(), &policy(), NOW - 51),
        sign_module(&small_module(), &never, &account()).unwrap_err(),
    ]
}

fn root() -> OperatorBuilder {
    OperatorBuilder::new().name("the house").id("root").not_before(NOW - 30).expires_at(NOW + 30)
}

fn team() -> AccountBuilder {
    let builder = AccountBuilder::new(account().public_key()).name("team red").id("team");
    builder.not_before(NOW - 20).expires_at(NOW + 20)
}

fn chain() -> Chain {
    let (root, team) = (root().issue(&operator()).unwrap(), team().issue(&operator()).unwrap());
    Chain::new([root.as_str(), team.as_str()]).unwrap()
}

fn of_chains() -> Vec<ClaimsError> {
    let other = KeyPair::from_seed(OTHER_OPERATOR).unwrap();
    let (root, elsewhere) = (root().issue(&operator()).unwrap(), team().issue(&other).unwrap());
    let broken = Chain::new([root.as_str(), &elsewhere]).unwrap_err();
    let ClaimsError::BrokenChain { source: gap, .. } = broken.clone() else { panic!("{broken:?}") };
    let json = format!(
        r#"{{"jti":"x","iat":1,"iss":"{}","sub":"{}","wascap":{{"name":"the house"}}}}"#,
        other.public_key(),
        operator().public_key()
    );
    let borrowed = token(HEADER, &json, &other);
    let carrying =
        sign_module(&chain().embed(&small_module()).unwrap(), &common::claims(), &account()).unwrap();
    let by_operator = TrustPolicy::nobody().operator(operator().public_key());
    let at = |now| unloaded(carrying.clone(), &by_operator, now);
    vec![
        broken,
        *gap,
        Chain::new(["x"; 3]).unwrap_err(),
        OperatorClaims::verify(&borrowed).unwrap_err(),
        at(NOW + 20),
        at(NOW - 21),
        at(NOW + 30),
        at(NOW - 31),
    ]
}

fn of_policies() -> Vec<ClaimsError> {
    let (module, other) = (module().public_key(), KeyPair::generate(KeyKind::Module).unwrap().public_key());
    let endless = ClaimsBuilder::new(module).name("counter");
    let endless = sign_module(&small_module(), &endless, &account()).unwrap();
    let limit = |seconds| policy().max_token_life(Duration::from_secs(seconds));
    vec![
        checked(TrustPolicy::nobody(), NOW),
        checked(policy().revoke_key(account().public_key()), NOW),
        checked(policy().revoke_token("token 1"), NOW),
        checked(policy().deny_actor(module).unwrap(), NOW),
        checked(policy().allow_actor(other).unwrap(), NOW),
        checked(policy().minimum_revision(module, 8).unwrap(), NOW),
        unloaded(endless, &limit(60), NOW),
        checked(limit(60), NOW),
        TrustPolicy::from_toml("clock_skew_seconds = 5\nacounts = []").unwrap_err(),
    ]
}

fn of_owners() -> Vec<ClaimsError> {
    let other = KeyPair::from_seed(OTHER_ACCOUNT).unwrap();
    let (owner, both) = (other.public_key(), policy().account(other.public_key()));
    let theirs = sign_module(&small_module(), &common::claims(), &other).unwrap();
    let theirs = both.verify(theirs.into(), NOW).unwrap().claims().clone();
    vec![
        checked(policy().bind_name("count*", owner).unwrap(), NOW),
        both.may_take_over(&theirs, &verified(), NOW).unwrap_err(),
        policy().bind_name("", owner).unwrap_err(),
    ]
}

fn of_rotations() -> Vec<ClaimsError> {
    let keys: Vec<KeyPair> = (0..10).map(|_| KeyPair::generate(KeyKind::Account).unwrap()).collect();
    let (old, new) = (account(), KeyPair::from_seed(OTHER_ACCOUNT).unwrap());
    let builder = || RotationBuilder::new().issued_at(NOW - 9).expires_at(NOW - 1);
    let step = |from: &KeyPair, to: &KeyPair| builder().issue(from, to).unwrap();
    let line = |policy: TrustPolicy| {
        let steps = keys.windows(2).map(|pair| step(&pair[0], &pair[1]));
        let first = step(&old, &keys[0]);
        steps.take(8).chain([first]).try_fold(policy, |policy, token| policy.rotation(&token))
    };
    let fork = TrustPolicy::nobody().rotation(&step(&old, &new)).unwrap();
    let to_come = builder().not_before(NOW + 9).expires_at(NOW + 10).issue(&new, &old).unwrap();
    let of_new = TrustPolicy::nobody().account(new.public_key());
    let read = |rest: &str| {
        let json = format!(
            r#"{{"exp":2,"jti":"r","iat":1,"iss":"{}","sub":"{}","nbf":1,"wascap":{{"rotates":"{rest}"}}}}"#,
            old.public_key(),
            new.public_key()
        );
        RotationClaims::verify(&token(HEADER, &json, &old)).unwrap_err()
    };
    vec![
        checked(policy().rotation(&step(&old, &new)).unwrap(), NOW),
        checked(of_new.rotation(&to_come).unwrap(), NOW),
        read("account"),
        RotationBuilder::new().issue(&old, &new).unwrap_err(),
        read("operator"),
        builder().issue(&old, &account()).unwrap_err(),
        fork.rotation(&step(&old, &keys[0])).unwrap_err(),
        line(TrustPolicy::nobody()).unwrap_err(),
    ]
}

fn of_whole_policies() -> Vec<ClaimsError> {
    let (owner, other) = (account(), KeyPair::from_seed(OTHER_ACCOUNT).unwrap());
    let signed = |serial, key| SignedPolicy::sign("clock_skew_seconds = 5\n", serial, key).unwrap();
    let mut taken = SignedPolicies::of(owner.public_key());
    taken.accept(&signed(2, &owner)).unwrap();
    let old = taken.accept(&signed(1, &owner)).unwrap_err();
    let ClaimsError::Policy(PolicyError::Replayed { serial, newest, .. }) = old else { panic!("{old:?}") };
    let verify = |text: &str| SignedPolicy::verify(text, owner.public_key()).unwrap_err();
    let many = (0..1025).fold(common::claims(), |claims, _| claims.tag("x"));
    vec![
        TrustPolicy::from_toml("clock_skew_seconds = 5\n[end]\nentries = 2").unwrap_err(),
        PolicyDocument::from_toml("clock_skew_seconds = 5").unwrap().is_whole().unwrap_err(),
        verify(""),
        verify(&signed(1, &other)),
        verify(&signed(1, &owner).replace("= 5", "= 6")),
        PolicyError::Replayed { serial, issued_at: NOW, newest }.into(),
        sign_module(&small_module(), &many, &account()).unwrap_err(),
    ]
}

fn of_grants() -> Vec<ClaimsError> {
    let denied = |limit: Option<GrantLimit>, capability, link, operation| {
        let policy = limit.map_or(policy(), |limit| policy().limit(account().public_key(), limit).unwrap());
        policy.allows(&verified(), &Access::capability(capability, link, operation), NOW).unwrap_err()
    };
    let reading = || Some(GrantLimit::nothing().and(Grant::of(KEYVALUE).link("default").operation("Get")));
    vec![
        denied(None, "wascc:blobstore", "default", "Get"),
        denied(Some(GrantLimit::nothing()), KEYVALUE, "default", "Get"),
        denied(reading(), KEYVALUE, "secret", "Get"),
        denied(reading(), KEYVALUE, "default", "Set"),
    ]
}

fn of_keys() -> Vec<ClaimsError> {
    vec![
        KeyPair::from_seed(ACCOUNT).unwrap().of_kind(KeyKind::Module, "the key of a module").unwrap_err(),
        PublicKey::parse(ACCOUNT).unwrap_err(),
        KeyPair::generate(KeyKind::Curve).unwrap_err(),
    ]
}

fn every_refusal() -> Vec<ClaimsError> {
    [
        of_files(),
        of_tokens(),
        of_chains(),
        of_policies(),
        of_grants(),
        of_owners(),
        of_rotations(),
        of_whole_policies(),
        of_keys(),
    ]
    .concat()
}

/// The variants that hold the refusals of one concept, each in a file of its own.
const CONCEPTS: [(&str, &str); 3] = [
    ("Ownership(", include_str!("../src/error/ownership.rs")),
    ("Rotation(", include_str!("../src/error/rotation.rs")),
    ("Policy(", include_str!("../src/error/policy.rs")),
];

/// The variant's name, which `Debug` begins with; that of the concept's refusal where it is one.
fn variant(error: &ClaimsError) -> String {
    let text = format!("{error:?}");
    let text = CONCEPTS.iter().find_map(|(concept, _)| text.strip_prefix(concept)).unwrap_or(&text);
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

#[test]
fn each_refusal_says_this() {
    let told: Vec<String> =
        every_refusal().iter().map(|error| format!("{}: {error}\n", variant(error))).collect();
    if std::env::var_os("BLESS").is_some() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/refusals.txt");
        std::fs::write(golden, told.concat()).unwrap();
    }
    assert_eq!(told.concat(), include_str!("golden/refusals.txt"));
}

/// The list above is whole: each variant of the enum is brought about once. A system without randomness cannot be made.
#[test]
fn there_is_no_other_refusal() {
    let concepts = CONCEPTS.iter().map(|(_, source)| *source);
    let sources: Vec<&str> = [include_str!("../src/error/claims.rs")].into_iter().chain(concepts).collect();
    let name = |line: &'static str| {
        let name = line.strip_prefix("    ")?.trim_end_matches([' ', '{', ',']);
        let is_variant = name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('(');
        is_variant.then_some(name)
    };
    let declared: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(name)
        .filter(|name| *name != "NoRandomness")
        .collect();
    let refusals = every_refusal();
    let variants: Vec<String> = refusals.iter().map(variant).collect();
    let happened: BTreeSet<&str> = variants.iter().map(String::as_str).collect();
    assert_eq!(happened, declared);
    assert_eq!(happened.len(), refusals.len(), "each once");
}

/// Once the token was read, its text names the module and its key, or whoever else it is about.
#[test]
fn whoever_is_refused_is_named() {
    let (module, operator) = (module().public_key().to_string(), operator().public_key().to_string());
    for error in [of_policies(), of_grants(), of_chains()].concat() {
        let text = error.to_string();
        match error {
            ClaimsError::MalformedPolicy { .. } | ClaimsError::ChainLength { .. } => {}
            ClaimsError::BrokenChain { .. } | ClaimsError::ChainGap { .. } => {
                assert!(text.contains(&operator))
            }
            ClaimsError::AccountExpired { .. } | ClaimsError::AccountNotYetValid { .. } => {
                assert!(text.contains("team red") && text.contains(&account().public_key().to_string()));
            }
            _ if text.contains("the house") => assert!(text.contains(&operator), "{text}"),
            _ => assert!(text.contains("counter") && text.contains(&module), "{text}"),
        }
    }
}

/// A chain, an operator or a key does not know the module; with its label every refusal names it, and none does so twice.
#[test]
fn with_the_label_every_refusal_names_the_module() {
    let module = format!("\"counter\" ({})", module().public_key());
    let label = Label::read(&signed()).unwrap();
    assert_eq!((label.to_string(), &label), (module.clone(), &Label::from(&verified())));
    for error in every_refusal() {
        let (text, told) = (error.to_string(), label.refusal(&error));
        assert!(told.ends_with(&text), "{told}");
        assert_eq!(told.matches(&module).count(), 1, "{told}");
    }
}

#[test]
fn whatever_the_token_says_it_can_be_called_by_its_name() {
    let (m, a) = (module().public_key().to_string(), account().public_key().to_string());
    let stranger = KeyPair::from_seed(OTHER_ACCOUNT).unwrap();
    let seal = custom("jwt", extract(&signed()).unwrap().as_bytes());
    for readable in [
        carrying_json(&HEADER.replace("Ed25519", "none"), &claims_json()),
        carrying(&token(HEADER, &claims_json(), &stranger)),
        carrying_json(HEADER, &claims_json().replace(&a, &m)),
        [&wasm(&[seal])[..], &small_module()[8..]].concat(),
    ] {
        let label = Label::read(&readable).unwrap();
        assert_eq!((label.name(), label.key()), (Some("counter"), module().public_key()));
    }
    let evil = common::claims().name("\u{1b}[2J".repeat(100));
    let label = Label::read(&sign_module(&small_module(), &evil, &account()).unwrap()).unwrap();
    let shown = label.to_string();
    assert!(shown.contains("\\u{1b}") && shown.contains("...") && !shown.contains('\u{1b}'), "{shown}");

    for unreadable in [
        small_module(),
        carrying("x"),
        carrying(&"x".repeat(70_000)),
        carrying_json(HEADER, &claims_json().replace(&m, &a)),
        [signed(), custom("jwt", extract(&signed()).unwrap().as_bytes())].concat(),
        signed()[1..].to_vec(),
    ] {
        assert_eq!(Label::read(&unreadable), None);
    }
}

#[test]
fn every_refusal_ends_with_what_to_do() {
    for error in every_refusal() {
        let text = error.to_string();
        let (_, advice) = text.rsplit_once("; ").unwrap_or_else(|| panic!("no advice: {text}"));
        assert!(advice.split(' ').count() > 2, "{text}");
    }
}
