//! Puts rotations together: only what both keys signed is accepted, and however they are put together, a policy never turns in a circle.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use capability_claims::{KeyKind, KeyPair, RotationBuilder, RotationClaims, TrustPolicy, sign_module};
use capability_fuzz::{NOW, cast, key_pair};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
    steps: Vec<(u8, u8)>,
    revoked: Vec<(u8, Option<u8>)>,
    when: i8,
}

const KEYS: u8 = 5;

static GENUINE: LazyLock<String> = LazyLock::new(|| token(0, 1));

fn key(number: u8) -> KeyPair {
    key_pair(KeyKind::Account, 20 + number % KEYS)
}

fn token(from: u8, to: u8) -> String {
    let rotation = RotationBuilder::new().id(format!("{from} {to}")).issued_at(NOW - 5).not_before(NOW);
    rotation.expires_at(NOW + 20).issue(&key(from), &key(to)).expect("two accounts may rotate")
}

fuzz_target!(|input: Input| {
    let mut changed = GENUINE.clone().into_bytes();
    for (at, byte) in &input.changes {
        let at = usize::from(*at) % changed.len();
        changed[at] = *byte;
    }
    if let Some(cut) = input.cut {
        changed.truncate(usize::from(cut));
    }
    if let Ok(text) = str::from_utf8(&changed)
        && RotationClaims::verify(text).is_ok()
    {
        assert_eq!(text, *GENUINE);
    }

    let (mut policy, mut taken) = (TrustPolicy::nobody().account(key(0).public_key()), Vec::new());
    for (from, to) in
        input.steps.iter().map(|(from, to)| (from % KEYS, to % KEYS)).filter(|(from, to)| from != to)
    {
        if let Ok(with) = policy.clone().rotation(&token(from, to)) {
            policy = with;
            taken.push((from, to));
        }
    }
    for (number, since) in &input.revoked {
        let key = key(*number).public_key();
        policy = match since {
            Some(since) => policy.revoke_key_since(key, NOW - 10 + u64::from(*since)),
            None => policy.revoke_key(key),
        };
    }
    let now = NOW.saturating_add_signed(input.when.into());
    let mut reached = vec![0];
    while let Some((_, to)) =
        taken.iter().find(|(from, to)| reached.last() == Some(from) && !reached.contains(to))
    {
        reached.push(*to);
    }
    for number in 0..KEYS {
        let signed = sign_module(b"\0asm\x01\0\0\0", &cast().claims().expires_at(NOW + 500), &key(number));
        let signed = signed.expect("the module is whole");
        if policy.verify(signed.into(), now).is_ok() {
            assert!(reached.contains(&number), "{number} is in no line of {taken:?}");
        }
    }
});
