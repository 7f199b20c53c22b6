//! What cannot be recorded does not happen, unless the log's owner wants the host to go on.

use std::{fs, sync::Arc};

use capability_claims::TrustPolicy;
use capability_provider::{LinkConfig, LinkName};
use host_audit::{AuditError, AuditLog, OnFailure};
use host_core::{Error, Host};

use crate::support::{
    Audited, Event, NOW, Recorder, STORE, echo, forwarder, host_error, module_key, store_link, why_not_called,
};

/// That an operation did not happen for want of a record.
#[track_caller]
fn assert_not_recorded<T>(result: Result<T, Error>, named: &str) {
    let Some(Error::NotRecorded { what, source }) = result.err() else { panic!("it happened") };
    assert!(what.contains(named), "{what}");
    assert!(matches!(*source, AuditError::Changed { .. }), "{source}");
}

#[test]
fn what_cannot_be_recorded_does_not_happen() {
    let audited = Audited::new(OnFailure::Refuse);
    let (key, other) = (module_key(), module_key());
    let signed =
        |text: &str| audited.sign(&forwarder(STORE, "", text), &key, |c| c.name("counter").capability(STORE));
    let actor = audited.host.add_actor(signed("One")).unwrap();
    let provider = Recorder::answering("store", |call| Ok(call.operation.to_owned().into()));
    audited.host.add_provider(LinkName::default(), Arc::clone(&provider) as _).unwrap();
    audited.host.link(&store_link(&actor), LinkConfig::new()).unwrap();

    audited.break_it();
    assert_not_recorded(
        audited.host.add_actor(audited.sign(&echo(), &other, |c| c.name("other"))),
        "\"other\" (M",
    );
    assert_not_recorded(audited.host.replace_actor(signed("Two")), "\"counter\" (M");
    let second = LinkName::new("second").unwrap();
    assert_not_recorded(audited.host.add_provider(second, Recorder::new("second")), "second");
    assert_not_recorded(audited.host.replace_provider(LinkName::default(), Recorder::new("other")), STORE);
    let error = audited.host.call(&actor, "Forward", b"").unwrap_err();
    let cause = host_error(&error);
    assert!(matches!(cause, Error::NotRecorded { what, .. } if what.contains(STORE)), "{cause}");
    let Some(source) = std::error::Error::source(cause) else { panic!("{cause}") };
    assert!(source.to_string().contains("audit.log"), "it names the file to the owner: {source}");
    assert!(!error.to_string().contains("audit.log"), "and not to the guest: {error}");

    let status = audited.host.status();
    assert_eq!((status.actors.len(), status.actors[0].generation), (1, 1), "nothing changed");
    assert!(provider.events().iter().all(|event| matches!(event, Event::Link(..))), "nobody left");
    assert_eq!(audited.host.call(&actor, "echo", b"well").unwrap(), "well", "calls need no record");
    let health = audited.host.health();
    assert!(!health.healthy());
    let log = health.audit.as_ref().unwrap();
    assert!(log.lost > 0 && log.failure.as_deref().unwrap().contains("audit.log"), "{health}");
    assert!(health.to_string().contains("the audit log lacks"), "{health}");

    audited.mend_it();
    assert_eq!(audited.host.call(&actor, "Forward", b"").unwrap(), "One");
    assert!(audited.host.health().healthy());
    audited.host.replace_actor(signed("Two")).unwrap();
    assert_eq!(audited.host.call(&actor, "Forward", b"").unwrap(), "Two");
    assert!(!audited.of("records_lost").is_empty(), "the log says that some are missing");
}

#[test]
fn a_host_that_is_to_go_on_goes_on_and_says_so() {
    let audited = Audited::new(OnFailure::Continue);
    audited.break_it();
    let actor = audited.add_linked(&Recorder::new("one"));
    assert_eq!(audited.host.call(&actor, "Forward", b"x").unwrap(), "one: x");
    audited.host.replace_policy(audited.trust().revoke_token("another")).unwrap();
    let health = audited.host.health();
    assert!(!health.healthy(), "{health}");
    let log = health.audit.unwrap();
    assert_eq!((log.lost, log.failure.is_some()), (5, true), "a provider, a link, a use, a policy and more");
    audited.host.remove_actor(&actor).unwrap();
    audited.mend_it();
    audited.add(&echo());
    assert_eq!(audited.host.health().audit.unwrap().lost, 0);
    assert_eq!(audited.of("records_lost")[0]["count"], 7);
}

#[test]
fn a_return_that_cannot_be_recorded_waits_for_the_log() {
    let audited = Audited::new(OnFailure::Refuse);
    let actor =
        audited.host.add_actor(audited.sign(&echo(), &module_key(), |c| c.expires_at(NOW + 60))).unwrap();
    audited.clock.set(NOW + 61);
    why_not_called(audited.host.call(&actor, "op", b""), &actor);
    audited.clock.set(NOW);
    audited.break_it();
    assert_not_recorded(audited.host.call(&actor, "op", b""), actor.as_str());
    audited.mend_it();
    assert!(audited.host.call(&actor, "op", b"").is_ok());
    assert_eq!(audited.of("actor_restored").len(), 1);
}

#[test]
fn a_host_that_cannot_begin_its_log_is_not_built() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.log");
    let [refusing, continuing] = [OnFailure::Refuse, OnFailure::Continue].map(|on_failure| {
        let log = AuditLog::open(&path, on_failure).unwrap();
        fs::write(&path, b"x").unwrap();
        let built = Host::builder().trust(TrustPolicy::nobody()).audit(log).build();
        fs::write(&path, b"").unwrap();
        built
    });
    assert_not_recorded(refusing, "start");
    assert!(!continuing.unwrap().health().healthy());
}
