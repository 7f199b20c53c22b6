//! What is not let in, each for its own reason.

use capability_claims::{ClaimsError, KeyKind, KeyPair};
use host_core::{Error, Host};

use crate::support::{NOW, World, echo, id_of, module_key, saying, sign_by, wasm};

#[track_caller]
fn refusal(world: &World, module: Vec<u8>) -> ClaimsError {
    let added = world.host.add_actor(module.clone());
    let replaced = world.host.replace_actor(module);
    assert!(world.host.status().actors.is_empty(), "nothing was let in");
    match (added, replaced) {
        (Err(Error::Refused { source, .. }), Err(Error::Refused { source: on_swap, .. })) => {
            assert_eq!(source, on_swap, "a swap takes the same road");
            *source
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn an_unsigned_module() {
    let refused = refusal(&World::new(), wasm(&echo()));
    assert_eq!(refused, ClaimsError::NotSigned);
}

#[test]
fn a_module_with_one_byte_flipped() {
    let (world, key) = (World::new(), module_key());
    let text = "a text that stands in the module";
    let mut module = world.sign(&saying(text), &key, |claims| claims);
    let there = module.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
    module[there] ^= 1;
    assert!(matches!(refusal(&world, module), ClaimsError::Altered { .. }));
}

#[test]
fn an_expired_module() {
    let (world, key) = (World::new(), module_key());
    let module = world.sign(&echo(), &key, |claims| claims.expires_at(NOW - 1));
    let refused = refusal(&world, module);
    assert!(matches!(refused, ClaimsError::Expired { expired_at, now: NOW, .. } if expired_at == NOW - 1));
}

#[test]
fn a_module_that_is_not_yet_valid() {
    let (world, key) = (World::new(), module_key());
    let module = world.sign(&echo(), &key, |claims| claims.not_before(NOW + 1));
    assert!(
        matches!(refusal(&world, module), ClaimsError::NotYetValid { not_before, .. } if not_before == NOW + 1)
    );
}

#[test]
fn a_module_signed_by_a_stranger() {
    let stranger = KeyPair::generate(KeyKind::Account).unwrap();
    let module = sign_by(&stranger, &echo(), &module_key(), |claims| claims);
    let refused = refusal(&World::new(), module);
    assert!(matches!(refused, ClaimsError::NotTrusted { issuer, .. } if issuer == stranger.public_key()));
}

#[test]
fn bytes_that_are_no_module() {
    for bytes in [&b""[..], b"\0asm", b"no module at all", b"\0asm\x01\0\0\0\x0a\xff\xff\xff\xff\x0f"] {
        assert!(
            matches!(
                refusal(&World::new(), bytes.to_vec()),
                ClaimsError::MalformedModule { .. } | ClaimsError::NotSigned
            ),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_module_that_cannot_start_although_it_is_signed() {
    let world = World::new();
    let traps_at_start = r#"(module (memory (export "memory") 1) (func $start (unreachable)) (start $start)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let no_guest = r#"(module (memory (export "memory") 1))"#;
    let unknown_import = r#"(module (import "env" "mystery" (func)) (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    for wat in [traps_at_start, no_guest, unknown_import] {
        let key = module_key();
        let error = world.host.add_actor(world.sign(wat, &key, |claims| claims)).unwrap_err();
        assert!(matches!(&error, Error::CannotRun { actor, .. } if *actor == id_of(&key)), "{error}");
    }
    assert!(world.host.status().actors.is_empty());
}

#[test]
fn an_actor_that_is_here_already() {
    let (world, key) = (World::new(), module_key());
    let module = world.sign(&echo(), &key, |claims| claims);
    let actor = world.host.add_actor(module.clone()).unwrap();
    let error = world.host.add_actor(module).unwrap_err();
    assert!(matches!(error, Error::ActorExists { actor: there } if there == actor));
    assert_eq!(&world.host.call(&actor, "op", b"still here").unwrap()[..], b"still here");
}

#[test]
fn a_host_without_a_trust_policy() {
    assert!(matches!(Host::builder().build(), Err(Error::NoTrustPolicy)));
}
