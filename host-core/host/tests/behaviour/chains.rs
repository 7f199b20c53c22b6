//! Actors on an operator's authority: the chain comes beside the module or inside it.

use capability_claims::{ClaimsError, KeyKind};
use host_core::{AddOptions, Error, SwapOptions};

use crate::support::{NOW, Vouched, echo, module_key, saying};

#[test]
fn a_chain_inside_the_module_or_beside_it_lets_it_in() {
    let (vouched, key) = (Vouched::new(), module_key());
    let tokens = vouched.tokens(vouched.account.public_key(), |account| account.expires_at(NOW + 60));
    let bare = vouched.sign(&echo(), None, &key, |c| c);
    let refused = vouched.host.add_actor(bare.clone()).unwrap_err();
    assert!(matches!(refused.refusal(), Some(ClaimsError::NotTrusted { .. })), "{refused}");

    let actor = vouched.host.add_actor_with(bare.clone(), AddOptions::new().chain(&tokens)).unwrap();
    let beside = vouched.host.status().actors[0].provenance.clone();
    vouched.host.remove_actor(&actor).unwrap();
    vouched.host.add_actor(vouched.sign(&echo(), Some(&tokens), &key, |c| c)).unwrap();
    assert_eq!(vouched.host.call(&actor, "op", b"well").unwrap(), "well");

    let inside = &vouched.host.status().actors[0].provenance;
    for provenance in [&beside, inside] {
        let shown: Vec<_> =
            provenance.iter().map(|link| (link.key.kind(), link.name.as_deref(), link.expires)).collect();
        assert_eq!(
            shown,
            [
                (KeyKind::Operator, Some("the house"), None),
                (KeyKind::Account, Some("team red"), Some(NOW + 60)),
                (KeyKind::Module, Some("counter"), None)
            ]
        );
        let tokens: Vec<_> = provenance[..2].iter().map(|link| link.token.as_deref()).collect();
        assert_eq!(tokens, [Some("root"), Some("team")]);
    }
    let json = serde_json::to_value(vouched.host.status()).unwrap();
    assert_eq!(json["actors"][0]["provenance"][0]["key"], vouched.operator.public_key().to_string());
}

#[test]
fn a_swap_takes_a_chain_too_and_it_counts_before_the_one_inside() {
    let (vouched, key) = (Vouched::new(), module_key());
    let account = vouched.account.public_key();
    let word = |until| vouched.tokens(account, |account| account.expires_at(until));
    let module = vouched.sign(&saying("one"), Some(&word(NOW + 60)), &key, |c| c);
    let actor = vouched.host.add_actor(module.clone()).unwrap();
    vouched.clock.set(NOW + 61);
    let refused = vouched.host.replace_actor(module.clone()).unwrap_err();
    assert!(matches!(refused.refusal(), Some(ClaimsError::AccountExpired { .. })), "{refused}");
    let renewed = SwapOptions::new().chain(word(NOW + 120));
    vouched.host.replace_actor_with(module, renewed).unwrap();
    assert_eq!(vouched.host.call(&actor, "op", b"").unwrap(), "one");
    assert_eq!(vouched.host.status().actors[0].provenance[1].expires, Some(NOW + 120));
}

#[test]
fn a_chain_that_does_not_hold_says_at_which_link() {
    let (vouched, key) = (Vouched::new(), module_key());
    let other = capability_claims::KeyPair::generate(KeyKind::Account).unwrap();
    let [root, for_another] = vouched.tokens(other.public_key(), |account| account);
    let [_, team] = vouched.tokens(vouched.account.public_key(), |account| account);
    let mut forged = team.clone();
    forged.replace_range(team.len() - 4.., if team.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let module = vouched.sign(&echo(), None, &key, |c| c);
    let broken = |tokens: &[&String]| {
        let options = AddOptions::new().chain(tokens.iter().copied());
        let refused = vouched.host.add_actor_with(module.clone(), options).unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
        let Some(ClaimsError::BrokenChain { link, source, .. }) = refused.refusal() else {
            panic!("{refused}")
        };
        (*link, (**source).clone())
    };
    let (link, why) = broken(&[&root, &forged]);
    assert!(link == 2 && !matches!(why, ClaimsError::ChainGap { .. }), "{link}: {why}");
    let (link, why) = broken(&[&root, &for_another]);
    assert!(link == 3 && matches!(why, ClaimsError::ChainGap { .. }), "{link}: {why}");
    assert!(vouched.host.status().actors.is_empty());
}

#[test]
fn an_actor_of_a_trusted_account_has_a_short_provenance() {
    let world = crate::support::World::new();
    let actor = world.add(&echo());
    let status = world.host.status();
    let keys: Vec<_> = status.actors[0].provenance.iter().map(|link| link.key.to_string()).collect();
    assert_eq!(keys, [world.account().to_string(), actor.as_str().to_owned()]);
    assert_eq!(status.actors[0].provenance[0].token, None, "it is trusted by its key");
}
