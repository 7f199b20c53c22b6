//! Keys and signatures that are valid to a careless reader of the curve's mathematics, and worthless.

mod common;

use capability_claims::{ClaimsError, PublicKey, TokenPart, extract, strip};
use common::{HEADER, account, carrying, claims_json, custom, refusal, signed};
use crc::{CRC_16_XMODEM, Crc};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use ed25519_dalek::Verifier as _;
use sha2::{Digest as _, Sha512};

/// All points whose order divides eight, in their canonical form and in the others that decoders let pass.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// The text of an account key with these bytes, its checksum right.
fn account_text(key: &[u8]) -> String {
    let mut raw = [&[0][..], key].concat();
    raw.extend(Crc::<u16>::new(&CRC_16_XMODEM).checksum(&raw).to_le_bytes());
    BASE32_NOPAD.encode(&raw)
}

#[track_caller]
fn refused(key: &[u8]) -> &'static str {
    match PublicKey::parse(&account_text(key)) {
        Err(ClaimsError::MalformedKey { reason }) if reason.contains("; ") => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_text_of_a_good_key_is_accepted() {
    assert!(PublicKey::parse(&account_text(account().public_key().as_bytes())).is_ok());
}

#[test]
fn keys_of_small_order_are_refused() {
    for key in SMALL_ORDER {
        let reason = refused(&HEXLOWER.decode(key.as_bytes()).unwrap());
        assert!(reason.contains("small order"), "{key}: {reason}");
    }
}

/// With the neutral point as key, the neutral point and zero are a signature of every message to a reader who is not strict.
#[test]
fn the_universal_signature_of_a_weak_key_opens_nothing() {
    let weak = account_text(&HEXLOWER.decode(SMALL_ORDER[0].as_bytes()).unwrap());
    let json = claims_json().replace(&account().public_key().to_string(), &weak);
    let mut signature = [0; 64];
    signature[0] = 1;
    let token = format!(
        "{}.{}.{}",
        BASE64URL_NOPAD.encode(HEADER.as_bytes()),
        BASE64URL_NOPAD.encode(json.as_bytes()),
        BASE64URL_NOPAD.encode(&signature)
    );
    let error = refusal(&carrying(&token));
    let ClaimsError::MalformedToken { part: TokenPart::Claims, reason } = error else { panic!("{error:?}") };
    assert!(reason.contains("small order"), "{reason}");
}

/// The bytes of a coordinate between 2^255-19 and 2^255 stand for a point that has a shorter form already.
#[test]
fn keys_that_are_not_canonical_are_refused() {
    let mut not_canonical = 0;
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut key = [0xff; 32];
            (key[0], key[31]) = (low, high);
            not_canonical += usize::from(refused(&key).contains("canonical"));
        }
    }
    assert!(not_canonical > 0, "some of them are points of a large order");
}

#[test]
fn bytes_that_are_no_point_are_refused() {
    let mut key = [0; 32];
    key[0] = 2;
    assert!(refused(&key).contains("not a point"));
}

/// The order of the group that the base point makes, the least number that a signature's scalar must not reach.
const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// The signed module with the signature in its token replaced.
fn with_signature(change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let wasm = signed();
    let (message, signature) = extract(&wasm).unwrap().rsplit_once('.').unwrap();
    let mut signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    change(&mut signature);
    assert!(!account().public_key().verifies(message.as_bytes(), &signature));
    let spelt = format!("{message}.{}", BASE64URL_NOPAD.encode(&signature));
    [strip(&wasm).unwrap(), custom("jwt", spelt.as_bytes())].concat()
}

#[track_caller]
fn assert_forged(wasm: &[u8]) {
    let error = refusal(wasm);
    assert!(matches!(error, ClaimsError::Forged { .. }), "{error:?}");
}

/// Adding the order of the group to the scalar of a signature gives a second one that satisfies the equation.
#[test]
fn a_second_spelling_of_a_signature_is_refused() {
    assert_forged(&with_signature(|signature| {
        let mut carry = 0;
        for (byte, order) in signature[32..].iter_mut().zip(HEXLOWER.decode(ORDER.as_bytes()).unwrap()) {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0, "the sum fits");
    }));
}

/// The order itself, which stands for zero, the greatest number there is, and the bits that old readers masked away.
#[test]
fn scalars_that_are_not_reduced_are_refused() {
    let order = HEXLOWER.decode(ORDER.as_bytes()).unwrap();
    assert_forged(&with_signature(|signature| signature[32..].copy_from_slice(&order)));
    assert_forged(&with_signature(|signature| signature[32..].fill(0xff)));
    for bit in [0x20, 0x40, 0x80] {
        assert_forged(&with_signature(|signature| signature[63] |= bit));
    }
}

/// The first half of a signature is a point. Those written in a second way, and what is no point, are refused.
#[test]
fn signature_points_that_are_not_canonical_are_refused() {
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            assert_forged(&with_signature(|signature| {
                signature[..32].fill(0xff);
                (signature[0], signature[31]) = (low, high);
            }));
        }
    }
    assert_forged(&with_signature(|signature| signature.fill(0)));
}

/// A signature whose first half is a point of small order is refused even where the equation might hold.
#[test]
fn signatures_with_weak_points_are_refused() {
    for point in SMALL_ORDER {
        let mut signature = HEXLOWER.decode(point.as_bytes()).unwrap();
        signature.extend([0; 32]);
        assert!(!account().public_key().verifies(b"", &signature), "{point}");
    }
}

/// Whoever has the secret can make more signatures of a message, with a point of small order in them. With the neutral point the
/// plain equation holds, with the others the one that is multiplied by eight (RFC 8032 allows either). Lenient readers accept
/// them; all are refused here.
#[test]
fn weak_signatures_whose_equation_holds_are_refused() {
    let secret = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    assert_eq!(secret.verifying_key().as_bytes(), account().public_key().as_bytes());
    let message = format!(
        "{}.{}",
        BASE64URL_NOPAD.encode(HEADER.as_bytes()),
        BASE64URL_NOPAD.encode(claims_json().as_bytes())
    );
    for point in SMALL_ORDER {
        let point = HEXLOWER.decode(point.as_bytes()).unwrap();
        let signature = [&point[..], &answer(&secret, &point, &message)].concat();
        let token = format!("{message}.{}", BASE64URL_NOPAD.encode(&signature));
        assert_forged(&carrying(&token));
    }
    let neutral = HEXLOWER.decode(SMALL_ORDER[0].as_bytes()).unwrap();
    let signature = [&neutral[..], &answer(&secret, &neutral, &message)].concat();
    let lenient = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    assert!(secret.verifying_key().verify(message.as_bytes(), &lenient).is_ok(), "the equation holds");
}

/// The challenge for this point times the secret scalar, bit by bit from the highest.
fn answer(secret: &ed25519_dalek::SigningKey, point: &[u8], message: &str) -> [u8; 32] {
    let challenge =
        Sha512::new_with_prefix(point).chain_update(secret.verifying_key()).chain_update(message).finalize();
    let scalar = secret.to_scalar();
    let mut product = scalar;
    product -= scalar;
    for bit in (0..512).rev() {
        product = product + product;
        if challenge[bit / 8] >> (bit % 8) & 1 == 1 {
            product += scalar;
        }
    }
    product.to_bytes()
}
