//! What takes rights away holds at once and always, also when the audit log cannot be written and for whoever is on his way in or out.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use capability_claims::{ClaimsError, KeyKind, KeyPair, TrustPolicy};
use capability_provider::{ActorId, LinkConfig, LinkName};
use crossbeam_channel::bounded;
use host_audit::OnFailure;
use host_core::{Error, Host};
use parking_lot::Mutex;

use crate::support::{
    Audited, LONG, NOW, Recorder, STORE, World, echo, forwarder, host_error, id_of, module_key, sign_by,
    starting, store_link, why_not_called,
};

/// That the policy did what it takes away and waits for the log with the rest.
#[track_caller]
fn assert_waits(host: &Host, policy: TrustPolicy) -> host_core::PolicyReport {
    match host.replace_policy(policy) {
        Err(Error::PolicyWaits { report, .. }) => *report,
        other => panic!("it does not wait: {other:?}"),
    }
}

#[test]
fn a_revocation_holds_although_it_cannot_be_recorded_and_is_told() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add_linked(&Recorder::new("one"));
    audited.host.call(&actor, "Forward", b"").unwrap();
    audited.break_it();
    let report = assert_waits(&audited.host, audited.trust().revoke_key(audited.account()));
    assert_eq!((report.barred.len(), &report.barred[0].id), (1, &actor));
    let why = why_not_called(audited.host.call(&actor, "Forward", b""), &actor);
    assert!(matches!(why, ClaimsError::KeyRevoked { .. }), "{why}");
    let refused = audited.host.add_actor(audited.sign(&echo(), &module_key(), |c| c)).unwrap_err();
    assert!(matches!(refused.refusal(), Some(ClaimsError::KeyRevoked { .. })), "{refused}");

    let (health, status) = (audited.host.health(), audited.host.status());
    for told in [health.audit.as_ref().unwrap(), status.audit.as_ref().unwrap()] {
        assert!(told.lost > 0 && told.failure.is_some() && told.waiting_policies == 1, "{told:?}");
    }
    assert!(health.to_string().contains("what they take away holds"), "{health}");
    assert!(status.to_string().contains("the audit log lacks"), "{status}");
}

#[test]
fn what_a_policy_allows_waits_for_the_log_and_then_holds_without_being_given_again() {
    let audited = Audited::new(OnFailure::Refuse);
    let other = KeyPair::generate(KeyKind::Account).unwrap();
    let theirs = || sign_by(&other, &echo(), &module_key(), |c| c);
    let actor = audited.add(&echo());
    audited.break_it();
    // It takes the account away, and trusts another.
    assert_waits(&audited.host, TrustPolicy::nobody().account(other.public_key()));
    why_not_called(audited.host.call(&actor, "op", b""), &actor);
    let refused = audited.host.add_actor(theirs()).unwrap_err();
    assert!(matches!(refused.refusal(), Some(ClaimsError::NotTrusted { .. })), "{refused}");
    // Neither does a third one bring back what the second took.
    assert_waits(&audited.host, audited.trust().account(other.public_key()));
    why_not_called(audited.host.call(&actor, "op", b""), &actor);

    audited.mend_it();
    let began = Instant::now();
    while audited.host.status().audit.unwrap().waiting_policies > 0 {
        assert!(began.elapsed() < LONG, "it is never recorded");
        thread::yield_now();
    }
    audited.host.add_actor(theirs()).unwrap();
    audited.host.call(&actor, "op", b"").unwrap();
    let replaced = audited.of("policy_replaced");
    assert_eq!(replaced.len(), 3, "each has its record: {replaced:?}");
    assert!(audited.host.health().healthy());
}

/// Whoever reads a policy again every minute while the log cannot be written neither lengthens decisions nor counts a record twice.
#[test]
fn a_policy_that_is_given_again_while_it_waits_is_not_another() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add(&echo());
    audited.break_it();
    let revoked = || audited.trust().revoke_key(audited.account());
    for _ in 0..100 {
        assert_waits(&audited.host, revoked());
    }
    why_not_called(audited.host.call(&actor, "op", b""), &actor);
    let told = audited.host.status().audit.unwrap();
    // The policy's record, and that the actor may not be called.
    assert_eq!((told.waiting_policies, told.lost), (1, 2), "{told:?}");
    assert_waits(&audited.host, audited.trust());
    assert_waits(&audited.host, revoked());
    assert_eq!(audited.host.status().audit.unwrap().waiting_policies, 3, "these are others");

    audited.mend_it();
    let began = Instant::now();
    while audited.host.status().audit.unwrap().waiting_policies > 0 {
        assert!(began.elapsed() < LONG, "it is never recorded");
        thread::yield_now();
    }
    assert_eq!(audited.of("policy_replaced").len(), 4);
    why_not_called(audited.host.call(&actor, "op", b""), &actor);
}

/// Nor does whoever gives others in turns, or others without end. The last one holds, and what no record was ever tried of is left out.
#[test]
fn policies_that_wait_for_the_log_are_bounded_and_the_last_one_holds() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor = audited.add(&echo());
    audited.break_it();
    let skewed = |seconds| audited.trust().clock_skew(Duration::from_secs(seconds));
    let waiting = || audited.host.status().audit.unwrap().waiting_policies;
    for turn in 0..100 {
        assert_waits(&audited.host, skewed(turn % 2));
    }
    assert!(waiting() <= 3, "{} of two policies wait", waiting());
    for turn in 0..100 {
        assert_waits(&audited.host, skewed(turn));
    }
    assert!(waiting() <= 16, "{} wait", waiting());
    assert_waits(&audited.host, audited.trust().revoke_key(audited.account()));
    why_not_called(audited.host.call(&actor, "op", b""), &actor);

    audited.mend_it();
    let began = Instant::now();
    while waiting() > 0 {
        assert!(began.elapsed() < LONG, "they are never recorded");
        thread::yield_now();
    }
    why_not_called(audited.host.call(&actor, "op", b""), &actor);
}

#[test]
fn removing_and_unlinking_happen_although_they_cannot_be_recorded() {
    let audited = Audited::new(OnFailure::Refuse);
    let provider = Recorder::new("one");
    let actor = audited.add_linked(&provider);
    audited.host.call(&actor, "Forward", b"").unwrap();
    audited.break_it();
    audited.host.unlink(&store_link(&actor)).unwrap();
    let error = audited.host.call(&actor, "Forward", b"").unwrap_err();
    assert!(matches!(host_error(&error), Error::NotLinked { .. }), "{error}");
    audited.host.remove_provider(&crate::support::store(), &LinkName::default()).unwrap();
    audited.host.remove_actor(&actor).unwrap();
    assert!(matches!(audited.host.call(&actor, "op", b""), Err(Error::UnknownActor { .. })));
    assert!(audited.host.status().actors.is_empty());
    assert!(audited.host.health().audit.unwrap().lost >= 4, "{}", audited.host.health());
}

#[test]
fn the_log_tells_what_it_lacks_as_soon_as_it_can_although_nothing_else_happens() {
    for on_failure in [OnFailure::Refuse, OnFailure::Continue] {
        let audited = Audited::new(on_failure);
        let [first, second] = [(); 2].map(|()| audited.add(&echo()));
        let before = audited.records().len();
        audited.break_it();
        audited.clock.set(NOW + 10);
        audited.host.remove_actor(&first).unwrap();
        audited.clock.set(NOW + 20);
        audited.host.remove_actor(&second).unwrap();
        assert_eq!(audited.host.status().audit.unwrap().lost, 2);

        audited.clock.set(NOW + 30);
        audited.mend_it();
        let began = Instant::now();
        // A status only looks: it is not what has the log tried again.
        while audited.host.status().audit.unwrap().lost > 0 {
            assert!(began.elapsed() < LONG, "the log never tells it");
            thread::yield_now();
        }
        let told = &audited.records()[before..];
        let of = |name: &str| told.iter().map(|record| record[name].clone()).collect::<Vec<_>>();
        assert_eq!(of("event"), ["records_lost", "log_resumed"], "{told:?}");
        assert_eq!(of("at"), [NOW + 30, NOW + 30]);
        assert_eq!((&told[0]["count"], &told[0]["since"]), (&2.into(), &(NOW + 10).into()));
        assert!(audited.host.health().healthy());
    }
}

#[test]
fn what_cannot_be_recorded_is_not_linked_either() {
    let audited = Audited::new(OnFailure::Refuse);
    let provider = Recorder::new("one");
    let actor = audited.add(&forwarder(STORE, "", "Work"));
    audited.host.add_provider(LinkName::default(), Arc::clone(&provider) as _).unwrap();
    audited.break_it();
    let error = audited.host.link(&store_link(&actor), LinkConfig::new()).unwrap_err();
    assert!(matches!(error, Error::NotRecorded { .. }), "{error}");
    assert!(provider.events().is_empty() && audited.host.status().links.is_empty());
}

/// That a module is refused for the host call that it made while it started: in the variant and in the words.
#[track_caller]
fn assert_calls_while_starting(refused: &Error, who: &ActorId, named: &str, asked: &str) {
    let Error::CallsWhileStarting { actor, name, capability, source } = refused else {
        panic!("refused for something else: {refused:?}")
    };
    assert_eq!((actor, &**name, &**capability), (who, named, asked));
    assert!(matches!(**source, wapc_host::Error::Engine(_)), "{source}");
    let text = refused.to_string();
    for told in [named, who.as_str(), asked, "while it starts", "in the first call that comes in"] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn a_start_that_fails_without_a_host_call_is_no_such_refusal() {
    let world = World::new();
    let trapping = r#"(module (memory (export "memory") 1) (func (export "wapc_init") (unreachable))
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let refused = world.host.add_actor(world.sign(trapping, &module_key(), |c| c)).unwrap_err();
    assert!(matches!(refused, Error::CannotRun { .. }), "{refused:?}");
}

#[test]
fn a_module_that_starts_makes_no_host_call_before_it_is_let_in_and_recorded() {
    let audited = Audited::new(OnFailure::Refuse);
    let provider = Recorder::new("store");
    let target = audited.add(&echo());
    let key = module_key();
    let first =
        audited.host.add_actor(audited.sign(&echo(), &key, |c| c.revision(1).capability(STORE))).unwrap();
    audited.host.add_provider(LinkName::default(), Arc::clone(&provider) as _).unwrap();
    audited.host.link(&store_link(&first), LinkConfig::new()).unwrap();
    let before = audited.records().len();
    // It traps when its host call is refused, with the host's words in the error.
    let refused = audited
        .host
        .replace_actor(
            audited.sign(&starting(STORE, "Set"), &key, |c| c.name("v2").revision(2).capability(STORE)),
        )
        .unwrap_err();
    assert_calls_while_starting(&refused, &first, "v2", STORE);
    let calling = starting(target.as_str(), "Steal");
    let caller = module_key();
    let refused = audited
        .host
        .add_actor(audited.sign(&calling, &caller, |c| c.name("caller").capability(target.as_str())))
        .unwrap_err();
    assert_calls_while_starting(&refused, &id_of(&caller), "caller", target.as_str());
    assert_eq!(provider.calls(), 0, "a module that is not let in used a link");
    let records = &audited.records()[before..];
    let denied: Vec<_> = records.iter().filter(|record| record["event"] == "grant_denied").collect();
    assert_eq!(denied.len(), 2, "{records:?}");
    for record in &denied {
        assert!(record["reason"].as_str().unwrap().contains("while it starts"), "{record}");
    }
    assert!(records.iter().all(|record| record["event"] != "grant_used"), "{records:?}");
    assert_eq!(records[1]["event"], "swap_refused", "{records:?}");
}

#[test]
fn a_policy_that_comes_during_a_use_decides_the_next_one() {
    let world = World::new();
    let host: Arc<Mutex<Option<Host>>> = Arc::default();
    let inside = Arc::clone(&host);
    let provider = Recorder::answering("store", move |_| {
        let host = inside.lock().clone();
        host.unwrap().replace_policy(TrustPolicy::nobody()).unwrap();
        Ok("".into())
    });
    let actor = world.add_linked(&provider);
    *host.lock() = Some(world.host.clone());
    world.host.call(&actor, "Forward", b"").unwrap();
    why_not_called(world.host.call(&actor, "Forward", b""), &actor);
    host.lock().take();
}

#[test]
fn a_call_that_a_removal_left_behind_has_no_rights_when_it_comes_back() {
    let world = World::with(|builder| builder.drain_deadline(Duration::ZERO));
    let target = world.add(&echo());
    let (entered, is_inside) = bounded(1);
    let (release, released) = bounded::<()>(1);
    let provider = Recorder::answering("holding", move |_| {
        entered.send(()).unwrap();
        released.recv_timeout(LONG).unwrap();
        Ok("".into())
    });
    let key = module_key();
    let wat = crate::support::store_then_calls(target.as_str());
    let signed = world.sign(&wat, &key, |c| c.capability(STORE).capability(target.as_str()));
    let actor = world.host.add_actor(signed).unwrap();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    world.host.remove_actor(&actor).unwrap();
    world.settle();
    release.send(()).unwrap();
    let ended = call.join().unwrap();
    assert!(
        matches!(ended, Err(Error::Guest { .. } | Error::Ended { .. })),
        "it called another actor: {ended:?}"
    );
}

#[test]
fn a_key_is_revoked_while_the_host_drains() {
    let (provider, is_inside, release) = crate::support::holding();
    let world = World::new();
    let other = world.add(&echo());
    let actor = world
        .host
        .add_actor(
            world.sign(&crate::support::calls_twice(STORE, "Work"), &module_key(), |c| c.capability(STORE)),
        )
        .unwrap();
    world.host.add_provider(LinkName::default(), provider).unwrap();
    world.host.link(&store_link(&actor), LinkConfig::new()).unwrap();
    let call = world.call_aside(&actor);
    is_inside.recv_timeout(LONG).unwrap();
    let ending = {
        let host = world.host.clone();
        thread::spawn(move || host.shutdown())
    };
    while !matches!(world.host.call(&other, "op", b""), Err(Error::ShuttingDown)) {
        thread::yield_now();
    }
    world.host.replace_policy(TrustPolicy::nobody()).unwrap();
    release.send(()).unwrap();
    assert!(call.join().unwrap().is_err(), "its second host call was made under the policy before");
    ending.join().unwrap();
    assert!(matches!(world.host.replace_policy(TrustPolicy::nobody()), Err(Error::ShuttingDown)));
}
