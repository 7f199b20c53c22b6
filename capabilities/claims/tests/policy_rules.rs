//! What a policy takes away: revoked keys and tokens, actors, revisions, lives. Each refusal is its own.

mod common;

use std::time::Duration;

use capability_claims::{
    AccountBuilder, Chain, ClaimsError, GrantLimit, KeyKind, KeyPair, ModuleClaims, OperatorBuilder,
    TrustPolicy, sign_module,
};
use common::{NOW, account, claims, label, module, operator, policy, small_module};

fn verified() -> ModuleClaims {
    let signed = sign_module(&small_module(), &claims().id("token 1"), &account()).unwrap();
    policy().verify(signed.into(), NOW).unwrap().claims().clone()
}

/// The refusal, after looking that its text names the label, module, its key, and all of `parts`.
#[track_caller]
fn refusal(policy: TrustPolicy, parts: &[&str]) -> ClaimsError {
    let error = policy.check(&verified(), NOW).unwrap_err();
    let text = error.to_string();
    for part in [&["counter", &module().public_key().to_string()], parts].concat() {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    error
}

#[test]
fn a_revoked_key_takes_everything_with_it_that_hangs_on_it() {
    for key in [module().public_key(), account().public_key()] {
        let error = refusal(policy().revoke_key(key), &[&key.to_string(), "revoked"]);
        assert_eq!(error, ClaimsError::KeyRevoked { subject: label(), key });
    }
    assert_eq!(policy().revoke_key(operator().public_key()).check(&verified(), NOW), Ok(()));

    let token = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    let by_operator = TrustPolicy::nobody().operator(operator().public_key()).account_token(&token).unwrap();
    let key = operator().public_key();
    let error = refusal(by_operator.revoke_key(key), &[&key.to_string()]);
    assert_eq!(error, ClaimsError::KeyRevoked { subject: label(), key });
}

#[test]
fn a_revoked_token_is_void_and_another_of_the_same_module_is_not() {
    let error = refusal(policy().revoke_token("token 1"), &["token 1", "new token"]);
    assert_eq!(error, ClaimsError::TokenRevoked { subject: label(), id: "token 1".into() });
    assert_eq!(policy().revoke_token("token 2").check(&verified(), NOW), Ok(()));
}

#[test]
fn tokens_of_a_chain_can_be_revoked_and_another_word_still_counts() {
    let other = KeyPair::generate(KeyKind::Operator).unwrap();
    let root = OperatorBuilder::new().id("root").issue(&operator()).unwrap();
    let team = AccountBuilder::new(account().public_key()).id("team").issue(&operator()).unwrap();
    let theirs = AccountBuilder::new(account().public_key()).id("theirs").issue(&other).unwrap();
    let chain = Chain::new([root.as_str(), team.as_str()]).unwrap();
    let signed = sign_module(&chain.embed(&small_module()).unwrap(), &claims(), &account()).unwrap();
    let policy = TrustPolicy::nobody().operator(operator().public_key());
    let claims = policy.verify(signed.into(), NOW).unwrap().into_parts().0;
    for id in ["root", "team"] {
        let policy = policy.clone().revoke_token(id);
        let error = policy.check(&claims, NOW).unwrap_err();
        assert!(matches!(&error, ClaimsError::TokenRevoked { id: void, .. } if **void == *id), "{error:?}");
        let policy = policy.operator(other.public_key()).account_token(&theirs).unwrap();
        assert_eq!(policy.check(&claims, NOW), Ok(()), "the other operator vouches too");
    }
}

#[test]
fn actors_may_be_denied_and_allowed() {
    let (subject, other) = (module().public_key(), KeyPair::generate(KeyKind::Module).unwrap().public_key());
    let error = refusal(policy().deny_actor(subject).unwrap(), &["denies", "denied actors"]);
    assert_eq!(error, ClaimsError::ActorDenied { subject: label() });
    let error = refusal(policy().allow_actor(other).unwrap(), &["does not allow", "allowed actors"]);
    assert_eq!(error, ClaimsError::ActorNotAllowed { subject: label() });
    let both = policy().allow_actor(other).unwrap().allow_actor(subject).unwrap();
    assert_eq!(both.check(&verified(), NOW), Ok(()));
    let error = both.deny_actor(subject).unwrap().check(&verified(), NOW).unwrap_err();
    assert!(matches!(error, ClaimsError::ActorDenied { .. }), "denied and allowed is denied");
    assert_eq!(policy().deny_actor(other).unwrap().check(&verified(), NOW), Ok(()));
    let alone = TrustPolicy::nobody().allow_actor(subject).unwrap();
    assert!(
        matches!(alone.check(&verified(), NOW), Err(ClaimsError::NotTrusted { .. })),
        "allowed is not trusted"
    );
}

#[test]
fn a_module_may_have_a_lowest_revision() {
    let subject = module().public_key();
    let at_least = |revision| policy().minimum_revision(subject, revision).unwrap();
    assert_eq!(at_least(7).check(&verified(), NOW), Ok(()));
    let error = refusal(at_least(8), &["the revision 7", "8 at least", "newer"]);
    assert_eq!(error, ClaimsError::RevisionTooLow { subject: label(), revision: Some(7), minimum: 8 });
    let without = capability_claims::ClaimsBuilder::new(subject);
    let signed = sign_module(&small_module(), &without, &account()).unwrap();
    let error = at_least(i32::MIN).verify(signed.into(), NOW).unwrap_err();
    assert!(matches!(error, ClaimsError::RevisionTooLow { revision: None, .. }));
    assert!(error.to_string().contains("no revision"));
}

#[test]
fn a_token_may_be_good_for_so_long_and_no_longer() {
    let limit = |seconds| policy().max_token_life(Duration::from_secs(seconds));
    let subject = module().public_key();
    assert_eq!(limit(150).check(&verified(), NOW), Ok(()));
    let error = refusal(limit(149), &["150 seconds", "149"]);
    assert_eq!(error, ClaimsError::LivesTooLong { subject: label(), life: 150, limit: 149 });

    let verify =
        |builder| limit(150).verify(sign_module(&small_module(), &builder, &account()).unwrap().into(), NOW);
    let backdated = claims().issued_at(NOW + 40).not_before(NOW).expires_at(NOW + 151);
    let error = verify(backdated).unwrap_err();
    assert!(matches!(error, ClaimsError::LivesTooLong { life: 151, .. }), "issued in the future: {error:?}");
    let endless = capability_claims::ClaimsBuilder::new(subject).issued_at(NOW);
    assert!(matches!(verify(endless), Err(ClaimsError::NeverExpires { limit: 150, .. })));
}

#[test]
fn keys_of_the_wrong_kind_are_refused_where_they_would_have_no_effect() {
    let (a, m) = (account().public_key(), module().public_key());
    for refused in [
        policy().allow_actor(a),
        policy().deny_actor(a),
        policy().minimum_revision(a, 1),
        policy().limit(m, GrantLimit::nothing()),
    ] {
        assert!(matches!(refused, Err(ClaimsError::WrongKeyKind { .. })));
    }
}
