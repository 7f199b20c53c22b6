//! What an actor may do: the token's grants and the policy, decided in one place, and the same when it is prepared.

mod common;

use std::{sync::Arc, time::Duration};

use capability_claims::{
    Access, AccountBuilder, ClaimsError, Grant, GrantLimit, KeyKind, KeyPair, ModuleClaims, TrustPolicy,
    sign_module,
};
use common::{NOW, account, claims, label, module, operator, policy, small_module};

const KEYVALUE: &str = "wascc:keyvalue";

fn verified() -> ModuleClaims {
    let signed = sign_module(&small_module(), &claims(), &account()).unwrap();
    policy().verify(signed.into(), NOW).unwrap().claims().clone()
}

/// What the policy says, after looking that a permit says the same.
#[track_caller]
fn decide(policy: TrustPolicy, access: Access<'_>) -> Result<(), ClaimsError> {
    let (policy, claims) = (Arc::new(policy), verified());
    let decision = policy.allows(&claims, &access, NOW);
    assert_eq!(policy.permit(&claims, NOW).unwrap().allows(&access, NOW), decision);
    decision
}

fn keyvalue(link: &'static str, operation: &'static str) -> Access<'static> {
    Access::capability(KEYVALUE, link, operation)
}

fn limited(grants: impl IntoIterator<Item = Grant>) -> TrustPolicy {
    let limit = grants.into_iter().fold(GrantLimit::nothing(), GrantLimit::and);
    policy().limit(account().public_key(), limit).unwrap()
}

#[test]
fn without_limits_the_token_decides() {
    assert_eq!(decide(policy(), keyvalue("default", "Get")), Ok(()));
    let subject = module().public_key();
    for never in ["wascc:logging", "", "wascc:key", "WASCC:KEYVALUE", "*"] {
        let error = decide(policy(), Access::capability(never, "default", "x")).unwrap_err();
        assert_eq!(error, ClaimsError::NotGranted { subject: label(), capability: never.into() });
    }
    let text = decide(policy(), Access::module("MABC", "Hello")).unwrap_err().to_string();
    assert!(text.contains("counter") && text.contains(&subject.to_string()) && text.contains("MABC"));
}

#[test]
fn a_limit_takes_away_and_never_adds() {
    let all = [Grant::of(KEYVALUE), Grant::of("wascc:http_server"), Grant::of("wascc:logging")];
    assert_eq!(decide(limited(all.clone()), keyvalue("default", "Get")), Ok(()));
    let error = decide(limited(all), Access::capability("wascc:logging", "default", "x")).unwrap_err();
    assert!(matches!(error, ClaimsError::NotGranted { .. }));
    let error = decide(limited([]), keyvalue("default", "Get")).unwrap_err();
    let (subject, issuer, capability) = (label(), account().public_key(), KEYVALUE.into());
    assert_eq!(error, ClaimsError::CapabilityBeyondLimit { subject, issuer, capability });
    let text = error.to_string();
    assert!(text.contains("counter") && text.contains(KEYVALUE) && text.contains(&issuer.to_string()));
}

#[test]
fn links_and_operations_can_be_limited() {
    let policy = || limited([Grant::of(KEYVALUE).link("cache").link("default").operation("Get")]);
    assert_eq!(decide(policy(), keyvalue("cache", "Get")), Ok(()));
    assert_eq!(decide(policy(), keyvalue("default", "Get")), Ok(()));
    let error = decide(policy(), keyvalue("secret", "Get")).unwrap_err();
    assert!(matches!(&error, ClaimsError::LinkBeyondLimit { link, .. } if **link == *"secret"));
    assert!(error.to_string().contains("over the link \"secret\""), "{error}");
    let error = decide(policy(), keyvalue("cache", "Set")).unwrap_err();
    assert!(matches!(&error, ClaimsError::OperationBeyondLimit { operation, .. } if **operation == *"Set"));
    assert!(error.to_string().contains("Set of wascc:keyvalue"), "{error}");
    let no_link = Access::module(KEYVALUE, "Get");
    assert!(matches!(decide(policy(), no_link), Err(ClaimsError::LinkBeyondLimit { .. })));
}

#[test]
fn grants_of_one_capability_stand_side_by_side() {
    let policy =
        || limited([Grant::of(KEYVALUE).link("cache"), Grant::of(KEYVALUE).link("default").operation("Get")]);
    assert_eq!(decide(policy(), keyvalue("cache", "Set")), Ok(()));
    assert_eq!(decide(policy(), keyvalue("default", "Get")), Ok(()));
    let error = decide(policy(), keyvalue("default", "Set")).unwrap_err();
    assert!(matches!(error, ClaimsError::OperationBeyondLimit { .. }), "terms are not mixed");
}

/// The operator's limit binds what is trusted through it, and one good word of several is enough.
#[test]
fn limits_of_operators_bind_their_accounts() {
    let other = KeyPair::generate(KeyKind::Operator).unwrap();
    let token = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    let theirs = AccountBuilder::new(account().public_key()).issue(&other).unwrap();
    let reading = GrantLimit::nothing().and(Grant::of(KEYVALUE).operation("Get"));
    let policy = TrustPolicy::nobody()
        .operator(operator().public_key())
        .account_token(&token)
        .and_then(|policy| policy.limit(operator().public_key(), reading))
        .unwrap();
    assert_eq!(decide(policy.clone(), keyvalue("default", "Get")), Ok(()));
    let error = decide(policy.clone(), keyvalue("default", "Set")).unwrap_err();
    assert!(
        matches!(error, ClaimsError::OperationBeyondLimit { issuer, .. } if issuer == operator().public_key())
    );
    let both = policy.clone().operator(other.public_key()).account_token(&theirs).unwrap();
    assert_eq!(decide(both, keyvalue("default", "Set")), Ok(()));
    assert_eq!(decide(policy.account(account().public_key()), keyvalue("default", "Set")), Ok(()));
}

#[test]
fn a_permit_ends_with_the_token_and_comes_back_with_the_time() {
    let permit = Arc::new(policy()).permit(&verified(), NOW).unwrap();
    let get = keyvalue("default", "Get");
    assert!(permit.allows(&get, NOW + 49).is_ok() && permit.allows(&get, NOW - 50).is_ok());
    assert!(matches!(permit.allows(&get, NOW + 50), Err(ClaimsError::Expired { .. })));
    assert!(matches!(permit.check(NOW - 51), Err(ClaimsError::NotYetValid { .. })));
    assert_eq!((permit.allows(&get, NOW), permit.check(NOW)), (Ok(()), Ok(())));
    let lenient = Arc::new(policy().clock_skew(Duration::from_secs(5)));
    let permit = lenient.permit(&verified(), NOW).unwrap();
    assert!(permit.check(NOW + 54).is_ok() && permit.check(NOW + 55).is_err());
    let revoked = Arc::new(policy().revoke_key(module().public_key()));
    assert!(matches!(revoked.permit(&verified(), NOW), Err(ClaimsError::KeyRevoked { .. })));
}

/// When the word that a permit was made by is over, another that holds takes its place; when that is over too, none does.
#[test]
fn a_permit_lives_on_by_another_word() {
    let token =
        |until| AccountBuilder::new(account().public_key()).expires_at(until).issue(&operator()).unwrap();
    let policy = TrustPolicy::nobody().operator(operator().public_key());
    let policy = policy.account_token(&token(NOW + 10)).unwrap().account_token(&token(NOW + 20)).unwrap();
    let permit = Arc::new(policy).permit(&verified(), NOW).unwrap();
    let get = keyvalue("default", "Get");
    assert!(permit.allows(&get, NOW + 9).is_ok() && permit.allows(&get, NOW + 19).is_ok());
    assert!(matches!(permit.allows(&get, NOW + 20), Err(ClaimsError::AccountExpired { .. })));
}

/// At every second around, under a policy that uses all of it, a permit and the policy agree.
#[test]
fn a_permit_agrees_with_the_policy_at_all_times() {
    let policy = limited([Grant::of(KEYVALUE).operation("Get")])
        .max_token_life(Duration::from_secs(150))
        .clock_skew(Duration::from_secs(3));
    let (policy, claims) = (Arc::new(policy), verified());
    let permit = policy.permit(&claims, NOW).unwrap();
    let mut allowed = 0;
    for now in NOW - 200..NOW + 200 {
        for access in [keyvalue("default", "Get"), keyvalue("default", "Set")] {
            let decision = policy.allows(&claims, &access, now);
            assert_eq!(permit.allows(&access, now), decision, "at {now}");
            allowed += usize::from(decision.is_ok());
        }
    }
    assert_eq!(allowed, 106, "from 53 seconds before to 52 after");
}
