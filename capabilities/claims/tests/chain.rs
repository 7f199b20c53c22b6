//! Chains of tokens: carried in the module or given beside it, checked whole, and told link by link.

mod common;

use bytes::Bytes;
use capability_claims::{
    AccountBuilder, Chain, ClaimsError, KeyKind, KeyPair, Label, Link, ModuleHash, OperatorBuilder,
    OperatorClaims, TrustPolicy, extract, sign_module, strip,
};
use common::{HEADER, NOW, account, claims, custom, module, operator, policy, small_module, token};

fn root() -> OperatorBuilder {
    OperatorBuilder::new().name("the house").id("root token").not_before(NOW - 30).expires_at(NOW + 30)
}

fn team() -> AccountBuilder {
    let builder = AccountBuilder::new(account().public_key()).name("team red").id("team token");
    builder.not_before(NOW - 20).expires_at(NOW + 20)
}

fn chain() -> Chain {
    let (root, team) = (root().issue(&operator()).unwrap(), team().issue(&operator()).unwrap());
    Chain::new([root.as_str(), team.as_str()]).unwrap()
}

fn signed_with(chain: &Chain) -> Bytes {
    sign_module(&chain.embed(&small_module()).unwrap(), &claims(), &account()).unwrap().into()
}

fn by_operator() -> TrustPolicy {
    TrustPolicy::nobody().operator(operator().public_key())
}

#[track_caller]
fn broken(tokens: &[&str]) -> (usize, ClaimsError) {
    match Chain::new(tokens.iter().copied()) {
        Err(ClaimsError::BrokenChain { link, source, .. }) => (link, *source),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_inside_is_told_link_by_link() {
    let verified = by_operator().verify(signed_with(&chain()), NOW).unwrap();
    let links = verified.provenance().links();
    let told: Vec<_> = links.iter().map(|link| (link.kind(), link.key(), link.name().unwrap())).collect();
    assert_eq!(
        told,
        [
            (KeyKind::Operator, operator().public_key(), "the house"),
            (KeyKind::Account, account().public_key(), "team red"),
            (KeyKind::Module, module().public_key(), "counter"),
        ]
    );
    let times: Vec<_> =
        links.iter().map(|link| (link.not_before().unwrap(), link.expires().unwrap())).collect();
    assert_eq!(times, [(NOW - 30, NOW + 30), (NOW - 20, NOW + 20), (NOW - 50, NOW + 50)]);
    let issuers: Vec<_> = links.iter().map(|link| link.issuer().unwrap()).collect();
    assert_eq!(issuers, [operator().public_key(), operator().public_key(), account().public_key()]);
    assert_eq!((links[0].token(), links[1].token()), (Some("root token"), Some("team token")));
}

#[test]
fn a_chain_beside_the_module_does_the_same() {
    let (root, team) = (root().issue(&operator()).unwrap(), team().issue(&operator()).unwrap());
    let bare = Bytes::from(common::signed());
    let verified = by_operator().verify_with_chain(bare.clone(), &[&root, &team], NOW).unwrap();
    assert_eq!(verified.provenance().links().len(), 3);
    assert_eq!(verified.claims().chain(), Some(&chain()));

    let verified = by_operator().verify_with_chain(bare.clone(), &[&team], NOW).unwrap();
    let first = &verified.provenance().links()[0];
    assert_eq!((first.key(), first.name(), first.token()), (operator().public_key(), None, None));

    assert!(matches!(by_operator().verify(bare, NOW), Err(ClaimsError::NotTrusted { .. })), "and without it");
}

#[test]
fn an_account_that_is_trusted_itself_needs_no_chain() {
    let verified = policy().verify(common::signed().into(), NOW).unwrap();
    let keys: Vec<_> = verified.provenance().links().iter().map(|link| link.key()).collect();
    assert_eq!(keys, [account().public_key(), module().public_key()]);
    let late = policy().verify(signed_with(&chain()), NOW + 40).unwrap();
    assert_eq!(late.provenance().links().len(), 2, "the operator's word is over and is not needed");
}

/// An account's token that is renewed takes the place of the one in the module, which stays as it is.
#[test]
fn a_chain_beside_replaces_the_one_inside() {
    let signed = signed_with(&chain());
    let later = NOW + 25;
    let error = by_operator().verify(signed.clone(), later).unwrap_err();
    assert!(matches!(error, ClaimsError::AccountExpired { .. }), "{error:?}");
    let renewed = team().expires_at(NOW + 1000).issue(&operator()).unwrap();
    assert!(by_operator().verify_with_chain(signed, &[&renewed], later).is_ok());
}

#[test]
fn every_link_has_its_time_also_while_the_module_runs() {
    let policy = by_operator();
    let verified = policy.verify(signed_with(&chain()), NOW).unwrap();
    let at = |now| policy.check(verified.claims(), now).unwrap_err();
    assert_eq!(policy.check(verified.claims(), NOW + 19), Ok(()));
    assert!(matches!(at(NOW + 20), ClaimsError::AccountExpired { now, .. } if now == NOW + 20));
    let error = at(NOW + 30);
    let operator = operator().public_key();
    let (house, expired_at, now) = (Label::new(Some("the house"), operator), NOW + 30, NOW + 30);
    assert_eq!(error, ClaimsError::OperatorExpired { operator: house, expired_at, now });
    assert!(error.to_string().contains("the house") && error.to_string().contains(&operator.to_string()));
    assert!(matches!(at(NOW - 31), ClaimsError::OperatorNotYetValid { .. }));
    assert!(matches!(at(NOW - 21), ClaimsError::AccountNotYetValid { .. }));
    assert!(matches!(at(NOW + 50), ClaimsError::Expired { .. }));
}

/// Anybody can make an operator's key and a chain from it. That is worth nothing where nobody trusts this key.
#[test]
fn a_chain_trusts_nobody() {
    let stranger = KeyPair::generate(KeyKind::Operator).unwrap();
    let root = OperatorBuilder::new().name("the house").issue(&stranger).unwrap();
    let team = AccountBuilder::new(account().public_key()).issue(&stranger).unwrap();
    let chain = Chain::new([root.as_str(), team.as_str()]).unwrap();
    for policy in [TrustPolicy::nobody(), by_operator()] {
        let error = policy.verify(signed_with(&chain), NOW).unwrap_err();
        assert!(matches!(error, ClaimsError::NotTrusted { .. }), "{error:?}");
    }
}

#[test]
fn the_first_link_that_fails_is_told_with_the_reason() {
    let stranger = KeyPair::generate(KeyKind::Operator).unwrap();
    let (root, team) = (root().issue(&operator()).unwrap(), team().issue(&operator()).unwrap());
    let elsewhere = AccountBuilder::new(account().public_key()).issue(&stranger).unwrap();
    let (expected, actual) = (operator().public_key(), stranger.public_key());
    assert_eq!(broken(&[&root, &elsewhere]), (2, ClaimsError::ChainGap { expected, actual }));

    let json = |issuer: &KeyPair, subject: &KeyPair| {
        let (issuer, subject) = (issuer.public_key(), subject.public_key());
        format!(r#"{{"jti":"x","iat":1,"iss":"{issuer}","sub":"{subject}","wascap":{{"name":"n"}}}}"#)
    };
    let forged_root = token(HEADER, &json(&operator(), &operator()), &stranger);
    assert!(matches!(broken(&[&forged_root, &team]), (1, ClaimsError::Forged { .. })));
    let forged_team = token(HEADER, &json(&operator(), &account()), &stranger);
    assert!(matches!(broken(&[&root, &forged_team]), (2, ClaimsError::Forged { .. })));
    assert!(matches!(broken(&[&forged_team]), (1, ClaimsError::Forged { .. })));
    let by_other = token(HEADER, &json(&stranger, &operator()), &stranger);
    assert!(matches!(broken(&[&by_other, &team]), (1, ClaimsError::NotSelfIssued { .. })));
    assert!(matches!(OperatorClaims::verify(&by_other), Err(ClaimsError::NotSelfIssued { .. })));
    assert!(matches!(broken(&[&team, &root]), (1, ClaimsError::WrongKeyKind { .. })), "in the wrong order");
    assert!(matches!(broken(&["x", &team]), (1, ClaimsError::MalformedToken { .. })));

    let error = Chain::new([root.as_str(), &forged_team]).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("link 2") && text.contains("forged"), "{text}");
    let ClaimsError::BrokenChain { established, .. } = error else { panic!("{error:?}") };
    assert_eq!(*established, [Link::from(&OperatorClaims::verify(&root).unwrap())], "what held is told too");
}

#[test]
fn a_chain_has_one_token_or_two() {
    let (root, team) = (root().issue(&operator()).unwrap(), team().issue(&operator()).unwrap());
    for (tokens, count) in [(vec![], 0), (vec![&*root, &team, &team], 3), (vec!["x"; 9], 9)] {
        assert_eq!(Chain::new(tokens), Err(ClaimsError::ChainLength { count, limit: 2 }));
    }
    let chain = chain();
    assert_eq!(Chain::parse(&format!("\n  {}\r\n\n", chain.text())), Ok(chain));
}

#[test]
fn a_chain_must_lead_to_the_account_that_signed() {
    let other = KeyPair::generate(KeyKind::Account).unwrap();
    let carrying = chain().embed(&small_module()).unwrap();
    let gap = ClaimsError::ChainGap { expected: account().public_key(), actual: other.public_key() };
    let established = [Link::from(chain().operator().unwrap()), Link::from(chain().account())].into();
    let broken = ClaimsError::BrokenChain { link: 3, established, source: Box::new(gap) };
    assert_eq!(sign_module(&carrying, &claims(), &other), Err(broken.clone()));
    let theirs = sign_module(&small_module(), &claims(), &other).unwrap();
    let text = chain().text().to_owned();
    let tokens: Vec<&str> = text.lines().collect();
    assert_eq!(by_operator().verify_with_chain(theirs.into(), &tokens, NOW).unwrap_err(), broken);
}

/// The chain is put in before the module is signed, so the token covers it: none can be added, exchanged or taken out after.
#[test]
fn the_token_covers_the_chain() {
    let signed = signed_with(&chain());
    let seal = custom("jwt", extract(&signed).unwrap().as_bytes());
    let renewed = team().expires_at(NOW + 1000).issue(&operator()).unwrap();
    let exchanged = Chain::new([renewed.as_str()]).unwrap().embed(&small_module()).unwrap();
    for changed in [[&exchanged[..], &seal].concat(), [&small_module()[..], &seal].concat()] {
        let error = by_operator().verify(changed.into(), NOW).unwrap_err();
        assert!(matches!(error, ClaimsError::Altered { .. }), "{error:?}");
    }
}

#[test]
fn embedding_replaces_and_removing_gives_the_module_back() {
    let (once, signed) = (chain().embed(&small_module()).unwrap(), signed_with(&chain()));
    assert_eq!(chain().embed(&signed).unwrap(), once, "in place of the chain and the token");
    assert_eq!(strip(&signed).unwrap(), once);
    assert_eq!(Chain::carried_by(&signed), Ok(Some(chain())));
    assert_eq!(Chain::remove_from(&signed).unwrap(), small_module());
    assert_eq!(Chain::carried_by(&small_module()), Ok(None));
    assert_ne!(ModuleHash::of(&once), ModuleHash::of(&small_module()));
}

#[test]
fn one_chain_in_its_place_is_all_that_a_module_may_carry() {
    let section = custom("wascc_chain", chain().text().as_bytes());
    let twice = [small_module(), section.clone(), section.clone()].concat();
    assert_eq!(Chain::carried_by(&twice), Err(ClaimsError::MultipleChains { count: 2 }));
    assert_eq!(sign_module(&twice, &claims(), &account()), Err(ClaimsError::MultipleChains { count: 2 }));
    let moved = [&common::wasm(&[section])[..], &small_module()[8..]].concat();
    assert_eq!(Chain::carried_by(&moved), Err(ClaimsError::MisplacedChain { offset: 8 }));
    assert_eq!(chain().embed(&moved).unwrap(), chain().embed(&small_module()).unwrap());
    let not_text = [small_module(), custom("wascc_chain", &[0xff])].concat();
    assert!(matches!(Chain::carried_by(&not_text), Err(ClaimsError::MalformedToken { .. })));
    let huge = [small_module(), custom("wascc_chain", &vec![b'x'; 200_000])].concat();
    assert!(matches!(Chain::carried_by(&huge), Err(ClaimsError::TokenTooLarge { size: 200_000, .. })));
}

/// Between chain and end a section would come to lie once the tokens are replaced: no host would accept what was signed.
#[test]
fn what_no_host_would_accept_is_not_signed() {
    let embedded = chain().embed(&small_module()).unwrap();
    let sections = [custom("jwt", b"old"), custom("other", b"body"), custom("jwt", b"older")];
    let stranded = [&embedded[..], &sections.concat()].concat();
    let error = sign_module(&stranded, &claims(), &account()).unwrap_err();
    assert_eq!(error, ClaimsError::MisplacedChain { offset: small_module().len() });

    let tokens_only = [&embedded[..], &sections[0], &sections[2]].concat();
    let signed = sign_module(&tokens_only, &claims(), &account()).unwrap();
    assert!(by_operator().verify(signed.into(), NOW).is_ok());
}

/// A cache of compiled modules goes by the code, which is the same whoever signed it, when, and on whose word.
#[test]
fn the_code_is_what_was_there_before_chain_and_token() {
    let with_chain = by_operator().verify(signed_with(&chain()), NOW).unwrap();
    assert_eq!(with_chain.code()[..], small_module()[..]);
    let other = KeyPair::generate(KeyKind::Account).unwrap();
    let again = sign_module(&small_module(), &claims().name("other").id("other"), &other).unwrap();
    let by_other = TrustPolicy::nobody().account(other.public_key()).verify(again.into(), NOW).unwrap();
    assert_eq!(by_other.code(), with_chain.code());
    assert_ne!(by_other.wasm(), with_chain.wasm());
}

#[test]
fn operators_issue_their_own_tokens_only() {
    let token = root().issue(&operator()).unwrap();
    let claims = OperatorClaims::verify(&token).unwrap();
    assert_eq!((claims.operator(), claims.name()), (operator().public_key(), Some("the house")));
    assert_eq!((claims.not_before(), claims.expires()), (Some(NOW - 30), Some(NOW + 30)));
    let error = root().issue(&account()).unwrap_err();
    assert!(matches!(error, ClaimsError::WrongKeyKind { expected: KeyKind::Operator, .. }));
    assert!(matches!(root().expires_at(1).issue(&operator()), Err(ClaimsError::NeverValid { .. })));
}
