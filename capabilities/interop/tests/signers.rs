//! Keys, and the tokens of operators and accounts, exchanged with `wascap` 0.16 and both generations of `nkeys`.

use capability_claims::{
    AccountBuilder, AccountClaims, Chain, ClaimsBuilder, KeyKind, OperatorBuilder, OperatorClaims,
    TrustPolicy, sign_module,
};
use claims_interop::{ACCOUNT, MODULE, OPERATOR, PLAIN, dates, module, now, pair};
use nkeys::KeyPair;
use wascap::{
    jwt::{Account, Claims, Component, Operator, validate_token},
    wasm,
};

fn key(seed: &str) -> KeyPair {
    KeyPair::from_seed(seed).unwrap()
}

fn their_operator((not_before, expires): (Option<u64>, Option<u64>)) -> String {
    let me = key(OPERATOR).public_key();
    let claims =
        Claims::<Operator>::with_dates("the house".into(), me.clone(), me, not_before, expires, vec![]);
    claims.encode(&key(OPERATOR)).unwrap()
}

fn their_account((not_before, expires): (Option<u64>, Option<u64>), signers: Vec<String>) -> String {
    let (issuer, subject) = (key(OPERATOR).public_key(), key(ACCOUNT).public_key());
    let claims =
        Claims::<Account>::with_dates("team red".into(), issuer, subject, not_before, expires, signers);
    claims.encode(&key(OPERATOR)).unwrap()
}

#[test]
fn tokens_of_operators_and_accounts_by_wascap_read_here() {
    for dates in dates() {
        let operator = their_operator(dates);
        let claims = OperatorClaims::verify(&operator).unwrap();
        assert_eq!((claims.operator(), claims.name()), (pair(OPERATOR).public_key(), Some("the house")));
        assert_eq!((claims.not_before(), claims.expires()), dates);
        let account = their_account(dates, vec![key(MODULE).public_key()]);
        let claims = AccountClaims::verify(&account).unwrap();
        assert_eq!(
            (claims.account(), claims.operator()),
            (pair(ACCOUNT).public_key(), pair(OPERATOR).public_key())
        );
        assert_eq!(
            (claims.name(), claims.not_before(), claims.expires()),
            (Some("team red"), dates.0, dates.1)
        );
        assert!(Chain::new([operator.as_str(), &account]).is_ok());
    }
}

/// The claims are written as `wascap` writes them, byte for byte, and the signature is the one that it makes.
#[test]
fn tokens_of_operators_and_accounts_by_us_read_there() {
    for (not_before, expires) in dates() {
        let mut root = OperatorBuilder::new().name("the house");
        let mut team = AccountBuilder::new(pair(ACCOUNT).public_key()).name("team red");
        if let Some(second) = not_before {
            (root, team) = (root.not_before(second), team.not_before(second));
        }
        if let Some(second) = expires {
            (root, team) = (root.expires_at(second), team.expires_at(second));
        }
        let (root, team) = (root.issue(&pair(OPERATOR)).unwrap(), team.issue(&pair(OPERATOR)).unwrap());
        let (operator, account) =
            (Claims::<Operator>::decode(&root).unwrap(), Claims::<Account>::decode(&team).unwrap());
        assert_eq!(operator.encode(&key(OPERATOR)).unwrap(), root);
        assert_eq!(account.encode(&key(OPERATOR)).unwrap(), team);
        for validation in [validate_token::<Operator>(&root), validate_token::<Account>(&team)] {
            let validation = validation.unwrap();
            assert!(validation.signature_valid && !validation.expired && !validation.cannot_use_yet);
        }
    }
}

/// A chain of `wascap`'s tokens, in a module that `wascap` signed: whoever trusts the operator needs nothing else.
#[test]
fn a_chain_by_wascap_is_established_here() {
    let (root, team) = (their_operator((None, None)), their_account((None, None), vec![]));
    let carrying = Chain::new([root.as_str(), &team]).unwrap().embed(&module(PLAIN)).unwrap();
    let (issuer, subject) = (key(ACCOUNT).public_key(), key(MODULE).public_key());
    let claims = Claims::<Component>::new("counter".into(), issuer, subject, None, false, None, None, None);
    let signed = wasm::embed_claims(&carrying, &claims, &key(ACCOUNT)).unwrap();
    let policy = TrustPolicy::nobody().operator(pair(OPERATOR).public_key());
    let verified = policy.verify(signed.into(), now()).unwrap();
    let names: Vec<_> = verified.provenance().links().iter().map(|link| link.name().unwrap()).collect();
    assert_eq!(names, ["the house", "team red", "counter"]);
}

#[test]
fn a_module_that_carries_a_chain_reads_there() {
    let team = AccountBuilder::new(pair(ACCOUNT).public_key()).issue(&pair(OPERATOR)).unwrap();
    let carrying = Chain::new([team.as_str()]).unwrap().embed(&module(PLAIN)).unwrap();
    let claims = ClaimsBuilder::new(pair(MODULE).public_key()).name("counter");
    let signed = sign_module(&carrying, &claims, &pair(ACCOUNT)).unwrap();
    let token =
        wasm::extract_claims(&signed).unwrap().expect("it finds the token, and the hash covers the chain");
    assert!(validate_token::<Component>(&token.jwt).unwrap().signature_valid);
}

/// For each kind that `nkeys` can sign with: its seed is read here, has the same public key, and signatures hold both ways.
#[test]
fn keys_and_signatures_are_those_of_nkeys() {
    let message = b"hello";
    for (seed, kind) in [
        (KeyPair::new_account(), KeyKind::Account),
        (KeyPair::new_cluster(), KeyKind::Cluster),
        (KeyPair::new_module(), KeyKind::Module),
        (KeyPair::new_server(), KeyKind::Server),
        (KeyPair::new_operator(), KeyKind::Operator),
        (KeyPair::new_user(), KeyKind::User),
        (KeyPair::new_service(), KeyKind::Provider),
    ] {
        let here = pair(&seed.seed().unwrap());
        assert_eq!((here.kind(), here.public_key().to_string()), (kind, seed.public_key()));
        assert_eq!(*here.seed(), seed.seed().unwrap());
        assert!(here.public_key().verifies(message, &seed.sign(message).unwrap()));
        assert!(seed.verify(message, &here.sign(message)).is_ok());
        let old = nkeys_of_2020::KeyPair::from_seed(&here.seed()).unwrap();
        assert_eq!(old.public_key(), seed.public_key());
        assert!(here.public_key().verifies(message, &old.sign(message).unwrap()));
        assert!(old.verify(message, &here.sign(message)).is_ok());
    }
}
