//! Signing copies every byte, stripping gives them back, and signing again replaces the token.

mod common;

use bytes::Bytes;
use capability_claims::{
    ClaimsBuilder, ClaimsError, KeyKind, KeyPair, ModuleHash, extract, inspect, sign_module, strip,
};
use common::{
    NOW, account, claims, custom, module, policy, section, section_with_width, signed, small_module, verify,
    wasm,
};

#[track_caller]
fn assert_comes_back(original: &[u8]) {
    let signed = sign_module(original, &claims(), &account()).unwrap();
    assert!(signed.starts_with(original), "the token is appended and nothing else changes");
    assert_eq!(strip(&signed).unwrap(), original);
    let verified = verify(&signed).unwrap();
    assert_eq!(verified.claims().hash(), ModuleHash::of(original).unwrap());
    assert_eq!(verified.wasm()[..], signed[..]);
}

#[test]
fn modules_come_back_byte_for_byte() {
    assert_comes_back(&wasm(&[]));
    assert_comes_back(&small_module());
    assert_comes_back(&wasm(&[
        custom("", b""),
        custom("jw", b"t"),
        custom("jwtx", b"y"),
        custom("name", &[0xff; 300]),
    ]));
}

#[test]
fn bodies_and_ids_that_nobody_knows_yet_are_copied() {
    // 0xfc begins the instructions for bulk memory; section 99 does not exist.
    assert_comes_back(&wasm(&[
        section(10, &[1, 4, 0, 0xfc, 0x0b, 0x0b]),
        section(99, &[0xff; 70_000]),
        section(200, &[]),
    ]));
}

#[test]
fn sizes_that_are_longer_than_need_be_stay_so() {
    let short = wasm(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), custom("note", b"hello")]);
    let long = wasm(&[
        section_with_width(1, &[1, 0x60, 0, 0], 5),
        section_with_width(3, &[1, 0], 2),
        custom("note", b"hello"),
    ]);
    assert_comes_back(&long);
    assert_eq!(ModuleHash::of(&long), ModuleHash::of(&short), "the hash is of the shortest form");
}

/// The same sections with longer sizes are the same module to the hash, as they are to every engine.
#[test]
fn a_signed_module_may_be_written_with_longer_sizes() {
    let short = wasm(&[section(1, &[1, 0x60, 0, 0])]);
    let long = wasm(&[section_with_width(1, &[1, 0x60, 0, 0], 4)]);
    let signed = sign_module(&short, &claims(), &account()).unwrap();
    let rewritten = [&long, &signed[short.len()..]].concat();
    assert!(verify(&rewritten).is_ok());
}

#[test]
fn signing_again_replaces_the_token() {
    let other = KeyPair::generate(KeyKind::Account).unwrap();
    let again = sign_module(&signed(), &claims().name("renamed"), &other).unwrap();
    assert_eq!(strip(&again).unwrap(), small_module());
    let inspection = inspect(&again).unwrap();
    assert!(inspection.holds());
    assert_eq!(inspection.claims.name(), Some("renamed"));
    assert_eq!(inspection.claims.issuer(), other.public_key());
}

#[test]
fn signing_replaces_all_tokens_wherever_they_are() {
    let messy = wasm(&[
        custom("jwt", b"one"),
        section(1, &[0]),
        custom("wasmcloud_jwt", b"two"),
        custom("note", b"x"),
    ]);
    let clean = wasm(&[section(1, &[0]), custom("note", b"x")]);
    assert_eq!(strip(&messy).unwrap(), clean);
    let signed = sign_module(&messy, &claims(), &account()).unwrap();
    assert_eq!(strip(&signed).unwrap(), clean);
    assert!(verify(&signed).is_ok());
}

#[test]
fn stripping_what_is_not_signed_changes_nothing() {
    assert_eq!(strip(&small_module()).unwrap(), small_module());
    assert_eq!(extract(&small_module()), Err(ClaimsError::NotSigned));
}

#[test]
fn the_claims_come_back_as_they_were_given() {
    let builder = claims().call_alias("ctr").provider(true).id("this one");
    let signed = sign_module(&small_module(), &builder, &account()).unwrap();
    let verified = policy().verify(Bytes::from(signed), NOW).unwrap();
    let claims = verified.claims();
    assert_eq!((claims.issuer(), claims.subject()), (account().public_key(), module().public_key()));
    assert_eq!((claims.id(), claims.name()), ("this one", Some("counter")));
    assert_eq!(claims.caps(), ["wascc:http_server", "wascc:keyvalue"]);
    assert_eq!(claims.tags(), ["demo"]);
    assert_eq!((claims.revision(), claims.version()), (Some(7), Some("1.2.0")));
    assert_eq!((claims.call_alias(), claims.provider()), (Some("ctr"), true));
    assert_eq!((claims.issued_at(), claims.not_before()), (NOW - 100, Some(NOW - 50)));
    assert_eq!((claims.expires(), claims.claims_revision()), (Some(NOW + 50), Some(3)));
    assert!(claims.grants("wascc:keyvalue"));
    for never in ["", "wascc:key", "wascc:keyvalue ", "WASCC:KEYVALUE", "*"] {
        assert!(!claims.grants(never), "{never}");
    }
}

/// For whoever prints claims: they are serialised with the names and in the shape that they have in the token.
#[test]
fn claims_are_serialised_as_they_stand_in_the_token() {
    let signed = signed();
    let payload = extract(&signed).unwrap().split('.').nth(1).unwrap();
    let in_token = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    let verified = verify(&signed).unwrap();
    assert_eq!(serde_json::to_vec(verified.claims()).unwrap(), in_token);
}

#[test]
fn claims_that_were_not_given_are_absent() {
    let builder = ClaimsBuilder::new(module().public_key());
    let signed = sign_module(&small_module(), &builder, &account()).unwrap();
    let verified = verify(&signed).unwrap();
    let claims = verified.claims();
    assert_eq!((claims.name(), claims.version(), claims.call_alias()), (None, None, None));
    assert_eq!((claims.expires(), claims.not_before(), claims.revision()), (None, None, None));
    assert!(claims.caps().is_empty() && claims.tags().is_empty() && !claims.provider());
    assert!(claims.issued_at() > 1_700_000_000, "the system's clock was asked");
}

#[test]
fn extracting_gives_the_text_and_judges_nothing() {
    let odd = [small_module(), custom("jwt", b"not a token at all")].concat();
    assert_eq!(extract(&odd), Ok("not a token at all"));
}
