//! The token never chooses how it is checked.

mod common;

use capability_claims::{ClaimsError, TokenPart};
use common::{HEADER, account, carrying, carrying_json, claims_json, refusal, sealed, token, verify};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

#[track_caller]
fn assert_unsupported(wasm: &[u8], algorithm: &str) {
    assert_eq!(refusal(wasm), ClaimsError::UnsupportedAlgorithm { algorithm: algorithm.to_owned() });
}

#[test]
fn both_names_of_the_algorithm_are_read() {
    for header in [HEADER, r#"{"typ":"JWT","alg":"EdDSA"}"#, r#"{ "alg" : "Ed25519", "typ" : "jwt" }"#] {
        assert!(verify(&carrying_json(header, &claims_json())).is_ok(), "{header}");
    }
}

#[test]
fn none_is_refused_with_and_without_a_signature() {
    for name in ["none", "None", "NONE", ""] {
        let header = format!(r#"{{"typ":"jwt","alg":"{name}"}}"#);
        assert_unsupported(&carrying_json(&header, &claims_json()), name);
        let bare = token(&header, &claims_json(), &account());
        let unsigned = &bare[..=bare.rfind('.').unwrap()];
        assert_unsupported(&carrying(unsigned), name);
    }
}

#[test]
fn hs256_keyed_with_the_public_key_is_refused() {
    let header = r#"{"typ":"jwt","alg":"HS256"}"#;
    let message = format!(
        "{}.{}",
        BASE64URL_NOPAD.encode(header.as_bytes()),
        BASE64URL_NOPAD.encode(claims_json().as_bytes())
    );
    for key in [account().public_key().as_bytes().to_vec(), account().public_key().to_string().into_bytes()] {
        let signature = BASE64URL_NOPAD.encode(&hmac_sha256(&key, message.as_bytes()));
        assert_unsupported(&carrying(&format!("{message}.{signature}")), "HS256");
    }
}

/// RFC 2104 with a key that is no longer than the block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        key.iter().zip(&mut block).for_each(|(k, b)| *b ^= k);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

#[test]
fn no_other_algorithm_and_no_other_spelling_is_accepted() {
    for name in [
        "HS384",
        "HS512",
        "ES256",
        "ES384",
        "RS256",
        "PS512",
        "Ed448",
        "ED25519",
        "ed25519",
        "eddsa",
        "EDDSA",
        "Ed25519 ",
        " Ed25519",
        "Ed25519ph",
        "ed25519-nkey",
    ] {
        let header = format!(r#"{{"typ":"jwt","alg":"{name}"}}"#);
        assert_unsupported(&carrying_json(&header, &claims_json()), name);
    }
}

#[test]
fn a_header_that_was_swapped_after_signing_breaks_the_signature() {
    let signed = token(HEADER, &claims_json(), &account());
    let (_, rest) = signed.split_once('.').unwrap();
    let swapped = BASE64URL_NOPAD.encode(br#"{"typ":"jwt","alg":"EdDSA"}"#);
    assert!(matches!(refusal(&carrying(&format!("{swapped}.{rest}"))), ClaimsError::Forged { .. }));
}

#[track_caller]
fn assert_malformed_headers(headers: &[&str]) {
    for header in headers {
        let error = refusal(&carrying_json(header, &claims_json()));
        assert!(
            matches!(error, ClaimsError::MalformedToken { part: TokenPart::Header, .. }),
            "{header}: {error:?}"
        );
    }
}

/// Of two algorithms one reader might take the first and another the last.
#[test]
fn headers_that_say_a_thing_twice_are_refused() {
    assert_malformed_headers(&[
        r#"{"typ":"jwt","alg":"Ed25519","alg":"Ed25519"}"#,
        r#"{"typ":"jwt","alg":"none","alg":"Ed25519"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","\u0061lg":"none"}"#,
        r#"{"typ":"jwt","typ":"jwt","alg":"Ed25519"}"#,
    ]);
}

/// A token must not say which key is to be used, nor where to get one.
#[test]
fn headers_that_bring_a_key_are_refused() {
    assert_malformed_headers(&[
        r#"{"typ":"jwt","alg":"Ed25519","kid":"1"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","kid":"../../etc/passwd"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"}}"#,
        r#"{"typ":"jwt","alg":"Ed25519","jku":"http://localhost/keys"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","x5c":["AAAA"]}"#,
        r#"{"typ":"jwt","alg":"Ed25519","x5u":"http://localhost/keys"}"#,
    ]);
}

/// RFC 7515 §4.1.11: what is critical must be understood, and nothing is that is not written here.
#[test]
fn headers_with_critical_extensions_are_refused() {
    assert_malformed_headers(&[
        r#"{"typ":"jwt","alg":"Ed25519","crit":[]}"#,
        r#"{"typ":"jwt","alg":"Ed25519","crit":["b64"],"b64":false}"#,
        r#"{"typ":"jwt","alg":"Ed25519","b64":false}"#,
        r#"{"typ":"jwt","alg":"Ed25519","crit":["exp"],"exp":1}"#,
    ]);
}

#[test]
fn headers_with_members_that_are_not_known_are_refused() {
    assert_malformed_headers(&[
        r#"{"typ":"jwt","alg":"Ed25519","cty":"jwt"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","zip":"DEF"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","enc":"A256GCM"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","ALG":"none"}"#,
        r#"{"typ":"jwt","alg":"Ed25519","":0}"#,
    ]);
}

#[test]
fn headers_of_another_shape_are_refused() {
    assert_malformed_headers(&[
        r#"{"typ":"jwt","alg":["Ed25519"]}"#,
        r#"{"typ":"jwt","alg":null}"#,
        r#"{"typ":"jwt","alg":0}"#,
        r#"{"typ":"jwt"}"#,
        r#"{"alg":"Ed25519"}"#,
        r#"{"typ":"jwe","alg":"Ed25519"}"#,
        r#"["jwt","Ed25519"]"#,
        r#""Ed25519""#,
        r#"{"typ":"jwt","alg":"Ed25519"}{}"#,
        r#"{"typ":"jwt","alg":"Ed25519"},"#,
        "",
        "{",
        "null",
    ]);
}

/// A parser that calls itself for each level would end the process.
#[test]
fn headers_nested_deeply_are_refused() {
    let lists = "[".repeat(30_000);
    let objects = r#"{"alg":"#.repeat(5_000);
    assert_malformed_headers(&[&lists, &objects, &format!(r#"{{"typ":"jwt","alg":{lists}"#)]);
}

#[test]
fn headers_that_are_not_base64url_are_refused() {
    let good = BASE64URL_NOPAD.encode(HEADER.as_bytes());
    let claims = BASE64URL_NOPAD.encode(claims_json().as_bytes());
    for header in
        [format!("{good}="), format!("{good}A"), format!(" {good}"), format!("{good}\n"), "*".into()]
    {
        let error = refusal(&carrying(&sealed(&header, &claims, &account())));
        assert!(matches!(error, ClaimsError::MalformedToken { part: TokenPart::Header, .. }), "{error:?}");
    }
}

/// The last character of a header of 29 bytes has two bits that no byte takes. They must be zero, or one header had four texts.
#[test]
fn headers_with_bits_to_spare_are_refused() {
    let (good, claims) =
        (BASE64URL_NOPAD.encode(HEADER.as_bytes()), BASE64URL_NOPAD.encode(claims_json().as_bytes()));
    assert_eq!(HEADER.len() % 3, 2);
    let (most, last) = good.split_at(good.len() - 1);
    for bits in 1..4 {
        let header = format!("{most}{}", char::from(last.as_bytes()[0] + bits));
        let error = refusal(&carrying(&sealed(&header, &claims, &account())));
        assert!(matches!(error, ClaimsError::MalformedToken { part: TokenPart::Header, .. }), "{error:?}");
    }
}
