//! A policy is what it claims to be: whole, each entry with an effect, and no larger than a host can bear.
#![cfg(feature = "toml")]

mod common;

use std::time::{Duration, Instant};

use capability_claims::{
    AccountBuilder, Chain, ClaimsBuilder, ClaimsError, Grant, GrantLimit, OperatorBuilder, PolicyDocument,
    PolicyError, TrustPolicy, sign_module,
};
use common::{ACCOUNT, NOW, account, claims, module, operator, policy, signed, small_module};

fn text() -> String {
    let (a, m, o) = (account().public_key(), module().public_key(), operator().public_key());
    format!(
        "accounts = [\"{a}\"]\nclock_skew_seconds = 5\nmax_token_life_seconds = 600\nshared_actors = [\"{o}\"]\n\
         [actors]\nallowed = [\"{m}\"]\nminimum_revision = {{ {m} = 3 }}\n\
         [[issuers.{a}.grants]]\ncapability = \"c\"\nlinks = [\"l\", \"k\"]\noperations = [\"o\"]\n\
         [owners.{a}]\nmodules = [\"{m}\"]\nnames = [\"n*\"]\ntags = [\"t\"]\n\
         [revoked]\nkeys = [\"{o}\"]\ntokens = [\"x\"]\nsince = {{ {o} = 1 }}\n"
    )
}

const ENTRIES: u64 = 21;

#[test]
fn a_policy_that_was_cut_off_is_not_whole() {
    let whole = format!("{}[end]\nentries = {ENTRIES}\n", text());
    let document = PolicyDocument::from_toml(&whole).unwrap();
    assert_eq!(document.entries(), ENTRIES);
    assert_eq!(document.is_whole(), Ok(()));
    assert!(document.into_policy().is_ok());
    for length in 0..whole.len() {
        // Nothing but white space is missing from the last one.
        let missing = whole[length..].trim();
        let read = PolicyDocument::from_toml(&whole[..length]);
        let taken = read.and_then(|document| document.is_whole().map(|()| document));
        assert!(taken.is_err() || missing.is_empty(), "cut at {length}: {taken:?}");
    }
    // With its end in front it is not taken either.
    for without in ["tokens = [\"x\"]\n", "names = [\"n*\"]\n", "links = [\"l\", \"k\"]\n"] {
        let error = TrustPolicy::from_toml(&whole.replace(without, "")).unwrap_err();
        assert!(matches!(error, ClaimsError::Policy(PolicyError::NotWhole { said: ENTRIES, .. })), "{error}");
    }
    let error = PolicyDocument::from_toml(&text()).unwrap().is_whole().unwrap_err();
    assert_eq!(error, ClaimsError::Policy(PolicyError::NoEnd { count: ENTRIES }));
    assert!(error.to_string().contains("entries = 21"), "{error}");
}

#[test]
fn an_entry_that_would_revoke_nothing_is_refused() {
    let id = policy().verify(signed().into(), NOW).unwrap().claims().id().to_owned();
    let token = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    for (entry, says) in [
        (format!(" {id}"), "white space"),
        (format!("{id}\\n"), "white space"),
        (id.to_lowercase(), "upper-case"),
        (token, "its id"),
        (account().public_key().to_string(), "revoked.keys"),
        (account().public_key().to_string().to_lowercase(), "revoked.keys"),
        (ACCOUNT.to_owned(), "secret seed"),
        (String::new(), "empty"),
        ("a\\u0000b".to_owned(), "control character"),
    ] {
        let error =
            TrustPolicy::from_toml(&format!("[revoked]\ntokens = [\"{id}\", \"{entry}\"]")).unwrap_err();
        let ClaimsError::MalformedPolicy { line: 2, field, reason } = &error else {
            panic!("{entry}: {error:?}")
        };
        assert_eq!(&**field, "tokens");
        assert!(reason.contains("entry 2 of the list") && reason.contains(says), "{entry}: {error}");
    }
}

fn claims_of() -> capability_claims::ModuleClaims {
    policy().verify(signed().into(), NOW).unwrap().claims().clone()
}

#[test]
fn words_of_a_policy_that_fit_nothing_are_refused() {
    let a = account().public_key();
    for (toml, says) in [
        (format!("[[issuers.{a}.grants]]\ncapability = \" wascc:keyvalue\""), "white space"),
        (format!("[[issuers.{a}.grants]]\ncapability = \"\""), "empty"),
        (format!("[[issuers.{a}.grants]]\ncapability = \"c\"\nlinks = [\"a\", \"b \"]"), "entry 2"),
        (format!("[[issuers.{a}.grants]]\ncapability = \"c\"\noperations = [\"\"]"), "entry 1"),
        (format!("[owners.{a}]\ntags = [\"\\t\"]"), "white space"),
    ] {
        let error = TrustPolicy::from_toml(&toml).unwrap_err();
        assert!(error.to_string().contains(says), "{toml}: {error}");
    }
}

/// Whoever leaves the operator's own token out of a chain, or takes another one, gains nothing by it.
#[test]
fn an_operators_token_that_is_asked_for_binds_every_chain() {
    let root = |id: &str| OperatorBuilder::new().id(id).expires_at(NOW + 20).issue(&operator()).unwrap();
    let team = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    let fresh = OperatorBuilder::new().id("another").issue(&operator()).unwrap();
    let claims = |tokens: &[&str]| {
        let wasm = Chain::new(tokens.iter().copied()).unwrap().embed(&small_module()).unwrap();
        let wasm = sign_module(&wasm, &claims(), &account()).unwrap();
        policy().verify(wasm.into(), NOW).unwrap().claims().clone()
    };
    let trusting = TrustPolicy::nobody().operator(operator().public_key());
    let asking = trusting.clone().operator_token(&root("root")).unwrap();
    let handed = asking.clone().account_token(&team).unwrap();
    let chains = [
        (asking.clone(), claims(&[&team])),
        (asking.clone(), claims(&[&root("root"), &team])),
        (asking.clone(), claims(&[&fresh, &team])),
        (handed, claims_of()),
    ];
    for (policy, claims) in chains {
        assert_eq!((policy.check(&claims, NOW), policy.check(&claims, NOW + 19)), (Ok(()), Ok(())));
        assert!(matches!(policy.check(&claims, NOW + 20), Err(ClaimsError::OperatorExpired { .. })));
        let revoked = policy.clone().revoke_token("root");
        assert!(matches!(revoked.check(&claims, NOW), Err(ClaimsError::TokenRevoked { .. })));
        // A permit of before knows no better.
        let permit = std::sync::Arc::new(policy).permit(&claims, NOW).unwrap();
        assert!(permit.check(NOW + 19).is_ok() && permit.check(NOW + 20).is_err());
    }
    // Without being asked for it binds only the chain that it is part of, which is why `revoke_token` says so.
    assert_eq!(trusting.revoke_token("root").check(&claims(&[&team]), NOW), Ok(()));
    let toml =
        format!("operators = [\"{}\"]\noperator_tokens = [\"{}\"]\n", operator().public_key(), root("root"));
    assert_eq!(format!("{:?}", TrustPolicy::from_toml(&toml).unwrap()), format!("{asking:?}"));
}

/// Four times as many take some four times as long: the bound is far above that and far below the sixteen of a square.
#[test]
fn grants_grow_no_faster_than_their_number() {
    let build = |count: usize| {
        let started = Instant::now();
        let one = |_| Grant::of("wascc:keyvalue").link("default").operation("Get");
        let limit = (0..count).map(one).fold(GrantLimit::nothing(), GrantLimit::and);
        let policy = policy().limit(account().public_key(), limit).unwrap();
        (policy, started.elapsed())
    };
    let (_, taken) = build(64_000);
    assert!(taken < Duration::from_secs(20), "64,000 grants took {taken:?}; with squared work it is minutes");
}

#[test]
fn what_no_honest_token_or_policy_has_is_refused_with_its_number() {
    let many = |count: usize, add: fn(ClaimsBuilder, String) -> ClaimsBuilder| {
        let builder = (0..count).map(|_| "a".to_owned()).fold(ClaimsBuilder::new(module().public_key()), add);
        sign_module(&small_module(), &builder, &account())
    };
    let tags: fn(ClaimsBuilder, String) -> _ = ClaimsBuilder::tag;
    let caps: fn(ClaimsBuilder, String) -> _ = ClaimsBuilder::capability;
    assert!(many(1024, tags).is_ok() && many(8192, caps).is_ok());
    for (result, what, limit) in [(many(1025, tags), "tags", 1024), (many(8193, caps), "capabilities", 8192)]
    {
        assert_eq!(result, Err(ClaimsError::TooMany { what, count: limit + 1, limit }));
    }
    let word = |number: usize| {
        AccountBuilder::new(account().public_key()).id(number.to_string()).issue(&operator()).unwrap()
    };
    let words = (0..65).try_fold(TrustPolicy::nobody(), |policy, number| policy.account_token(&word(number)));
    assert!(matches!(words, Err(ClaimsError::TooMany { count: 65, limit: 64, .. })));
    let huge = TrustPolicy::from_toml(&" ".repeat((16 << 20) + 1));
    assert!(matches!(huge, Err(ClaimsError::TooMany { what: "bytes in the policy", .. })));
    let ids = vec!["\"x\""; 200_001].join(",");
    let entries = TrustPolicy::from_toml(&format!("[revoked]\ntokens = [{ids}]"));
    assert!(matches!(entries, Err(ClaimsError::TooMany { count: 200_001, limit: 200_000, .. })));
}
