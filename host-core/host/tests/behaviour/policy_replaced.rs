//! Another policy decides while actors run.

use std::{sync::Arc, thread, time::Duration};

use capability_claims::{ClaimsError, Grant, GrantLimit, TrustPolicy};
use capability_provider::{ActorId, CallContext, DispatchError, LinkConfig, LinkName};
use host_core::{Condition, Error, Host};
use parking_lot::Mutex;

use crate::support::{
    LONG, NOW, Recorder, STORE, World, calls_twice, echo, forwarder, holding, host_error, id_of, load,
    module_key, saying, store_link, why_not_called,
};

#[test]
fn the_next_call_obeys_the_new_policy_and_a_wider_one_brings_the_actor_back() {
    let world = World::new();
    let (barred, other) = (world.add(&saying("one")), world.add(&saying("two")));
    assert!(world.host.call(&barred, "op", b"").is_ok());

    let denied = world.trust().deny_actor(barred.as_str().parse().unwrap()).unwrap();
    let report = world.host.replace_policy(denied).unwrap();
    assert_eq!((report.barred.len(), &report.barred[0].id, report.restored.len()), (1, &barred, 0));
    assert!(report.to_string().contains("the policy denies"), "{report}");
    let why = why_not_called(world.host.call(&barred, "op", b""), &barred);
    assert!(matches!(why, ClaimsError::ActorDenied { .. }), "{why}");
    assert_eq!(&world.host.call(&other, "op", b"").unwrap()[..], b"two");

    let health = world.host.health();
    let ill: Vec<_> = health.actors.iter().filter(|actor| actor.condition != Condition::Healthy).collect();
    assert_eq!((ill.len(), &ill[0].id, ill[0].condition), (1, &barred, Condition::Refused));
    assert!(ill[0].detail.as_deref().unwrap().contains("the policy denies"), "{health}");
    let status = world.host.status();
    let shown = |id: &ActorId| status.actors.iter().find(|actor| actor.id == *id).unwrap();
    assert!(shown(&barred).allowed.is_empty() && !shown(&barred).grants.is_empty(), "{status:?}");
    assert_eq!(shown(&other).allowed, [STORE]);

    let report = world.host.replace_policy(world.trust()).unwrap();
    assert_eq!((report.barred.len(), report.restored), (0, vec![barred.clone()]));
    assert_eq!(&world.host.call(&barred, "op", b"").unwrap()[..], b"one");
    assert!(world.host.health().healthy());
    assert_eq!(world.host.status().actors[0].generation, 1, "it was there all the time");
}

/// Why a call is refused once this policy is in place.
#[track_caller]
fn refused_under(tighten: impl FnOnce(&World, TrustPolicy) -> TrustPolicy) -> ClaimsError {
    let (world, key) = (World::new(), module_key());
    let module =
        world.sign(&echo(), &key, |c| c.name("counter").id("token").revision(3).expires_at(NOW + 1000));
    let actor = world.host.add_actor(module).unwrap();
    let policy = tighten(&world, world.trust().revoke_token("another"));
    let report = world.host.replace_policy(policy).unwrap();
    let why = why_not_called(world.host.call(&actor, "op", b""), &actor);
    assert!(report.barred[0].reason.contains(&why.to_string()), "{report}");
    why
}

fn key_of(world: &World) -> capability_claims::PublicKey {
    world.host.status().actors[0].id.as_str().parse().unwrap()
}

#[test]
fn each_way_to_tighten_a_policy_is_its_own_refusal() {
    use ClaimsError as E;
    let why = refused_under(|_, _| TrustPolicy::nobody());
    assert!(matches!(why, E::NotTrusted { .. }), "{why}");
    let why = refused_under(|world, policy| policy.revoke_key(world.account()));
    assert!(matches!(why, E::KeyRevoked { .. }), "{why}");
    let why = refused_under(|_, policy| policy.revoke_token("token"));
    assert!(matches!(why, E::TokenRevoked { .. }), "{why}");
    let why = refused_under(|world, policy| policy.deny_actor(key_of(world)).unwrap());
    assert!(matches!(why, E::ActorDenied { .. }), "{why}");
    let why = refused_under(|_, policy| policy.allow_actor(module_key().public_key()).unwrap());
    assert!(matches!(why, E::ActorNotAllowed { .. }), "{why}");
    let why = refused_under(|world, policy| policy.minimum_revision(key_of(world), 4).unwrap());
    assert!(matches!(why, E::RevisionTooLow { revision: Some(3), minimum: 4, .. }), "{why}");
    let why = refused_under(|_, policy| policy.max_token_life(Duration::from_secs(999)));
    assert!(matches!(why, E::LivesTooLong { life: 1000, limit: 999, .. }), "{why}");
}

#[test]
fn a_token_that_never_expires_is_refused_where_lives_have_a_limit() {
    let world = World::new();
    let actor = world.add(&echo());
    world.host.replace_policy(world.trust().max_token_life(Duration::from_secs(60))).unwrap();
    let why = why_not_called(world.host.call(&actor, "op", b""), &actor);
    assert!(matches!(why, ClaimsError::NeverExpires { .. }), "{why}");
}

/// The world's policy, where the account may grant this only.
fn limited(world: &World, grant: Grant) -> TrustPolicy {
    world.trust().limit(world.account(), GrantLimit::nothing().and(grant)).unwrap()
}

#[test]
fn a_limit_on_what_the_issuer_grants_holds_for_the_next_use_of_a_provider() {
    use ClaimsError as E;
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    let refused = |grant: Grant| {
        world.host.replace_policy(limited(&world, grant)).unwrap();
        let error = world.host.call(&actor, "Forward", b"").unwrap_err();
        let cause = host_error(&error);
        assert!(matches!(cause, Error::BeyondPolicy { actor: who, .. } if *who == actor), "{cause}");
        for named in [actor.as_str(), "\"test\"", &world.account().to_string(), STORE, "if it should"] {
            assert!(cause.to_string().contains(named), "{named}: {cause}");
        }
        cause.refusal().unwrap().clone()
    };
    let why = refused(Grant::of("test:other"));
    assert!(matches!(why, E::CapabilityBeyondLimit { .. }), "{why}");
    let why = refused(Grant::of(STORE).link("second"));
    assert!(matches!(why, E::LinkBeyondLimit { .. }), "{why}");
    let why = refused(Grant::of(STORE).operation("Read"));
    assert!(matches!(why, E::OperationBeyondLimit { .. }), "{why}");
    assert_eq!(world.host.status().actors[0].allowed, [format!("{STORE} (Read)")]);

    world.host.replace_policy(limited(&world, Grant::of(STORE).link("default").operation("Work"))).unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
    assert_eq!(world.host.status().actors[0].allowed, [format!("{STORE} (Work over default)")]);
}

#[test]
fn it_holds_for_calls_between_actors() {
    let world = World::new();
    let (target, key) = (world.add(&echo()), module_key());
    let wat = forwarder(target.as_str(), "", "Work");
    let caller = world.host.add_actor(world.sign(&wat, &key, |c| c.capability(target.as_str()))).unwrap();
    assert!(world.host.call(&caller, "Forward", b"").is_ok());

    world.host.replace_policy(limited(&world, Grant::of(STORE))).unwrap();
    let error = world.host.call(&caller, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::BeyondPolicy { .. }), "{error}");
    assert!(world.host.call(&target, "op", b"").is_ok(), "it is still called from outside");

    world.host.replace_policy(world.trust().deny_actor(target.as_str().parse().unwrap()).unwrap()).unwrap();
    let error = world.host.call(&caller, "Forward", b"").unwrap_err();
    let Error::NoLongerValid { actor, .. } = host_error(&error) else { panic!("{error}") };
    assert_eq!(*actor, target, "the caller hears of the one that was called");
}

#[test]
fn it_holds_for_what_providers_deliver() {
    let (world, provider) = (World::new(), Recorder::delivering("door"));
    let actor = world.add(&echo());
    world.host.add_provider(LinkName::default(), provider.clone()).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let handle = provider.handle_of(&store_link(&actor));
    handle.call(CallContext::new(), "HandleRequest", b"").unwrap();
    for policy in [limited(&world, Grant::of(STORE).operation("Other")), TrustPolicy::nobody()] {
        world.host.replace_policy(policy).unwrap();
        let error = handle.call(CallContext::new(), "HandleRequest", b"").unwrap_err();
        assert!(matches!(&error, DispatchError::Refused { actor: who, .. } if *who == actor), "{error}");
    }
    world.host.replace_policy(limited(&world, Grant::of(STORE).operation("HandleRequest"))).unwrap();
    handle.call(CallContext::new(), "HandleRequest", b"").unwrap();
}

#[test]
fn a_call_in_flight_goes_on_and_its_next_host_call_obeys_the_new_policy() {
    let world = World::new();
    let (provider, is_inside, release) = holding();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    let once = world.add(&forwarder(STORE, "", "Work"));
    let twice = world.add(&calls_twice(STORE, "Work"));
    for actor in [&once, &twice] {
        world.host.link(&store_link(actor), LinkConfig::new()).unwrap();
    }
    let calls = [&once, &twice].map(|actor| world.call_aside(actor));
    (0..2).for_each(|_| is_inside.recv_timeout(LONG).unwrap());
    world.host.replace_policy(TrustPolicy::nobody()).unwrap();
    (0..2).for_each(|_| release.send(()).unwrap());

    let [once_said, twice_said] = calls.map(|call| call.join().unwrap());
    assert_eq!(&once_said.unwrap()[..], b"done", "what it had asked for before was answered");
    let error = twice_said.unwrap_err();
    assert!(matches!(host_error(&error), Error::NoLongerValid { .. }), "{error}");
    why_not_called(world.host.call(&once, "op", b""), &once);
}

#[test]
fn a_version_that_drains_obeys_it_too() {
    let (world, key) = (World::new(), module_key());
    let old = world.sign(&calls_twice(STORE, "Work"), &key, |c| c.id("old").capability(STORE));
    let (actor, call, release) = world.call_and_hold(old);
    world.host.replace_actor(world.sign(&saying("new"), &key, |c| c)).unwrap();
    let report = world.host.replace_policy(world.trust().revoke_token("old")).unwrap();
    assert!(report.barred.is_empty(), "the version that serves is not concerned: {report}");
    release.send(()).unwrap();
    let error = call.join().unwrap().unwrap_err();
    let refusal = host_error(&error).refusal();
    assert!(matches!(refusal, Some(ClaimsError::TokenRevoked { .. })), "{error}");
    assert_eq!(&world.host.call(&actor, "op", b"").unwrap()[..], b"new");
}

#[test]
fn an_actor_that_leaves_obeys_it_until_it_is_gone() {
    let world = World::new();
    let (provider, is_inside, release) = holding();
    let actor = world.add(&calls_twice(STORE, "Work"));
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    world.host.remove_actor(&actor).unwrap();
    assert!(world.host.status().actors.is_empty());
    // The call goes on behind the removal.
    world.host.replace_policy(TrustPolicy::nobody()).unwrap();
    release.send(()).unwrap();
    let error = call.join().unwrap().unwrap_err();
    assert!(matches!(host_error(&error), Error::NoLongerValid { .. }), "{error}");
}

#[test]
fn it_waits_for_no_provider_and_may_come_from_inside_one() {
    let world = World::new();
    let actor = world.add(&echo());
    let host: Arc<Mutex<Option<Host>>> = Arc::default();
    let inside = Arc::clone(&host);
    let provider = Recorder::linking("careful", move |_, _| {
        inside.lock().take().unwrap().replace_policy(TrustPolicy::nobody()).unwrap();
        Ok(())
    });
    *host.lock() = Some(world.host.clone());
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    why_not_called(world.host.call(&actor, "op", b""), &actor);
}

#[test]
fn no_actor_comes_in_beside_a_change_of_policy() {
    for _ in 0..20 {
        let (world, key) = (World::new(), module_key());
        let serving = module_key();
        let actor = world.host.add_actor(world.sign(&saying("old"), &serving, |c| c)).unwrap();
        let (added, swapped) =
            (world.sign(&echo(), &key, |c| c), world.sign(&saying("new"), &serving, |c| c));
        thread::scope(|scope| {
            let adding = scope.spawn(|| world.host.add_actor(added));
            let swapping = scope.spawn(|| world.host.replace_actor(swapped));
            world.host.replace_policy(TrustPolicy::nobody()).unwrap();
            for refused in
                [adding.join().unwrap().err(), swapping.join().unwrap().err()].into_iter().flatten()
            {
                assert!(matches!(refused.refusal(), Some(ClaimsError::NotTrusted { .. })), "{refused}");
            }
        });
        for actor in [&actor, &id_of(&key)] {
            let error = world.host.call(actor, "op", b"").unwrap_err();
            let gone = matches!(&error, Error::UnknownActor { .. });
            assert!(gone || matches!(error, Error::NoLongerValid { .. }), "{error}");
        }
    }
}

#[test]
fn under_load_every_call_is_answered_or_refused_by_the_policy() {
    let world = World::new();
    let actor = world.add(&saying("well"));
    let seen = load(&world, &actor, |some_calls| {
        for _ in 0..20 {
            world.host.replace_policy(TrustPolicy::nobody()).unwrap();
            why_not_called(world.host.call(&actor, "op", b""), &actor);
            some_calls();
            world.host.replace_policy(world.trust()).unwrap();
            assert!(world.host.call(&actor, "op", b"").is_ok());
            some_calls();
        }
    });
    let (answered, refused): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
    assert!(!answered.is_empty() && !refused.is_empty());
    for result in refused {
        why_not_called(result, &actor);
    }
}

#[test]
fn a_policy_from_a_file_decides_as_one_from_code() {
    let world = World::new();
    let actor = world.add_linked(&Recorder::new("one"));
    let account = world.account();
    let text = format!(
        "accounts = [\"{account}\"]\n[[issuers.{account}.grants]]\ncapability = \"{STORE}\"\noperations = [\"Read\"]\n"
    );
    world.host.replace_policy(TrustPolicy::from_toml(&text).unwrap()).unwrap();
    let error = world.host.call(&actor, "Forward", b"").unwrap_err();
    let refusal = host_error(&error).refusal();
    assert!(matches!(refusal, Some(ClaimsError::OperationBeyondLimit { .. })), "{error}");
    world.host.replace_policy(TrustPolicy::from_toml(&text.replace("Read", "Work")).unwrap()).unwrap();
    assert_eq!(&world.host.call(&actor, "Forward", b"x").unwrap()[..], b"one: x");
}

#[test]
fn a_host_that_is_shut_down_takes_no_policy() {
    let world = World::new();
    world.host.shutdown();
    assert!(matches!(world.host.replace_policy(TrustPolicy::nobody()), Err(Error::ShuttingDown)));
}
