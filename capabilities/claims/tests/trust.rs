//! Who is trusted, through whom, and until when.

mod common;

use std::time::Duration;

use bytes::Bytes;
use capability_claims::{
    AccountBuilder, AccountClaims, ClaimsError, Clock, KeyKind, KeyPair, Label, ManualClock, ModuleClaims,
    SystemClock, TokenPart, TrustPolicy,
};
use common::{HEADER, NOW, account, key, module, operator, policy, signed, token, verify};

fn verified() -> ModuleClaims {
    verify(&signed()).unwrap().claims().clone()
}

fn vouched() -> AccountBuilder {
    AccountBuilder::new(account().public_key()).name("team red").not_before(NOW - 10).expires_at(NOW + 10)
}

fn by_operator(token: &str) -> TrustPolicy {
    TrustPolicy::nobody().operator(operator().public_key()).account_token(token).unwrap()
}

#[test]
fn nobody_means_nobody() {
    assert!(matches!(TrustPolicy::nobody().check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })));
}

#[test]
fn an_account_is_trusted_by_its_key_and_no_other() {
    let other = KeyPair::generate(KeyKind::Account).unwrap().public_key();
    assert_eq!(policy().check(&verified(), NOW), Ok(()));
    assert_eq!(policy().account(other).check(&verified(), NOW), Ok(()));
    let refused = TrustPolicy::nobody().account(other).check(&verified(), NOW);
    assert!(matches!(refused, Err(ClaimsError::NotTrusted { .. })));
}

/// The module's own key, and the account's bytes under another letter, say nothing about who signed.
#[test]
fn keys_in_the_wrong_place_grant_nothing() {
    let same_bytes = key("OCFIRY65OQE7DFP5KLNS2PF2LVZMUZYJX4OZIEQ36N2IQANUB5XVYOCS");
    assert_eq!(same_bytes.as_bytes(), account().public_key().as_bytes());
    for policy in [
        TrustPolicy::nobody().account(module().public_key()),
        TrustPolicy::nobody().operator(account().public_key()),
        TrustPolicy::nobody().account(operator().public_key()),
        TrustPolicy::nobody().account(same_bytes).operator(same_bytes),
    ] {
        assert!(matches!(policy.check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })));
    }
}

#[test]
fn trust_takes_accounts_and_operators_and_refuses_the_rest() {
    assert_eq!(TrustPolicy::nobody().trust(account().public_key()).unwrap().check(&verified(), NOW), Ok(()));
    let policy = TrustPolicy::nobody().trust(operator().public_key()).unwrap();
    let policy = policy.account_token(&vouched().issue(&operator()).unwrap()).unwrap();
    assert_eq!(policy.check(&verified(), NOW), Ok(()));
    let refused = TrustPolicy::nobody().trust(module().public_key()).unwrap_err();
    assert!(matches!(
        refused,
        ClaimsError::WrongKeyKind { expected: KeyKind::Account, key, .. } if key == module().public_key()
    ));
}

#[test]
fn an_operator_is_trusted_for_the_accounts_that_it_vouches_for() {
    let token = vouched().issue(&operator()).unwrap();
    assert_eq!(by_operator(&token).check(&verified(), NOW), Ok(()));
    assert!(by_operator(&token).verify(Bytes::from(signed()), NOW).is_ok());

    let alone = TrustPolicy::nobody().operator(operator().public_key());
    assert!(matches!(alone.check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })), "no account token");
    let handed = TrustPolicy::nobody().account_token(&token).unwrap();
    assert!(
        matches!(handed.check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })),
        "no trusted operator"
    );
    assert_eq!(handed.operator(operator().public_key()).check(&verified(), NOW), Ok(()), "in any order");

    let other = KeyPair::generate(KeyKind::Account).unwrap().public_key();
    let for_other = AccountBuilder::new(other).issue(&operator()).unwrap();
    assert!(matches!(by_operator(&for_other).check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })));
}

#[test]
fn an_account_token_counts_in_its_time_only() {
    let policy = by_operator(&vouched().issue(&operator()).unwrap());
    let claims = verified();
    let (account, operator) = (account().public_key(), operator().public_key());
    assert!(policy.check(&claims, NOW - 10).is_ok() && policy.check(&claims, NOW + 9).is_ok());

    let error = policy.check(&claims, NOW + 10).unwrap_err();
    let (expired_at, now) = (NOW + 10, NOW + 10);
    let account = || Label::new(Some("team red"), account);
    assert_eq!(error, ClaimsError::AccountExpired { account: account(), operator, expired_at, now });
    assert!(error.to_string().contains("team red") && error.to_string().contains("2023-11-14T22:13:30Z"));

    let error = policy.check(&claims, NOW - 11).unwrap_err();
    let (not_before, now) = (NOW - 10, NOW - 11);
    assert_eq!(error, ClaimsError::AccountNotYetValid { account: account(), operator, not_before, now });
}

#[test]
fn one_good_account_token_among_several_is_enough() {
    let old = vouched().expires_at(NOW - 1).issue(&operator()).unwrap();
    let new = vouched().not_before(NOW).issue(&operator()).unwrap();
    let policy = by_operator(&old);
    assert!(matches!(policy.check(&verified(), NOW), Err(ClaimsError::AccountExpired { .. })));
    let policy = policy.account_token(&new).unwrap();
    assert_eq!(policy.check(&verified(), NOW), Ok(()));
}

#[test]
fn a_forged_account_token_is_not_taken() {
    let token_by = |key: &KeyPair, issuer: &str| {
        let json = format!(
            r#"{{"jti":"x","iat":1,"iss":"{issuer}","sub":"{}","wascap":{{"name":null,"valid_signers":null}}}}"#,
            account().public_key()
        );
        token(HEADER, &json, key)
    };
    let (o, a) = (operator().public_key().to_string(), account().public_key().to_string());
    assert!(AccountClaims::verify(&token_by(&operator(), &o)).is_ok(), "good before it is spoilt");

    let error = AccountClaims::verify(&token_by(&account(), &o)).unwrap_err();
    assert!(matches!(&error, ClaimsError::Forged { issuer, .. } if *issuer == operator().public_key()));
    let error = AccountClaims::verify(&token_by(&account(), &a)).unwrap_err();
    assert!(
        matches!(error, ClaimsError::WrongKeyKind { expected: KeyKind::Operator, .. }),
        "signed by itself"
    );
    let error = TrustPolicy::nobody().account_token("x.y").unwrap_err();
    assert!(matches!(error, ClaimsError::MalformedToken { part: TokenPart::Text, .. }));
}

/// Further signers that an account names in its token do not widen the trust in it.
#[test]
fn an_account_cannot_name_others() {
    let other = KeyPair::generate(KeyKind::Account).unwrap();
    let json = format!(
        r#"{{"jti":"x","iat":1,"iss":"{}","sub":"{}","wascap":{{"valid_signers":["{}"]}}}}"#,
        operator().public_key(),
        other.public_key(),
        account().public_key(),
    );
    let policy = by_operator(&token(HEADER, &json, &operator()));
    assert!(matches!(policy.check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })));
}

#[test]
fn a_module_token_is_no_account_token() {
    let text = capability_claims::extract(&signed()).unwrap().to_owned();
    assert!(matches!(AccountClaims::verify(&text), Err(ClaimsError::MalformedToken { .. })));
}

#[test]
fn account_tokens_are_issued_by_operators_for_accounts() {
    let error = vouched().issue(&account()).unwrap_err();
    assert!(matches!(error, ClaimsError::WrongKeyKind { expected: KeyKind::Operator, .. }));
    let error = AccountBuilder::new(module().public_key()).issue(&operator()).unwrap_err();
    assert!(matches!(error, ClaimsError::WrongKeyKind { expected: KeyKind::Account, .. }));
    let error = vouched().expires_at(NOW - 11).issue(&operator()).unwrap_err();
    assert!(matches!(error, ClaimsError::NeverValid { .. }));
}

#[test]
fn clocks_may_differ_only_when_the_policy_says_so() {
    let claims = verified();
    let lenient = policy().clock_skew(Duration::from_secs(5));
    assert!(policy().check(&claims, NOW + 50).is_err() && policy().check(&claims, NOW - 51).is_err());
    assert!(lenient.check(&claims, NOW + 54).is_ok() && lenient.check(&claims, NOW - 55).is_ok());
    assert!(lenient.check(&claims, NOW + 55).is_err() && lenient.check(&claims, NOW - 56).is_err());
    let endless = policy().clock_skew(Duration::MAX);
    assert!(endless.check(&claims, 0).is_ok() && endless.check(&claims, u64::MAX).is_ok());
}

/// A module that was verified is refused once its time is over; the clock is moved, nobody waits.
#[test]
fn what_was_verified_expires_while_it_runs() {
    let clock = ManualClock::new(NOW);
    let claims = policy().verify(Bytes::from(signed()), clock.now()).unwrap().into_parts().0;
    clock.advance(49);
    assert_eq!(policy().check(&claims, clock.now()), Ok(()));
    clock.advance(1);
    assert!(matches!(policy().check(&claims, clock.now()), Err(ClaimsError::Expired { .. })));
    clock.set(NOW);
    assert_eq!(policy().check(&claims, clock.now()), Ok(()));
    assert!(SystemClock.now() > NOW);
}
