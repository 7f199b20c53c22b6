//! A token's time goes on while its actor runs.

use capability_claims::{ClaimsError, KeyKind, KeyPair, TrustPolicy};
use capability_provider::{CallContext, DispatchError, LinkConfig, LinkName};
use host_core::{Condition, Error, Host};

use crate::support::{
    NOW, Recorder, STORE, Vouched, World, calls_twice, echo, forwarder, host_error, id_of, module_key,
    store_link, why_not_called,
};

#[track_caller]
fn assert_expired(error: &Error) {
    assert!(matches!(error, Error::NoLongerValid { .. }), "{error}");
    assert!(matches!(error.refusal(), Some(ClaimsError::Expired { .. })), "{error}");
}

#[test]
fn an_actor_that_expires_is_not_called_any_more() {
    let (world, key) = (World::new(), module_key());
    let actor = world.host.add_actor(world.sign(&echo(), &key, |c| c.expires_at(NOW + 60))).unwrap();
    world.clock.set(NOW + 59);
    assert!(world.host.call(&actor, "op", b"").is_ok(), "it is good up to the second of `exp`");
    world.clock.set(NOW + 60);
    assert_expired(&world.host.call(&actor, "op", b"").unwrap_err());

    let health = world.host.health();
    assert!(!health.healthy());
    assert_eq!(health.actors[0].condition, Condition::Refused);
    assert!(health.to_string().contains("expired"), "{health}");

    world.host.replace_actor(world.sign(&echo(), &key, |c| c.expires_at(NOW + 120))).unwrap();
    assert!(world.host.call(&actor, "op", b"").is_ok(), "a new token brings it back");
}

#[test]
fn it_is_not_called_by_another_actor_nor_by_a_provider() {
    let (world, key) = (World::new(), module_key());
    let provider = Recorder::delivering("door");
    let module = world.sign(&echo(), &key, |c| c.expires_at(NOW + 60).capability(STORE));
    let actor = world.host.add_actor(module).unwrap();
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let caller = module_key();
    let calls = world.sign(&forwarder(actor.as_str(), "", "Work"), &caller, |c| c.capability(actor.as_str()));
    let caller = world.host.add_actor(calls).unwrap();
    let handle = provider.handle_of(&store_link(&actor));
    assert!(
        world.host.call(&caller, "Forward", b"").is_ok()
            && handle.call(CallContext::new(), "op", b"").is_ok()
    );

    world.clock.advance(61);
    assert_expired(host_error(&world.host.call(&caller, "Forward", b"").unwrap_err()));
    let refused = handle.call(CallContext::new(), "op", b"").unwrap_err();
    assert!(
        matches!(&refused, DispatchError::Refused { reason, .. } if reason.contains("expired")),
        "{refused}"
    );
}

#[test]
fn a_call_in_flight_finishes() {
    let (world, key) = (World::new(), module_key());
    let module =
        world.sign(&forwarder(STORE, "", "Work"), &key, |c| c.capability(STORE).expires_at(NOW + 60));
    let (actor, call, release) = world.call_and_hold(module);
    world.clock.advance(61);
    release.send(()).unwrap();
    assert_eq!(&call.join().unwrap().unwrap()[..], b"done");
    assert_expired(&world.host.call(&actor, "op", b"").unwrap_err());
}

#[test]
fn a_call_in_flight_asks_for_nothing_more_after_the_end() {
    let (world, key) = (World::new(), module_key());
    let module = world.sign(&calls_twice(STORE, "Work"), &key, |c| c.capability(STORE).expires_at(NOW + 60));
    let (_, call, release) = world.call_and_hold(module);
    world.clock.advance(61);
    release.send(()).unwrap();
    assert_expired(host_error(&call.join().unwrap().unwrap_err()));
}

#[test]
fn an_account_whose_token_expires_takes_its_actors_with_it() {
    let (vouched, key) = (Vouched::new(), module_key());
    let account = vouched.account.public_key();
    let word = |until| vouched.tokens(account, |account| account.expires_at(until));
    let module = vouched.sign(&echo(), Some(&word(NOW + 60)), &key, |c| c);
    let actor = vouched.host.add_actor(module).unwrap();
    vouched.clock.set(NOW + 59);
    assert!(vouched.host.call(&actor, "op", b"").is_ok());
    vouched.clock.set(NOW + 60);
    let why = why_not_called(vouched.host.call(&actor, "op", b""), &actor);
    assert!(
        matches!(&why, ClaimsError::AccountExpired { account: whose, .. } if whose.key() == account),
        "{why}"
    );
    assert!(vouched.host.health().to_string().contains("expired"));

    let [_, renewed] = word(NOW + 1000);
    vouched.host.replace_policy(vouched.trust().account_token(&renewed).unwrap()).unwrap();
    assert!(vouched.host.call(&actor, "op", b"").is_ok(), "the operator's new word brings it back");
    vouched.clock.set(NOW + 1001);
    why_not_called(vouched.host.call(&actor, "op", b""), &actor);
}

#[test]
fn a_token_that_is_in_time_again_holds_again() {
    let (world, key) = (World::new(), module_key());
    let actor = world.host.add_actor(world.sign(&echo(), &key, |c| c.expires_at(NOW + 60))).unwrap();
    world.clock.set(NOW + 61);
    // The policy comes while the token does not hold.
    assert!(world.host.replace_policy(world.trust()).unwrap().restored.is_empty());
    assert_expired(&world.host.call(&actor, "op", b"").unwrap_err());
    world.clock.set(NOW);
    assert!(world.host.call(&actor, "op", b"").is_ok());
}

#[test]
fn without_a_clock_the_systems_is_used() {
    let account = KeyPair::generate(KeyKind::Account).unwrap();
    let host = Host::builder().trust(TrustPolicy::nobody().account(account.public_key())).build().unwrap();
    let key = module_key();
    let long_gone = crate::support::sign_by(&account, &echo(), &key, |c| c.expires_at(1_000_000_000));
    let error = host.add_actor(long_gone).unwrap_err();
    assert!(matches!(error.refusal(), Some(ClaimsError::Expired { .. })), "{error}");
    let good = crate::support::sign_by(&account, &echo(), &key, |c| c.not_before(1_000_000_000));
    assert_eq!(host.add_actor(good).unwrap(), id_of(&key));
}
