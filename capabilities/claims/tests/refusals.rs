//! Each refusal is its own variant, and its text names the module, what is wrong and what to do.

mod common;

use bytes::Bytes;
use capability_claims::{
    ClaimsBuilder, ClaimsError, KeyKind, KeyPair, TokenPart, TrustPolicy, extract, inspect, sign_module,
};
use common::{
    HEADER, NOW, account, carrying, carrying_json, claims, claims_json, custom, label, module, operator,
    policy, refusal, signed, small_module, token, wasm,
};

#[track_caller]
fn assert_says(error: &ClaimsError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn unsigned() {
    let error = refusal(&small_module());
    assert_eq!(error, ClaimsError::NotSigned);
    assert_says(&error, &["not signed", "sign it"]);
}

#[test]
fn two_tokens() {
    let twice = [signed(), custom("wasmcloud_jwt", extract(&signed()).unwrap().as_bytes())].concat();
    assert_eq!(refusal(&twice), ClaimsError::MultipleTokens { count: 2 });
    assert_eq!(inspect(&twice).unwrap_err(), ClaimsError::MultipleTokens { count: 2 });
    assert_eq!(extract(&twice).unwrap_err(), ClaimsError::MultipleTokens { count: 2 });
}

#[test]
fn a_token_that_was_moved() {
    let token = custom("jwt", extract(&signed()).unwrap().as_bytes());
    let moved = [wasm(&[token]), small_module()[8..].to_vec()].concat();
    assert_eq!(refusal(&moved), ClaimsError::MisplacedToken { offset: 8 });
}

#[test]
fn forged_by_somebody_without_the_issuers_key() {
    let stranger = KeyPair::generate(KeyKind::Account).unwrap();
    let forged = carrying(&token(HEADER, &claims_json(), &stranger));
    let error = refusal(&forged);
    let (subject, issuer) = (module().public_key(), account().public_key());
    assert_eq!(error, ClaimsError::Forged { subject: label(), issuer });
    assert_says(&error, &["counter", &subject.to_string(), &issuer.to_string(), "forged", "do not use it"]);
    let inspection = inspect(&forged).unwrap();
    assert!(!inspection.signature && inspection.hash && !inspection.holds());
}

#[test]
fn altered_after_signing() {
    let mut altered = signed();
    let at = altered.windows(7).position(|window| window == b"by hand").unwrap();
    altered[at] ^= 1;
    let error = refusal(&altered);
    let ClaimsError::Altered { subject, expected, actual } = &error else { panic!("{error:?}") };
    assert_eq!(*subject, label());
    assert_ne!(expected, actual);
    assert_says(&error, &["altered", "counter", &expected.to_string(), &actual.to_string()]);
    let inspection = inspect(&altered).unwrap();
    assert!(inspection.signature && !inspection.hash && !inspection.holds());
}

#[test]
fn a_section_that_was_added_taken_away_or_moved() {
    let token = custom("jwt", extract(&signed()).unwrap().as_bytes());
    let rest = small_module();
    let producers = custom("producers", b"by hand");
    let bare = rest.len() - producers.len();
    for altered in [
        [&rest[..], &producers, &token].concat(),
        [&rest[..], &custom("extra", b""), &token].concat(),
        [&rest[..bare], &token].concat(),
        [&rest[..8], &producers, &rest[8..bare], &token].concat(),
    ] {
        assert!(matches!(refusal(&altered), ClaimsError::Altered { .. }));
    }
}

#[test]
fn expired_and_not_yet_valid_with_times_for_people() {
    let bytes = Bytes::from(signed());
    let at = |now| policy().verify(bytes.clone(), now);
    let subject = module().public_key();
    assert!(at(NOW - 50).is_ok() && at(NOW + 49).is_ok(), "it begins with the second of `nbf`");

    let error = at(NOW + 50).expect_err("it ends before the second of `exp`");
    let (expired_at, now) = (NOW + 50, NOW + 50);
    assert_eq!(error, ClaimsError::Expired { subject: label(), expired_at, now });
    assert_says(
        &error,
        &["counter", &subject.to_string(), "expired at 2023-11-14T22:14:10Z, it is 2023-11-14T22:14:10Z now"],
    );

    let error = at(NOW - 51).unwrap_err();
    let (not_before, now) = (NOW - 50, NOW - 51);
    assert_eq!(error, ClaimsError::NotYetValid { subject: label(), not_before, now });
    assert_says(&error, &["counter", "not valid before 2023-11-14T22:12:30Z", "wait"]);
}

#[test]
fn signed_by_somebody_whom_nobody_trusts() {
    let error = TrustPolicy::nobody().verify(Bytes::from(signed()), NOW).unwrap_err();
    let (subject, issuer) = (module().public_key(), account().public_key());
    assert_eq!(error, ClaimsError::NotTrusted { subject: label(), issuer });
    assert_says(&error, &["counter", &issuer.to_string(), &subject.to_string(), "trust policy"]);
}

#[test]
fn a_module_without_a_name_is_named_by_its_key() {
    let builder = ClaimsBuilder::new(module().public_key());
    let signed = sign_module(&small_module(), &builder, &account()).unwrap();
    let error = TrustPolicy::nobody().verify(Bytes::from(signed), NOW).unwrap_err();
    assert_says(&error, &["unnamed module", &module().public_key().to_string()]);
}

#[test]
fn a_name_cannot_forge_the_message() {
    let evil = "x\u{1b}[31m\nall is well\u{202e}";
    let signed = sign_module(&small_module(), &claims().name(evil), &account()).unwrap();
    let text = TrustPolicy::nobody().verify(Bytes::from(signed), NOW).unwrap_err().to_string();
    assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
}

/// What is wrong is found in a fixed order, whatever else is wrong too.
#[test]
fn the_first_thing_that_does_not_hold_is_told() {
    let nobody = TrustPolicy::nobody();
    let late = |bytes: Vec<u8>| nobody.verify(Bytes::from(bytes), NOW + 1000).unwrap_err();

    let good = signed();
    assert!(matches!(late(good.clone()), ClaimsError::Expired { .. }), "times before trust");

    let mut altered = good.clone();
    altered[30] ^= 1;
    assert!(matches!(late(altered.clone()), ClaimsError::Altered { .. }), "the hash before times");

    let last = altered.len() - 10;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    assert!(matches!(late(altered.clone()), ClaimsError::Forged { .. }), "the signature before the hash");

    altered.extend(custom("jwt", b"x"));
    assert!(
        matches!(late(altered.clone()), ClaimsError::MultipleTokens { .. }),
        "one token before its signature"
    );

    altered.push(0);
    assert!(matches!(late(altered), ClaimsError::MalformedModule { .. }), "frames before all");
}

#[test]
fn keys_of_the_wrong_kind_cannot_sign_or_be_signed() {
    let sign = |subject: &KeyPair, issuer: &KeyPair| {
        sign_module(&small_module(), &ClaimsBuilder::new(subject.public_key()), issuer).unwrap_err()
    };
    for (subject, issuer, expected, wrong) in [
        (account(), account(), KeyKind::Module, account().public_key()),
        (module(), operator(), KeyKind::Account, operator().public_key()),
    ] {
        let error = sign(&subject, &issuer);
        let ClaimsError::WrongKeyKind { expected: needed, key, .. } = error else { panic!("{error:?}") };
        assert_eq!((needed, key), (expected, wrong));
        let needed = format!("{expected} ({}...)", expected.letter());
        assert_says(&error, &[&needed, &wrong.to_string(), &wrong.kind().to_string()]);
    }
}

/// A module that signs itself, and a token about an account in the place of one about a module.
#[test]
fn tokens_with_keys_of_the_wrong_kind_are_refused() {
    let (a, m) = (account().public_key().to_string(), module().public_key().to_string());
    let by_module = claims_json().replace(&a, &m);
    let error = refusal(&carrying(&token(HEADER, &by_module, &module())));
    assert!(matches!(error, ClaimsError::WrongKeyKind { expected: KeyKind::Account, .. }), "{error}");
    let about_account = claims_json().replace(&m, &a);
    let error = refusal(&carrying_json(HEADER, &about_account));
    assert!(matches!(error, ClaimsError::WrongKeyKind { expected: KeyKind::Module, .. }), "{error}");
}

#[test]
fn a_token_that_could_never_be_valid_is_not_issued() {
    let builder = claims().not_before(NOW).expires_at(NOW);
    let error = sign_module(&small_module(), &builder, &account()).unwrap_err();
    assert_eq!(error, ClaimsError::NeverValid { not_before: NOW, expires: NOW });
}

#[test]
fn a_token_that_is_too_large_is_neither_issued_nor_read() {
    let builder = claims().tag("x".repeat(64 * 1024));
    let error = sign_module(&small_module(), &builder, &account()).unwrap_err();
    assert!(matches!(error, ClaimsError::TokenTooLarge { limit: 65536, .. }), "{error:?}");
    let error = refusal(&carrying(&"x".repeat(70_000)));
    assert_eq!(error, ClaimsError::TokenTooLarge { size: 70_000, limit: 65536 });
}

#[test]
fn what_is_no_module() {
    let offset_of = |bytes: &[u8]| match refusal(bytes) {
        ClaimsError::MalformedModule { offset, .. } => offset,
        other => panic!("{other:?}"),
    };
    assert_eq!(offset_of(b""), 0);
    assert_eq!(offset_of(b"(module)"), 0);
    assert_eq!(offset_of(b"\0asm\x0d\0\x01\0"), 4, "a component");
    assert_eq!(offset_of(b"\0asm\x01\0\0"), 4);
    assert_eq!(offset_of(b"\0asm\x01\0\0\0\x01"), 9, "no size");
    assert_eq!(offset_of(b"\0asm\x01\0\0\0\x01\x02\x00"), 10, "a section longer than the file");
    assert_eq!(offset_of(b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x0f"), 14, "the greatest size there is");
    assert_eq!(offset_of(b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\x1f"), 9, "a size of 33 bits");
    assert_eq!(offset_of(b"\0asm\x01\0\0\0\x00\x00"), 10, "a custom section without a name");
    assert_eq!(offset_of(b"\0asm\x01\0\0\0\x00\x02\x02a"), 10, "a name longer than its section");
    let token_not_text = [small_module(), custom("jwt", &[0xff, 0xfe])].concat();
    assert!(matches!(refusal(&token_not_text), ClaimsError::MalformedToken { part: TokenPart::Text, .. }));
}
