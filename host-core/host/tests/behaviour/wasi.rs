//! Actors on a whole standard library, which asks WASI for the time and random numbers: given unless the owner denies them.

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, TrustPolicy, sign_module};
use capability_provider::ActorId;
use host_core::{AddOptions, Error, Host, HostBuilder};
use wapc_host::GuestClock;

use crate::support::{World, module_key};

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
    // Rust's library cannot tell what it is answered: it traps.
    let error = host.call(&actor, "time", b"").unwrap_err();
    assert!(matches!(&error, Error::Trap { operation, .. } if operation == "time"), "{error}");
    assert_eq!(&host.call(&actor, "echo", b"still here").unwrap()[..], b"still here");
}

#[test]
fn an_owner_denies_random_numbers() {
    let refused = host(HostBuilder::no_guest_random).unwrap_err();
    assert!(matches!(refused, Error::CannotRun { .. }), "{refused}");
}

/// What WASI answers for what there is, and for a function that there is not.
const GIVEN: u8 = 0;
const NOSYS: u8 = 52;

/// Answers with the numbers that WASI answers it with, for the time and for random numbers; with four random bytes at 4, and the time at 8.
const ASKS: &str = r#"(module
    (import "wapc" "__guest_response" (func $response (param i32 i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "__guest_call") (param i32 i32) (result i32)
      (i32.store8 (i32.const 0) (call $time (i32.const 0) (i64.const 1) (i32.const 8)))
      (i32.store8 (i32.const 1) (call $random (i32.const 4) (i32.const 4)))
      (call $response (i32.const 0) (i32.const 16))
      (i32.const 1)))"#;

#[track_caller]
fn answers(world: &World, actor: &ActorId) -> [u8; 2] {
    let reply = world.host.call(actor, "ask", b"").unwrap();
    [reply[0], reply[1]]
}

#[test]
fn what_is_denied_is_a_function_that_is_not_there() {
    type Setting = fn(HostBuilder) -> HostBuilder;
    for (setting, told) in [
        ((|builder| builder) as Setting, [GIVEN, GIVEN]),
        (HostBuilder::no_guest_clock, [NOSYS, GIVEN]),
        (HostBuilder::no_guest_random, [GIVEN, NOSYS]),
    ] {
        let world = World::with(setting);
        assert_eq!(answers(&world, &world.add(ASKS)), told);
    }
}

#[test]
fn what_is_said_for_one_actor_wins_over_the_host_and_holds_over_swaps() {
    type Own = fn(AddOptions) -> AddOptions;
    let given = (World::new(), [GIVEN, GIVEN]);
    let denied = (World::with(|builder| builder.no_guest_clock().no_guest_random()), [NOSYS, NOSYS]);
    for ((world, hosts), own, told) in [
        (&given, (|options| options) as Own, [GIVEN, GIVEN]),
        (&given, AddOptions::no_guest_clock, [NOSYS, GIVEN]),
        (&given, AddOptions::no_guest_random, [GIVEN, NOSYS]),
        (&denied, |options| options, [NOSYS, NOSYS]),
        (&denied, AddOptions::system_guest_clock, [GIVEN, NOSYS]),
        (&denied, AddOptions::system_guest_random, [NOSYS, GIVEN]),
        (&denied, |options| options.guest_clock(Stopped), [GIVEN, NOSYS]),
    ] {
        let key = module_key();
        let version = |revision| world.sign(ASKS, &key, |claims| claims.revision(revision));
        let actor = world.host.add_actor_with(version(1), own(AddOptions::new())).unwrap();
        assert_eq!(answers(world, &actor), told);
        for revision in [2, 3] {
            world.host.replace_actor(version(revision)).unwrap();
            assert_eq!(answers(world, &actor), told, "revision {revision}");
        }
        // It is this actor's, and ends with it.
        assert_eq!(answers(world, &world.add(ASKS)), *hosts);
        world.host.remove_actor(&actor).unwrap();
        assert_eq!(answers(world, &world.host.add_actor(version(3)).unwrap()), *hosts);
    }
}

#[test]
fn one_actor_is_given_time_and_random_numbers_of_its_own() {
    let world = World::with(|builder| builder.no_guest_clock().no_guest_random());
    let sevens = |bytes: &mut [u8]| {
        bytes.fill(7);
        Ok(())
    };
    let options = AddOptions::new().guest_clock(Stopped).guest_random(sevens);
    assert_eq!(options, options.clone());
    assert_ne!(options, options.clone().guest_clock(Stopped), "another clock, though of the same type");
    let module = world.sign(ASKS, &module_key(), |claims| claims);
    let actor = world.host.add_actor_with(module, options).unwrap();
    let reply = world.host.call(&actor, "ask", b"").unwrap();
    assert_eq!((reply[..2].to_vec(), &reply[4..8]), (vec![GIVEN; 2], &[7; 4][..]));
    assert_eq!(reply[8..], Stopped.realtime().to_le_bytes());
}

/// Half past eleven at night on the 13th of February 2009, and a little.
struct Stopped;

impl GuestClock for Stopped {
    fn realtime(&self) -> u64 {
        1_234_567_890_123_456_789
    }

    fn monotonic(&self) -> u64 {
        0
    }
}
