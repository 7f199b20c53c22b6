//! What the policy binds to an account runs for nobody else, and an actor is taken over only where the policy says so.
#![cfg(feature = "toml")]

mod common;

use capability_claims::{
    AccountBuilder, Bound, Chain, ClaimsBuilder, ClaimsError, KeyPair, ModuleClaims, OwnershipError,
    PublicKey, Takeover, TrustPolicy, sign_module,
};
use common::{NOW, OTHER_ACCOUNT, OTHER_OPERATOR, account, label, module, operator, small_module};

fn other() -> KeyPair {
    KeyPair::from_seed(OTHER_ACCOUNT).unwrap()
}

fn house() -> KeyPair {
    KeyPair::from_seed(OTHER_OPERATOR).unwrap()
}

fn both() -> TrustPolicy {
    TrustPolicy::nobody().account(account().public_key()).account(other().public_key())
}

fn signed_by(claims: &ClaimsBuilder, key: &KeyPair, voucher: Option<&KeyPair>) -> ModuleClaims {
    let mut wasm = small_module();
    if let Some(operator) = voucher {
        let word = AccountBuilder::new(key.public_key()).issue(operator).unwrap();
        wasm = Chain::new([word.as_str()]).unwrap().embed(&wasm).unwrap();
    }
    let wasm = sign_module(&wasm, claims, key).unwrap();
    both().verify(wasm.into(), NOW).unwrap().claims().clone()
}

fn by(key: &KeyPair) -> ModuleClaims {
    signed_by(&common::claims(), key, None)
}

#[track_caller]
fn assert_bound(policy: &TrustPolicy, claims: &ModuleClaims, bound: Bound, owner: PublicKey) {
    let error = policy.check(claims, NOW).unwrap_err();
    let subject = label();
    let expected = OwnershipError::BoundToAnother { subject, bound, owner, issuer: claims.issuer() };
    assert_eq!(error, ClaimsError::Ownership(expected));
    let text = error.to_string();
    assert!(text.contains(&owner.to_string()) && text.contains(&claims.issuer().to_string()), "{text}");
}

#[test]
fn what_is_bound_to_one_account_is_refused_when_another_signed_it() {
    let (a, m) = (account().public_key(), module().public_key());
    for (policy, bound) in [
        (both().bind_module(m, a), Bound::Key),
        (both().bind_name("counter", a), Bound::Name("counter".into())),
        (both().bind_name("count*", a), Bound::Name("counter".into())),
        (both().bind_tag("demo", a), Bound::Tag("demo".into())),
    ] {
        let policy = policy.unwrap();
        assert_eq!(policy.check(&by(&account()), NOW), Ok(()));
        assert_bound(&policy, &by(&other()), bound, a);
    }
    let elsewhere = both().bind_name("counters", a).and_then(|policy| policy.bind_tag("Demo", a)).unwrap();
    assert_eq!(elsewhere.check(&by(&other()), NOW), Ok(()));
}

#[test]
fn a_second_name_is_bound_like_the_first() {
    let policy = both().bind_name("ledger", account().public_key()).unwrap();
    let posing = signed_by(&common::claims().call_alias("ledger"), &other(), None);
    assert_bound(&policy, &posing, Bound::Name("ledger".into()), account().public_key());
}

#[test]
fn any_owner_of_a_thing_will_do_and_every_binding_counts() {
    let (a, b, m) = (account().public_key(), other().public_key(), module().public_key());
    let shared = both().bind_module(m, a).and_then(|policy| policy.bind_module(m, b)).unwrap();
    assert_eq!((shared.check(&by(&account()), NOW), shared.check(&by(&other()), NOW)), (Ok(()), Ok(())));
    let torn = both().bind_module(m, a).and_then(|policy| policy.bind_tag("demo", b)).unwrap();
    assert_bound(&torn, &by(&account()), Bound::Tag("demo".into()), b);
    assert_bound(&torn, &by(&other()), Bound::Key, a);
}

#[test]
fn an_operator_owns_for_the_accounts_that_it_vouches_for() {
    let (o, m) = (operator().public_key(), module().public_key());
    let policy = both().operator(o).bind_module(m, o).unwrap();
    let vouched = signed_by(&common::claims(), &account(), Some(&operator()));
    assert_eq!(policy.check(&vouched, NOW), Ok(()));
    // Trusted by its key, or through another operator: neither is the owner's word.
    assert_bound(&policy, &by(&account()), Bound::Key, o);
    let elsewhere = signed_by(&common::claims(), &other(), Some(&house()));
    assert_bound(&policy.clone().operator(house().public_key()), &elsewhere, Bound::Key, o);
    assert!(policy.revoke_key(o).check(&vouched, NOW).is_err());
}

#[test]
fn an_actor_is_taken_over_by_its_own_account_and_no_other() {
    let (a, b) = (by(&account()), by(&other()));
    assert_eq!(both().may_take_over(&a, &a, NOW), Ok(Takeover::SameIssuer));
    let error = both().may_take_over(&a, &b, NOW).unwrap_err();
    let (owner, issuer) = (a.issuer(), b.issuer());
    let expected = OwnershipError::NotTheOwner { subject: label(), owner, issuer };
    assert_eq!(error, ClaimsError::Ownership(expected));
    let text = error.to_string();
    assert!(text.contains(&owner.to_string()) && text.contains(&issuer.to_string()), "{text}");
    // What does not hold takes over nothing, and what ran before need not hold.
    let revoked = both().revoke_key(b.issuer());
    assert!(matches!(revoked.may_take_over(&a, &b, NOW), Err(ClaimsError::KeyRevoked { .. })));
    let revoked = both().revoke_key(a.issuer());
    assert!(matches!(revoked.may_take_over(&a, &b, NOW), Err(ClaimsError::Ownership(_))));
}

#[test]
fn the_policy_names_who_may_take_an_actor_over() {
    let (a, b) = (by(&account()), by(&other()));
    let named = both().bind_module(a.subject(), b.issuer()).unwrap();
    assert_eq!(named.may_take_over(&a, &b, NOW), Ok(Takeover::Named));
    // Names and tags are what whoever signs writes, so they name nobody.
    let by_name = both().bind_name("counter", b.issuer()).unwrap();
    assert!(matches!(by_name.may_take_over(&a, &b, NOW), Err(ClaimsError::Ownership(_))));
}

#[test]
fn accounts_of_one_operator_share_their_actors_where_the_policy_says_so() {
    let vouched = |key: &KeyPair, operator: &KeyPair| signed_by(&common::claims(), key, Some(operator));
    let (a, b) = (vouched(&account(), &operator()), vouched(&other(), &operator()));
    let trusting = TrustPolicy::nobody().operator(operator().public_key()).operator(house().public_key());
    assert!(matches!(trusting.may_take_over(&a, &b, NOW), Err(ClaimsError::Ownership(_))));
    let sharing = trusting.share_actors(operator().public_key()).unwrap();
    let shared = Takeover::SharedOperator(operator().public_key());
    assert_eq!(sharing.may_take_over(&a, &b, NOW), Ok(shared));
    let elsewhere = vouched(&other(), &house());
    assert!(matches!(sharing.may_take_over(&a, &elsewhere, NOW), Err(ClaimsError::Ownership(_))));
    assert!(matches!(sharing.may_take_over(&elsewhere, &a, NOW), Err(ClaimsError::Ownership(_))));
}

#[test]
fn owners_are_read_from_toml() {
    let (a, o, m) = (account().public_key(), operator().public_key(), module().public_key());
    let toml = format!(
        "accounts = [\"{a}\"]\nshared_actors = [\"{o}\"]\n\
         [owners.{a}]\nmodules = [\"{m}\"]\nnames = [\"c*\"]\ntags = [\"demo\"]\n[owners.{o}]\ntags = [\"x\"]\n"
    );
    let built = TrustPolicy::nobody()
        .account(a)
        .bind_module(m, a)
        .and_then(|policy| policy.bind_name("c*", a))
        .and_then(|policy| policy.bind_tag("demo", a))
        .and_then(|policy| policy.bind_tag("x", o))
        .and_then(|policy| policy.share_actors(o))
        .unwrap();
    assert_eq!(format!("{:?}", TrustPolicy::from_toml(&toml).unwrap()), format!("{built:?}"));
    for (wrong, says) in [
        (format!("[owners.{m}]\n"), "`owners`"),
        (format!("[owners.{a}]\nmodules = [\"{a}\"]\n"), "`owners.modules`"),
        (format!("[owners.{a}]\nnames = [\"a\", \"*b*\"]\n"), "entry 2 of the list"),
        (format!("shared_actors = [\"{a}\"]\n"), "`shared_actors`"),
    ] {
        let error = TrustPolicy::from_toml(&wrong).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
