//! Keys and seeds as text: known answers, and what is refused.

mod common;

use capability_claims::{ClaimsError, KeyKind, KeyPair, PublicKey};
use common::{ACCOUNT, MODULE};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// For each kind the seed and the public key of the secret bytes 0, 1, ... 31. Computed with other code: Python's `base64`, its
/// bindings to OpenSSL for the curve, and a bitwise CRC.
const KNOWN: [(KeyKind, &str, &str); 7] = [
    (
        KeyKind::Account,
        "SAAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4HYMHI",
        "AAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QPZV",
    ),
    (
        KeyKind::Cluster,
        "SCAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4HYO7Q",
        "CAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3R53J",
    ),
    (
        KeyKind::Module,
        "SMAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H2CRY",
        "MAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLXP",
    ),
    (
        KeyKind::Server,
        "SNAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H2D5U",
        "NAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RSWB",
    ),
    (
        KeyKind::Operator,
        "SOAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H2AJA",
        "OAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QZVT",
    ),
    (
        KeyKind::User,
        "SUAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H776Y",
        "UAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RLKK",
    ),
    (
        KeyKind::Provider,
        "SVAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H76SU",
        "VAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3RSLE",
    ),
];
const CURVE_SEED: &str = "SXAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4H74KM";
const CURVE: &str = "XAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QAJY";

#[track_caller]
fn reason_for_key(text: &str) -> &'static str {
    match PublicKey::parse(text) {
        Err(ClaimsError::MalformedKey { reason }) if reason.contains("; ") => reason,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn reason_for_seed(text: &str) -> &'static str {
    match KeyPair::from_seed(text) {
        Err(ClaimsError::MalformedKey { reason }) if reason.contains("; ") => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn seeds_and_keys_of_every_kind_are_known_answers() {
    for (kind, seed, public) in KNOWN {
        let pair = KeyPair::from_seed(seed).unwrap();
        assert_eq!((pair.kind(), pair.seed().as_str()), (kind, seed));
        assert_eq!(pair.public_key().to_string(), public);
        let key: PublicKey = public.parse().unwrap();
        assert_eq!((key, key.kind()), (pair.public_key(), kind));
        assert!(public.starts_with(kind.letter()));
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
}

/// RFC 8032 §7.1, test 2: a secret key, its public key, and the signature of the one byte 0x72.
#[test]
fn the_signature_is_that_of_rfc_8032() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let secret = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
    let mut raw = [&[0x90, 0][..], &secret].concat();
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_XMODEM).checksum(&raw);
    raw.extend(crc.to_le_bytes());
    let pair = KeyPair::from_seed(&data_encoding::BASE32_NOPAD.encode(&raw)).unwrap();
    assert_eq!(
        pair.public_key().as_bytes()[..],
        hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    );
    let signature = pair.sign(&[0x72]);
    assert_eq!(
        signature[..],
        hex(concat!(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ))
    );
    assert!(pair.public_key().verifies(&[0x72], &signature));
    assert!(!pair.public_key().verifies(&[0x73], &signature));
    assert!(!pair.public_key().verifies(&[0x72], &signature[..63]));
}

#[test]
fn a_curve_key_is_read_but_cannot_sign() {
    assert_eq!(CURVE.parse::<PublicKey>().unwrap().kind(), KeyKind::Curve);
    assert!(!CURVE.parse::<PublicKey>().unwrap().verifies(b"", &[0; 64]));
    let refused = ClaimsError::CannotSign { kind: KeyKind::Curve };
    assert_eq!(KeyPair::from_seed(CURVE_SEED).unwrap_err(), refused);
    assert_eq!(KeyPair::generate(KeyKind::Curve).unwrap_err(), refused);
}

#[test]
fn generated_keys_differ_and_survive_their_text() {
    let (one, two) =
        (KeyPair::generate(KeyKind::Module).unwrap(), KeyPair::generate(KeyKind::Module).unwrap());
    assert_ne!(one.public_key(), two.public_key());
    let again = KeyPair::from_seed(&one.seed()).unwrap();
    assert_eq!(again.public_key(), one.public_key());
    assert!(one.public_key().verifies(b"hello", &again.sign(b"hello")));
    assert!(!two.public_key().verifies(b"hello", &again.sign(b"hello")));
}

#[test]
fn white_space_around_a_seed_is_skipped_but_not_around_a_key() {
    let pair = KeyPair::from_seed(&format!("\r\n {ACCOUNT}\n")).unwrap();
    assert_eq!(pair.seed().as_str(), ACCOUNT);
    assert!(reason_for_key(&format!("{}\n", pair.public_key())).contains("56 characters"));
}

#[test]
fn each_mistyped_character_is_noticed() {
    let public = KNOWN[0].2;
    for (text, refused) in [(public, reason_for_key as fn(&str) -> _), (ACCOUNT, reason_for_seed)] {
        for at in 0..text.len() {
            let mut typed = text.as_bytes().to_vec();
            typed[at] = if typed[at] == b'B' { b'C' } else { b'B' };
            refused(str::from_utf8(&typed).unwrap());
            typed[at] = b'1';
            assert!(refused(str::from_utf8(&typed).unwrap()).contains("A-Z and 2-7"));
            typed[at] = text.as_bytes()[at].to_ascii_lowercase();
            if typed[at].is_ascii_lowercase() {
                assert!(refused(str::from_utf8(&typed).unwrap()).len() > 10);
            }
        }
        for length in 0..text.len() {
            refused(&text[..length]);
        }
        refused(&format!("{text}A"));
        refused(&"\u{e4}".repeat(text.len() / 2));
    }
}

#[test]
fn key_and_seed_are_not_mistaken_for_each_other() {
    let public = common::account().public_key().to_string();
    assert!(reason_for_key(ACCOUNT).contains("secret seed"));
    assert!(reason_for_seed(&public).contains("public key"));
}

#[test]
fn an_account_seed_is_refused_where_a_module_seed_is_needed() {
    let refused = KeyPair::from_seed(ACCOUNT).unwrap().of_kind(KeyKind::Module, "the subject").unwrap_err();
    assert_eq!(
        refused,
        ClaimsError::WrongKeyKind {
            role: "the subject",
            expected: KeyKind::Module,
            key: common::account().public_key()
        }
    );
    assert_eq!(
        refused.to_string(),
        format!(
            "the subject must be of the kind module (M...), and {} is of the kind account; give a key of the right kind",
            common::account().public_key()
        )
    );
    assert!(KeyPair::from_seed(MODULE).unwrap().of_kind(KeyKind::Module, "the subject").is_ok());
}

#[test]
fn no_text_ever_shows_a_secret() {
    let pair = KeyPair::from_seed(ACCOUNT).unwrap();
    let secret = &ACCOUNT[4..20];
    assert!(pair.seed().contains(secret), "the test looks for the right thing");
    let mistyped = ACCOUNT.replace("KM5I", "KM5J");
    for text in [
        format!("{pair:?}"),
        format!("{pair:#?}"),
        format!("{:?}", KeyPair::from_seed(&mistyped).unwrap_err()),
        KeyPair::from_seed(&mistyped).unwrap_err().to_string(),
        PublicKey::parse(ACCOUNT).unwrap_err().to_string(),
        format!("{:?}", pair.of_kind(KeyKind::Module, "it").unwrap_err()),
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// Overwriting cannot be looked at without reading freed memory. That it is done is part of the types, and this compiles only
/// while it is.
#[test]
fn secrets_are_overwritten_when_they_are_dropped() {
    fn overwritten<T: ZeroizeOnDrop>(_: &T) {}
    let pair = KeyPair::from_seed(ACCOUNT).unwrap();
    overwritten(&pair);
    let seed: Zeroizing<String> = pair.seed();
    overwritten(&seed);
    assert_eq!(*seed, ACCOUNT);
}
