//! A key hands over to another: what the new one may do, until when the old one counts, and what a revocation then does.
#![cfg(feature = "toml")]

mod common;

use std::sync::Arc;

use capability_claims::{
    Access, AccountBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, ModuleClaims, OperatorBuilder,
    RotationBuilder, RotationClaims, RotationError, Takeover, TrustPolicy, sign_module,
};
use common::{
    HEADER, NOW, Numbers, OTHER_ACCOUNT, OTHER_OPERATOR, account, module, operator, policy, small_module,
    token,
};

const KEYVALUE: &str = "wascc:keyvalue";

fn new() -> KeyPair {
    KeyPair::from_seed(OTHER_ACCOUNT).unwrap()
}

/// From the account to the other one: written 20 s ago, hands over 10 s ago, ends in 10 s.
fn times() -> RotationBuilder {
    RotationBuilder::new().id("rotation").issued_at(NOW - 20).not_before(NOW - 10).expires_at(NOW + 10)
}

fn rotation() -> String {
    times().issue(&account(), &new()).unwrap()
}

fn rotated() -> TrustPolicy {
    policy().rotation(&rotation()).unwrap()
}

fn by(key: &KeyPair) -> ModuleClaims {
    let wasm =
        sign_module(&small_module(), &common::claims().not_before(0).expires_at(NOW * 2), key).unwrap();
    TrustPolicy::nobody().account(key.public_key()).verify(wasm.into(), NOW).unwrap().claims().clone()
}

#[track_caller]
fn rotation_error(result: Result<impl std::fmt::Debug, ClaimsError>) -> RotationError {
    match result.unwrap_err() {
        ClaimsError::Rotation(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_keys_count_while_they_overlap_and_then_the_new_one_alone() {
    let (old, successor) = (by(&account()), by(&new()));
    let answers = |at: u64| (rotated().check(&old, at).is_ok(), rotated().check(&successor, at).is_ok());
    assert_eq!(answers(NOW - 11), (true, false));
    assert_eq!((answers(NOW - 10), answers(NOW + 9)), ((true, true), (true, true)));
    assert_eq!(answers(NOW + 10), (false, true));
    assert!(matches!(
        rotation_error(rotated().check(&successor, NOW - 11)),
        RotationError::NotInForce { .. }
    ));
    let error = rotation_error(rotated().check(&old, NOW + 10));
    let (key, next) = (account().public_key(), new().public_key());
    assert!(matches!(error, RotationError::KeyRotated { key: k, successor: s, .. } if (k, s) == (key, next)));
    // What is not trusted is not trusted through its rotation.
    let nobody = TrustPolicy::nobody().rotation(&rotation()).unwrap();
    assert!(matches!(nobody.check(&successor, NOW), Err(ClaimsError::NotTrusted { .. })));
}

#[test]
fn an_actor_is_taken_over_by_its_rotated_key() {
    let (old, successor) = (by(&account()), by(&new()));
    assert_eq!(rotated().may_take_over(&old, &successor, NOW), Ok(Takeover::Rotation));
    assert_eq!(rotated().may_take_over(&successor, &old, NOW), Ok(Takeover::Rotation));
    assert!(rotated().may_take_over(&successor, &old, NOW + 10).is_err());
    let without = policy().account(new().public_key());
    assert!(matches!(without.may_take_over(&old, &successor, NOW), Err(ClaimsError::Ownership(_))));
    let revoked = rotated().account(new().public_key()).revoke_token("rotation");
    assert!(matches!(revoked.may_take_over(&old, &successor, NOW), Err(ClaimsError::Ownership(_))));
}

#[test]
fn revoking_the_old_key_after_the_handover_stops_nothing_of_the_new_one() {
    let (a, b) = (account().public_key(), new().public_key());
    let (old, successor) = (by(&account()), by(&new()));
    let at_once =
        policy().rotation(&times().not_before(NOW - 20).issue(&account(), &new()).unwrap()).unwrap();
    for policy in [at_once.revoke_key(a), rotated().revoke_key_since(a, NOW - 10)] {
        assert!(matches!(policy.check(&old, NOW), Err(ClaimsError::KeyRevoked { .. })));
        assert_eq!((policy.check(&successor, NOW), policy.check(&successor, NOW + 99)), (Ok(()), Ok(())));
        assert_eq!(policy.may_take_over(&old, &successor, NOW), Ok(Takeover::Rotation));
    }
    // Before the handover, the token itself, or the new key.
    for policy in [
        rotated().revoke_key(a),
        rotated().revoke_key_since(a, NOW - 11),
        rotated().revoke_key_since(a, NOW).revoke_key_since(a, NOW - 11),
        rotated().revoke_token("rotation"),
        rotated().revoke_key(b),
        rotated().revoke_key_since(b, NOW - 11),
    ] {
        assert!(policy.check(&successor, NOW).is_err() && policy.check(&successor, NOW + 99).is_err());
    }
    assert_eq!(rotated().revoke_token("rotation").check(&old, NOW + 99), Ok(()), "it was never issued");
}

#[test]
fn a_rotation_cannot_widen() {
    let (a, b, m) = (account().public_key(), new().public_key(), module().public_key());
    let reading = GrantLimit::nothing().and(Grant::of(KEYVALUE).operation("Get"));
    let policy = rotated().limit(a, reading).and_then(|policy| policy.bind_module(m, a)).unwrap();
    let all = GrantLimit::nothing().and(Grant::of(KEYVALUE));
    // A limit of its own does not take the place of the old one's, nor does trust of its own.
    for policy in [policy.clone(), policy.account(b).limit(b, all).unwrap()] {
        let (policy, claims) = (Arc::new(policy), by(&new()));
        let permit = policy.permit(&claims, NOW).unwrap();
        for (operation, allowed) in [("Get", true), ("Set", false)] {
            let access = Access::capability(KEYVALUE, "default", operation);
            assert_eq!(policy.allows(&claims, &access, NOW).is_ok(), allowed);
            assert_eq!(permit.allows(&access, NOW).is_ok(), allowed);
        }
    }
    let theirs = rotated().bind_module(m, b).unwrap();
    assert!(matches!(theirs.check(&by(&account()), NOW), Err(ClaimsError::Ownership(_))));
}

#[test]
fn a_permit_ends_and_begins_with_the_rotation() {
    let policy = Arc::new(rotated());
    let access = Access::capability(KEYVALUE, "default", "Get");
    for claims in [by(&account()), by(&new())] {
        for made in [NOW - 11, NOW, NOW + 11] {
            let Ok(permit) = policy.permit(&claims, made) else { continue };
            for at in [NOW - 11, NOW - 10, NOW, NOW + 9, NOW + 10] {
                assert_eq!(permit.allows(&access, at), policy.allows(&claims, &access, at), "{made} {at}");
            }
        }
    }
}

#[test]
fn an_operator_rotates_with_its_word_and_its_limits() {
    let (old, next) = (operator(), KeyPair::from_seed(OTHER_OPERATOR).unwrap());
    let (o, p) = (old.public_key(), next.public_key());
    let word = |key: &KeyPair| AccountBuilder::new(account().public_key()).issue(key).unwrap();
    let policy = || TrustPolicy::nobody().operator(o).rotation(&times().issue(&old, &next).unwrap()).unwrap();
    let (by_old, by_new) =
        (policy().account_token(&word(&old)).unwrap(), policy().account_token(&word(&next)).unwrap());
    let claims = by(&account());
    assert_eq!((by_old.check(&claims, NOW + 9), by_new.check(&claims, NOW - 10)), (Ok(()), Ok(())));
    assert!(matches!(rotation_error(by_old.check(&claims, NOW + 10)), RotationError::KeyRotated { .. }));
    assert!(by_new.check(&claims, NOW - 11).is_err());
    assert_eq!(by_new.check(&claims, NOW + 11), Ok(()));
    let limited = by_new.limit(o, GrantLimit::nothing()).unwrap();
    let access = Access::capability(KEYVALUE, "default", "Get");
    assert!(matches!(
        limited.allows(&claims, &access, NOW),
        Err(ClaimsError::CapabilityBeyondLimit { issuer, .. }) if issuer == o
    ));
    // Owned by the old operator, signed for by the new one.
    let owned = policy().account_token(&word(&next)).unwrap().bind_module(claims.subject(), o).unwrap();
    assert_eq!(owned.check(&claims, NOW), Ok(()));
    // A token that is asked for of the old operator is asked for of the new one too.
    let root = OperatorBuilder::new().id("root").expires_at(NOW + 5).issue(&old).unwrap();
    let asked = owned.operator_token(&root).unwrap();
    assert_eq!(asked.check(&claims, NOW + 4), Ok(()));
    assert!(matches!(asked.check(&claims, NOW + 5), Err(ClaimsError::OperatorExpired { .. })));
    let renewed = asked.operator_token(&OperatorBuilder::new().issue(&next).unwrap()).unwrap();
    assert_eq!(
        (renewed.check(&claims, NOW + 6), renewed.clone().revoke_key(p).check(&claims, NOW).is_ok()),
        (Ok(()), false)
    );
}

/// The word that the operator gave for the old key counts for the new one, and no longer than it says.
#[test]
fn an_operators_word_is_handed_over_with_its_end() {
    let word = AccountBuilder::new(account().public_key()).expires_at(NOW + 5).issue(&operator()).unwrap();
    let policy = TrustPolicy::nobody().operator(operator().public_key()).account_token(&word).unwrap();
    let policy = policy.rotation(&rotation()).unwrap();
    let claims = by(&new());
    assert_eq!(policy.check(&claims, NOW + 4), Ok(()));
    assert!(matches!(policy.check(&claims, NOW + 5), Err(ClaimsError::AccountExpired { .. })));
}

#[test]
fn lines_of_rotations_are_bounded_and_have_no_circles_and_no_forks() {
    let keys: Vec<KeyPair> = (0..11).map(|_| KeyPair::generate(KeyKind::Account).unwrap()).collect();
    let step = |from: usize, to: usize| {
        let builder = RotationBuilder::new().issued_at(NOW).expires_at(NOW + 9);
        builder.issue(&keys[from], &keys[to]).unwrap()
    };
    let trusting = TrustPolicy::nobody().account(keys[0].public_key());
    // In an order in which lines are joined in the middle, too.
    let longest = [0, 2, 4, 6, 1, 3, 5, 7].map(|at| step(at, at + 1));
    let policy = longest.iter().try_fold(trusting, |policy, token| policy.rotation(token)).unwrap();
    assert_eq!(policy.check(&by(&keys[8]), NOW), Ok(()));
    assert_eq!(policy.check(&by(&keys[8]), NOW + 99), Ok(()));
    let again = policy.clone().rotation(&longest[3]).unwrap();
    assert_eq!(format!("{again:?}"), format!("{policy:?}"), "the same once more is the same");
    assert!(matches!(
        rotation_error(policy.clone().rotation(&step(8, 9))),
        RotationError::TooLong { limit: 8, .. }
    ));
    assert!(matches!(
        rotation_error(policy.clone().rotation(&step(9, 0))),
        RotationError::TooLong { limit: 8, .. }
    ));
    assert!(matches!(rotation_error(policy.clone().rotation(&step(8, 0))), RotationError::Circle { .. }));
    let short = TrustPolicy::nobody().rotation(&step(0, 1)).unwrap();
    assert!(matches!(rotation_error(short.clone().rotation(&step(1, 0))), RotationError::Circle { .. }));
    for token in [step(0, 2), step(2, 1)] {
        assert!(matches!(rotation_error(short.clone().rotation(&token)), RotationError::Conflict { .. }));
    }
    // One that was revoked in the middle takes all after it away, and none before it.
    let revoked = policy.revoke_token(RotationClaims::verify(&longest[5]).unwrap().id());
    assert_eq!(
        (revoked.check(&by(&keys[3]), NOW), revoked.check(&by(&keys[4]), NOW).is_ok()),
        (Ok(()), false)
    );
}

#[test]
fn nobody_rotates_for_others_and_nobody_is_made_a_successor_against_its_will() {
    let (a, b, o) = (account(), new(), operator());
    let json = |from: &KeyPair, to: &KeyPair, about: &str| {
        format!(
            r#"{{"exp":{},"jti":"r","iat":1,"iss":"{}","sub":"{}","nbf":2,"wascap":{{"rotates":"account"{about}}}}}"#,
            NOW + 9,
            from.public_key(),
            to.public_key()
        )
    };
    let unaccepted = token(HEADER, &json(&a, &b, ""), &a);
    assert!(matches!(rotation_error(RotationClaims::verify(&unaccepted)), RotationError::NotAccepted { .. }));
    let borrowed = json(&a, &b, &format!(r#","accepted":"{}""#, "A".repeat(86)));
    let borrowed = RotationClaims::verify(&token(HEADER, &borrowed, &a));
    assert!(matches!(rotation_error(borrowed), RotationError::NotAccepted { .. }));
    let forged = RotationClaims::verify(&token(HEADER, &json(&a, &b, ""), &b));
    assert!(matches!(forged, Err(ClaimsError::Forged { .. })));
    for (from, to) in [(&a, &o), (&o, &a), (&module(), &module()), (&a, &module())] {
        assert!(matches!(times().issue(from, to), Err(ClaimsError::WrongKeyKind { .. })));
        let signed = token(HEADER, &json(from, to, ""), from);
        assert!(matches!(RotationClaims::verify(&signed), Err(ClaimsError::WrongKeyKind { .. })));
    }
    assert!(matches!(rotation_error(times().issue(&a, &account())), RotationError::Circle { .. }));
    assert!(matches!(rotation_error(RotationBuilder::new().issue(&a, &b)), RotationError::NoTime { .. }));
    let wrong_kind = token(HEADER, &json(&a, &b, "").replace("\"account\"", "\"operator\""), &a);
    assert!(matches!(rotation_error(RotationClaims::verify(&wrong_kind)), RotationError::Kind { .. }));
    let backwards = times().not_before(NOW + 20).issue(&a, &b);
    assert!(matches!(backwards, Err(ClaimsError::NeverValid { .. })));
    let long = times().reason("x".repeat(1025)).issue(&a, &b);
    assert!(matches!(long, Err(ClaimsError::TooMany { .. })));
}

/// A token of one kind is none of another, whoever signs it.
#[test]
fn a_rotation_is_no_other_token_and_no_other_token_is_a_rotation() {
    use capability_claims::{AccountClaims, OperatorClaims};
    let operators = times().issue(&operator(), &KeyPair::from_seed(OTHER_OPERATOR).unwrap()).unwrap();
    for text in [rotation(), operators] {
        assert!(AccountClaims::verify(&text).is_err() && OperatorClaims::verify(&text).is_err());
        assert!(RotationClaims::verify(&text).is_ok());
    }
    let word = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    let root = OperatorBuilder::new().issue(&operator()).unwrap();
    assert!(RotationClaims::verify(&word).is_err() && RotationClaims::verify(&root).is_err());
}

#[test]
fn ten_thousand_changes_of_a_rotation_none_accepted() {
    let whole = rotation();
    let mut numbers = Numbers(0xacce97);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    let (mut made, mut accepted) = (0, 0);
    while made < 10_000 {
        let mut bytes = whole.clone().into_bytes();
        let at = numbers.below(bytes.len());
        match made % 4 {
            0 | 1 => bytes[at] = alphabet[numbers.below(alphabet.len())],
            2 => bytes.truncate(at),
            _ => bytes.insert(at, alphabet[numbers.below(alphabet.len())]),
        }
        let changed = String::from_utf8(bytes).unwrap();
        if changed != whole {
            accepted += usize::from(RotationClaims::verify(&changed).is_ok());
            made += 1;
        }
    }
    assert_eq!(accepted, 0);
}

#[test]
fn rotations_are_read_from_toml() {
    let (a, token) = (account().public_key(), rotation());
    let toml =
        format!("accounts = [\"{a}\"]\nrotations = [\"{token}\"]\n[revoked]\nsince = {{ {a} = {NOW} }}\n");
    let built = rotated().revoke_key_since(a, NOW);
    assert_eq!(format!("{:?}", TrustPolicy::from_toml(&toml).unwrap()), format!("{built:?}"));
    let wrong = toml.replace(&token, &token[..token.len() - 1]);
    assert!(TrustPolicy::from_toml(&wrong).unwrap_err().to_string().contains("entry 1 of the list"));
}
