//! What strangers send, and what owners write, costs in proportion to its size: eight times as much of it takes some eight times the work.
//!
//! The work is the time that this thread spends on a processor, so that others on the machine do not count.
#![cfg(unix)]

mod common;

use std::{hint::black_box, sync::Arc, time::Duration};

use bytes::Bytes;
use capability_claims::{
    Access, AccountBuilder, Chain, ClaimsBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair,
    OperatorBuilder, RotationBuilder, TrustPolicy, inspect, sign_module,
};
use common::{NOW, account, custom, module, operator, policy, small_module};
use nix::time::{ClockId, clock_gettime};

/// How much more there is of it in the second measurement.
const MORE: usize = 8;
/// How many times the work that may be. In proportion it is eight and a little more, with the square it is sixty-four.
const MOST: f64 = 20.0;
/// How many times the work of a question may be that looks something up.
const MOST_TO_LOOK_UP: f64 = 4.0;

fn worked() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// The least work that one of these took.
fn least(times: usize, mut work: impl FnMut()) -> Duration {
    let one = |_| {
        let before = worked();
        work();
        worked() - before
    };
    (0..times).map(one).min().unwrap()
}

/// Prepares what is to be done about so many and about `MORE` times as many, does it, and holds the ratio of the work against `most`.
#[track_caller]
fn grows<W: FnMut()>(what: &str, few: usize, most: f64, prepare: impl Fn(usize) -> W) {
    let (mut of_few, mut of_many) = (prepare(few), prepare(few * MORE));
    let mut best = [Duration::MAX; 2];
    // A machine that is busy has its better moments.
    for _ in 0..5 {
        best = [best[0].min(least(5, &mut of_few)), best[1].min(least(3, &mut of_many))];
        if ratio(best) < most {
            break;
        }
    }
    println!("{what}: {few} take {:?}, {} take {:?}: {:.1} times", best[0], few * MORE, best[1], ratio(best));
    assert!(ratio(best) < most, "{what}: {best:?}, {:.1} times the work", ratio(best));
}

fn ratio([few, many]: [Duration; 2]) -> f64 {
    many.as_secs_f64() / few.as_secs_f64()
}

/// So many texts of four characters, for a token has at most 64 KiB.
fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("{number:04x}"))
}

fn sign(wasm: &[u8], claims: &ClaimsBuilder) -> Bytes {
    sign_module(wasm, claims, &account()).unwrap().into()
}

fn granting(count: usize) -> Bytes {
    let bare = ClaimsBuilder::new(module().public_key()).issued_at(NOW);
    sign(&small_module(), &names(count).fold(bare, ClaimsBuilder::capability))
}

fn limit(count: usize) -> GrantLimit {
    names(count).map(|name| Grant::of(name).operation("Get")).fold(GrantLimit::nothing(), GrantLimit::and)
}

#[test]
fn a_token_with_many_grants() {
    grows("verifying grants", 800, MOST, |count| {
        let (signed, policy) = (granting(count), policy());
        move || drop(black_box(policy.verify(signed.clone(), NOW).unwrap()))
    });
    grows("reading grants", 800, MOST, |count| {
        let signed = granting(count);
        move || drop(black_box(inspect(&signed).unwrap()))
    });
}

#[test]
fn a_token_with_a_long_name() {
    grows("verifying a name", 5000, MOST, |count| {
        let claims = ClaimsBuilder::new(module().public_key()).name("\u{1b}".repeat(count / 6));
        let (signed, policy) = (sign(&small_module(), &claims), policy());
        move || drop(black_box(policy.verify(signed.clone(), NOW).unwrap()))
    });
    grows("refusing a name", 5000, MOST, |count| {
        let claims = ClaimsBuilder::new(module().public_key()).name("\u{1b}".repeat(count / 6));
        let signed = sign(&small_module(), &claims);
        move || drop(black_box(TrustPolicy::nobody().verify(signed.clone(), NOW).unwrap_err().to_string()))
    });
}

#[test]
fn a_module_with_many_sections() {
    let sections = |count: usize| [small_module(), custom("x", b"").repeat(count)].concat();
    grows("verifying sections", 20_000, MOST, |count| {
        let (signed, policy) = (sign(&sections(count), &common::claims()), policy());
        move || drop(black_box(policy.verify(signed.clone(), NOW).unwrap()))
    });
    for name in ["jwt", "wascc_chain"] {
        grows(&format!("refusing sections {name}"), 20_000, MOST, |count| {
            let wasm = [small_module(), custom(name, b"a.b.c").repeat(count)].concat();
            move || drop(black_box(policy().verify(wasm.clone().into(), NOW).unwrap_err()))
        });
    }
}

#[test]
fn a_chain_with_long_tokens_or_too_many() {
    grows("reading a chain", 5000, MOST, |count| {
        let name = "n".repeat(count);
        let root = OperatorBuilder::new().name(name.clone()).issue(&operator()).unwrap();
        let team = AccountBuilder::new(account().public_key()).name(name).issue(&operator()).unwrap();
        let text = format!("{root}\n{team}\n");
        move || drop(black_box(Chain::parse(&text).unwrap()))
    });
    grows("refusing a chain", 20_000, MOST, |count| {
        let text = "eyJ.eyJ.eyJ\n\n".repeat(count);
        move || assert!(matches!(Chain::parse(&text), Err(ClaimsError::ChainLength { .. })))
    });
}

/// A policy in TOML, read and told in words.
#[track_caller]
fn document(what: &str, few: usize, write: impl Fn(usize) -> String) {
    grows(&format!("reading {what}"), few, MOST, |count| {
        let text = write(count);
        move || drop(black_box(TrustPolicy::from_toml(&text).unwrap()))
    });
    grows(&format!("telling {what}"), few, MOST, |count| {
        let policy = TrustPolicy::from_toml(&write(count)).unwrap();
        move || drop(black_box(policy.to_string()))
    });
}

fn list(entries: impl Iterator<Item = String>) -> String {
    let entries: Vec<_> = entries.map(|entry| format!("\"{entry}\"")).collect();
    format!("[{}]\n", entries.join(", "))
}

fn keys(kind: KeyKind, count: usize) -> Vec<KeyPair> {
    (0..count).map(|_| KeyPair::generate(kind).unwrap()).collect()
}

#[test]
fn a_policy_with_many_keys_and_tokens() {
    document("accounts", 40, |count| {
        format!(
            "accounts = {}",
            list(keys(KeyKind::Account, count).iter().map(|key| key.public_key().to_string()))
        )
    });
    document("revoked tokens", 1000, |count| format!("[revoked]\ntokens = {}", list(names(count))));
    document("operators' words", 20, |count| {
        let word = |key: &KeyPair| AccountBuilder::new(key.public_key()).issue(&operator()).unwrap();
        format!("account_tokens = {}", list(keys(KeyKind::Account, count).iter().map(word)))
    });
    document("rotations", 10, |count| {
        let (old, new) = (keys(KeyKind::Account, count), keys(KeyKind::Account, count));
        let rotation = RotationBuilder::new().issued_at(NOW).expires_at(NOW + 9);
        let rotate = |(old, new)| rotation.issue(old, new).unwrap();
        format!("rotations = {}", list(old.iter().zip(&new).map(rotate)))
    });
}

#[test]
fn a_policy_with_many_rules() {
    let a = account().public_key();
    document("grants", 500, |count| {
        let rule =
            |name| format!("[[issuers.{a}.grants]]\ncapability = \"{name}\"\noperations = [\"Get\"]\n");
        format!("accounts = [\"{a}\"]\n{}", names(count).map(rule).collect::<String>())
    });
    document("grants of one capability", 500, |count| {
        let rule = |name| format!("[[issuers.{a}.grants]]\ncapability = \"c\"\noperations = [\"{name}\"]\n");
        format!("accounts = [\"{a}\"]\n{}", names(count).map(rule).collect::<String>())
    });
    document("operations of one grant", 1000, |count| {
        format!("[[issuers.{a}.grants]]\ncapability = \"c\"\noperations = {}", list(names(count)))
    });
    document("owned names", 1000, |count| format!("[owners.{a}]\nnames = {}", list(names(count))));
    document("owned tags", 1000, |count| format!("[owners.{a}]\ntags = {}", list(names(count))));
}

#[test]
fn a_permit_of_many_grants_under_many_limits() {
    grows("preparing a permit", 800, MOST, |count| {
        let policy = Arc::new(policy().limit(account().public_key(), limit(count)).unwrap());
        let verified = policy.verify(granting(count), NOW).unwrap();
        move || drop(black_box(policy.permit(verified.claims(), NOW).unwrap()))
    });
    // This is asked before every call, so it is not even in proportion.
    grows("asking a permit", 800, MOST_TO_LOOK_UP, |count| {
        let policy = Arc::new(policy().limit(account().public_key(), limit(count)).unwrap());
        let permit = policy.permit(policy.verify(granting(count), NOW).unwrap().claims(), NOW).unwrap();
        let access = Access::capability("00ff", "default", "Get");
        move || (0..10_000).for_each(|_| permit.allows(black_box(&access), NOW).unwrap())
    });
    grows("asking a policy about a module", 2000, MOST_TO_LOOK_UP, |count| {
        let revoking = names(count).fold(policy(), TrustPolicy::revoke_token);
        let claims = revoking.verify(common::signed().into(), NOW).unwrap().claims().clone();
        move || (0..2000).for_each(|_| revoking.check(black_box(&claims), NOW).unwrap())
    });
}

/// What is just as much as is allowed is read, and one more is refused with both numbers.
#[test]
fn each_bound_is_reached_and_not_passed() {
    // By somebody who does not use this crate to sign, so that reading has to refuse it.
    let read = |field: &str, count: usize| {
        let list = vec!["\"a\""; count].join(",");
        let json =
            common::claims_json().replace("\"prov\":false", &format!("\"{field}\":[{list}],\"prov\":false"));
        common::verify(&common::carrying_json(common::HEADER, &json)).map(drop)
    };
    for (field, what, limit) in [("caps", "capabilities", 8192), ("tags", "tags", 1024)] {
        assert_eq!(read(field, limit), Ok(()));
        assert_eq!(read(field, limit + 1), Err(ClaimsError::TooMany { what, count: limit + 1, limit }));
    }
    // A name that makes the token as long as it may be: three bytes of it are four of the token.
    let named = |length: usize| {
        let json = common::claims_json().replace("\"counter\"", &format!("\"{}\"", "n".repeat(length)));
        common::token(common::HEADER, &json, &account())
    };
    let longest = (1..).find(|length| named(*length + 40_000).len() > 65_536).unwrap() + 40_000 - 1;
    assert!(common::verify(&common::carrying(&named(longest))).is_ok());
    let size = named(longest + 1).len();
    let refused = common::verify(&common::carrying(&named(longest + 1))).map(drop);
    assert_eq!(refused, Err(ClaimsError::TokenTooLarge { size, limit: 65_536 }));
    assert!((65_533..=65_536).contains(&named(longest).len()) && size <= 65_538);

    let own = |number: usize| OperatorBuilder::new().id(number.to_string()).issue(&operator()).unwrap();
    let asking = |count: usize| {
        (0..count)
            .try_fold(TrustPolicy::nobody(), |policy, number| policy.operator_token(&own(number)))
            .map(drop)
    };
    assert_eq!(asking(64), Ok(()));
    let what = "tokens of one operator";
    assert_eq!(asking(65), Err(ClaimsError::TooMany { what, count: 65, limit: 64 }));

    let entries =
        |count: usize| TrustPolicy::from_toml(&format!("[revoked]\ntokens = {}", list(names(count))));
    assert!(entries(200_000).is_ok());
    assert!(matches!(entries(200_001), Err(ClaimsError::TooMany { count: 200_001, limit: 200_000, .. })));
    let bytes = |count: usize| TrustPolicy::from_toml(&" ".repeat(count));
    assert!(bytes(16 << 20).is_ok());
    let refused = bytes((16 << 20) + 1).map(drop);
    let what = "bytes in the policy";
    assert_eq!(refused, Err(ClaimsError::TooMany { what, count: (16 << 20) + 1, limit: 16 << 20 }));

    let team = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    let chain =
        |count: usize| Chain::new([own(0).as_str(), &team].into_iter().chain(vec!["x"; count - 2])).map(drop);
    assert_eq!(chain(2), Ok(()));
    assert_eq!(chain(3), Err(ClaimsError::ChainLength { count: 3, limit: 2 }));
}
