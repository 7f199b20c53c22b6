//! Actors on a whole standard library, which asks WASI for the time and random numbers: given unless the owner denies them.

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
use capability_provider::ActorId;
use host_core::{Error, Host, HostBuilder};
use wapc_host::Clock;

use crate::support::module_key;

/// A guest of Rust's standard library for WASI on the public `wapc-guest`, which keeps its handlers in a `HashMap`.
const MODULE: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guests/sdk/modules/rust-wasi.wasm"));

/// A host with these settings, and the module in it, or why it could not start.
fn host(settings: impl FnOnce(HostBuilder) -> HostBuilder) -> Result<(Host, ActorId), Error> {
    let account = KeyPair::generate(KeyKind::Account).unwrap();
    let trust = TrustPolicy::nobody().account(account.public_key());
    let host = settings(Host::builder().trust(trust)).build().unwrap();
    let signed = sign_module(MODULE, &ClaimsBuilder::new(module_key().public_key()), &account).unwrap();
    let actor = host.add_actor(signed)?;
    Ok((host, actor))
}

/// 64 words in the order of a map that is seeded with random numbers.
fn order((host, actor): &(Host, ActorId)) -> String {
    let words: Vec<_> = (0..64).map(|number| format!("word{number}")).collect();
    let counted = host.call(actor, "count", words.join(" ").as_bytes()).unwrap();
    String::from_utf8(counted.into()).unwrap()
}

#[test]
fn it_runs_without_settings_and_has_no_files_arguments_and_environment() {
    let ours = host(|builder| builder).unwrap();
    let (host, actor) = &ours;
    assert_eq!(order(&ours).split(' ').count(), 64);
    let seconds = String::from_utf8(host.call(actor, "time", b"").unwrap().into()).unwrap();
    assert!(seconds.parse::<u64>().unwrap() > 1_700_000_000, "{seconds}");
    assert_eq!(&host.call(actor, "surroundings", b"").unwrap()[..], b"0 0");
    let error = host.call(actor, "open", b"/etc/passwd").unwrap_err();
    assert!(error.to_string().contains("there is no such file"), "{error}");
}

#[test]
fn an_owner_gives_time_and_random_numbers_of_his_own() {
    let given = |byte: u8| {
        let fill = move |bytes: &mut [u8]| {
            bytes.fill(byte);
            Ok(())
        };
        host(|builder| builder.guest_clock(Stopped).guest_random(fill)).unwrap()
    };
    let (seven, eight) = (given(7), given(8));
    assert_eq!(order(&seven), order(&given(7)));
    assert_ne!(order(&seven), order(&eight));
    let (host, actor) = &seven;
    assert_eq!(&host.call(actor, "time", b"").unwrap()[..], b"1234567890");
    assert_eq!(&host.call(actor, "elapsed", b"").unwrap()[..], b"0");
}

#[test]
fn an_owner_denies_the_time() {
    let (host, actor) = host(HostBuilder::no_guest_clock).unwrap();
    host.call(&actor, "time", b"").unwrap_err();
    assert_eq!(&host.call(&actor, "echo", b"still here").unwrap()[..], b"still here");
}

#[test]
fn an_owner_denies_random_numbers() {
    let refused = host(HostBuilder::no_guest_random).unwrap_err();
    assert!(matches!(refused, Error::CannotRun { .. }), "{refused}");
}

/// Half past eleven at night on the 13th of February 2009, and a little.
struct Stopped;

impl Clock for Stopped {
    fn realtime(&self) -> u64 {
        1_234_567_890_123_456_789
    }

    fn monotonic(&self) -> u64 {
        0
    }
}
