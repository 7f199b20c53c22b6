//! Reads the text of keys, seeds and hashes: one spelling each, and no secret in what is said of a bad one.
#![no_main]

use arbitrary::Arbitrary;
use capability_claims::{ClaimsError, KeyKind, KeyPair, ModuleHash, PublicKey};
use capability_fuzz::crc;
use data_encoding::BASE32_NOPAD;
use ed25519_dalek::VerifyingKey;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Input {
    Text(String),
    /// Bytes behind this prefix, with a right checksum.
    Public {
        prefix: u8,
        bytes: [u8; 32],
    },
    /// Bytes behind these prefixes, with a right checksum.
    Seed {
        prefix: [u8; 2],
        bytes: [u8; 32],
        spaces: bool,
    },
    /// A message signed, and then a signature and a message of any kind.
    Signature {
        seed: [u8; 32],
        message: Vec<u8>,
        other: Vec<u8>,
        change: [u8; 2],
    },
}

fuzz_target!(|input: Input| {
    match input {
        Input::Text(text) => any_text(&text),
        Input::Public { prefix, bytes } => public(prefix, &bytes),
        Input::Seed { prefix, bytes, spaces } => seed(prefix, &bytes, spaces),
        Input::Signature { seed, message, other, change } => signature(&seed, &message, &other, change),
    }
});

fn any_text(text: &str) {
    match PublicKey::parse(text) {
        Ok(key) => one_spelling(key, text),
        Err(error) => secret_is_kept(&error, text),
    }
    match KeyPair::from_seed(text) {
        Ok(pair) => assert_eq!(*pair.seed(), *text.trim()),
        Err(error) => secret_is_kept(&error, text),
    }
    if let Ok(hash) = text.parse::<ModuleHash>() {
        assert_eq!(hash.to_string(), text);
    }
    if let Ok(kind) = text.parse::<KeyKind>() {
        assert_eq!(kind.to_string(), text);
    }
}

fn one_spelling(key: PublicKey, text: &str) {
    assert_eq!(key.to_string(), text);
    assert!(text.starts_with(key.kind().letter()));
    let json = serde_json::to_string(&key).expect("a key is text");
    assert_eq!(serde_json::from_str::<PublicKey>(&json).ok(), Some(key));
}

fn secret_is_kept(error: &ClaimsError, text: &str) {
    let said = format!("{error} {error:?}");
    // Fewer may be in words that the message has anyway: whoever fuzzes learns them.
    let of_a_key = text.bytes().filter(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
    assert!(of_a_key < 20 || !said.contains(text), "{said}");
}

fn checked(raw: &[u8]) -> String {
    BASE32_NOPAD.encode(&[raw, &crc(raw).to_le_bytes()].concat())
}

fn public(prefix: u8, bytes: &[u8; 32]) {
    let text = checked(&[&[prefix], &bytes[..]].concat());
    let kind = KeyKind::ALL.into_iter().find(|kind| prefix & 7 == 0 && text.starts_with(kind.letter()));
    let is_sound = VerifyingKey::from_bytes(bytes)
        .is_ok_and(|point| !point.is_weak() && point.to_edwards().compress().to_bytes() == *bytes);
    let expected = kind.filter(|kind| is_sound || *kind == KeyKind::Curve);
    match (PublicKey::parse(&text), expected) {
        (Ok(key), Some(kind)) => {
            assert_eq!((key.kind(), key.as_bytes()), (kind, bytes));
            one_spelling(key, &text);
        }
        (Err(error), None) => secret_is_kept(&error, &text),
        other => panic!("{text}: {other:?}"),
    }
}

fn seed(prefix: [u8; 2], bytes: &[u8; 32], spaces: bool) {
    let text = checked(&[&prefix, &bytes[..]].concat());
    let letter = text[1..].chars().next();
    let kind = KeyKind::ALL.into_iter().find(|kind| {
        // The second letter ends in the middle of the second byte, behind which there is nothing but zeros.
        let right = text.starts_with('S') && prefix[1] & 0x3f == 0;
        right && Some(kind.letter()) == letter && *kind != KeyKind::Curve
    });
    let written = if spaces { format!(" \t{text}\r\n") } else { text.clone() };
    match (KeyPair::from_seed(&written), kind) {
        (Ok(pair), Some(kind)) => {
            assert_eq!((pair.kind(), pair.seed().as_str()), (kind, text.as_str()));
            one_spelling(pair.public_key(), &pair.public_key().to_string());
            assert_eq!(PublicKey::parse(&pair.public_key().to_string()), Ok(pair.public_key()));
            assert!(!format!("{pair:?}").contains(&text[4..20]));
        }
        (Err(error), None) => secret_is_kept(&error, &text),
        (other, kind) => panic!("{other:?} {kind:?}"),
    }
    if let Err(error) = PublicKey::parse(&text) {
        secret_is_kept(&error, &text);
    }
}

fn signature(seed: &[u8; 32], message: &[u8], other: &[u8], [at, to]: [u8; 2]) {
    let prefix = [0x90, 0];
    let pair = KeyPair::from_seed(&checked(&[&prefix, &seed[..]].concat())).expect("an account's seed");
    let key = pair.public_key();
    let signed = pair.sign(message);
    assert!(key.verifies(message, &signed));
    assert_eq!(key.verifies(other, &signed), message == other);
    assert!(!key.verifies(message, other), "{other:?}");
    let mut changed = signed;
    changed[usize::from(at) % 64] = to;
    assert_eq!(key.verifies(message, &changed), changed == signed);
}
