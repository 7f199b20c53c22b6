//! Modules exchanged with `wascap` 0.16, in both directions.

use bytes::Bytes;
use capability_claims::{ClaimsBuilder, ClaimsError, ModuleHash, TrustPolicy, extract, sign_module, strip};
use claims_interop::{ACCOUNT, MODULE, PLAIN, dates, module, modules, now, pair};
use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::Value;
use wascap::{
    jwt::{Claims, Component, validate_token},
    wasm,
};

fn account() -> KeyPair {
    KeyPair::from_seed(ACCOUNT).unwrap()
}

fn theirs((not_before, expires): (Option<u64>, Option<u64>)) -> Claims<Component> {
    let subject = KeyPair::from_seed(MODULE).unwrap().public_key();
    Claims::<Component>::with_dates(
        "counter \u{1f980}".into(),
        account().public_key(),
        subject,
        Some(vec!["demo".into(), "".into()]),
        not_before,
        expires,
        true,
        Some(-7),
        Some("1.2.0-\u{3b2}".into()),
        Some("counter/alias".into()),
    )
}

fn ours((not_before, expires): (Option<u64>, Option<u64>)) -> ClaimsBuilder {
    let builder = ClaimsBuilder::new(pair(MODULE).public_key())
        .name("counter \u{1f980} \"quoted\"\n")
        .tag("demo")
        .tag("")
        .revision(-7)
        .version("1.2.0-\u{3b2}")
        .call_alias("counter/alias")
        .provider(true);
    let builder = not_before.map_or(builder.clone(), |second| builder.not_before(second));
    expires.map_or(builder.clone(), |second| builder.expires_at(second))
}

fn policy() -> TrustPolicy {
    TrustPolicy::nobody().account(pair(ACCOUNT).public_key())
}

#[test]
fn what_wascap_signs_verifies_here() {
    for (name, wasm) in modules() {
        for dates in dates() {
            let signed = wasm::embed_claims(&wasm, &theirs(dates), &account()).unwrap();
            let verified = policy()
                .verify(Bytes::from(signed.clone()), now())
                .unwrap_or_else(|error| panic!("{name}, {dates:?}: {error}"));
            let claims = verified.claims();
            assert_eq!(claims.name(), Some("counter \u{1f980}"));
            assert_eq!(claims.issuer(), pair(ACCOUNT).public_key());
            assert_eq!(claims.subject(), pair(MODULE).public_key());
            assert_eq!((claims.not_before(), claims.expires()), dates);
            assert_eq!(claims.tags(), ["demo", ""]);
            assert_eq!((claims.revision(), claims.version()), (Some(-7), Some("1.2.0-\u{3b2}")));
            assert_eq!((claims.call_alias(), claims.provider()), (Some("counter/alias"), true));
            assert_eq!(claims.claims_revision(), Some(3));
            assert_eq!(claims.hash(), ModuleHash::of(&strip(&wasm).unwrap()).unwrap(), "{name}");
            assert_eq!(claims.hash(), ModuleHash::of(&strip(&signed).unwrap()).unwrap(), "{name}");
            let there = wasm::extract_claims(&signed).unwrap().unwrap();
            assert_eq!((claims.id(), claims.issued_at()), (&*there.claims.id, there.claims.issued_at));
        }
    }
}

#[test]
fn what_is_signed_here_wascap_reads_and_validates() {
    for (name, wasm) in modules() {
        for dates in dates() {
            let signed = sign_module(&wasm, &ours(dates), &pair(ACCOUNT)).unwrap();
            let token = wasm::extract_claims(&signed).unwrap().expect("it finds the token");
            assert_eq!(token.jwt, extract(&signed).unwrap());

            let validation = validate_token::<Component>(&token.jwt).unwrap();
            assert!(validation.signature_valid, "{name}");
            assert!(!validation.expired && !validation.cannot_use_yet, "{name}, {dates:?}");
            assert_eq!(validation.expires_human == "never", dates.1.is_none());
            assert_eq!(validation.not_before_human == "immediately", dates.0.is_none());

            let verified = policy().verify(signed.into(), now()).unwrap();
            let (here, there) = (verified.claims(), &token.claims);
            assert_eq!((there.not_before, there.expires), dates);
            assert_eq!((&*there.id, there.issued_at), (here.id(), here.issued_at()));
            assert_eq!(there.issuer, here.issuer().to_string());
            assert_eq!(there.subject, here.subject().to_string());
            let about = there.metadata.as_ref().unwrap();
            assert_eq!(about.name.as_deref(), here.name());
            assert_eq!(about.module_hash, here.hash().to_string());
            assert_eq!(about.tags.as_deref(), Some(here.tags()));
            assert_eq!((about.rev, about.ver.as_deref()), (here.revision(), here.version()));
            assert_eq!((about.call_alias.as_deref(), about.provider), (here.call_alias(), here.provider()));
        }
    }
}

/// The claims are written as `wascap` writes them, byte for byte, and the signature is the one that it makes.
#[test]
fn wascap_writes_the_same_token_from_the_same_claims() {
    for dates in dates() {
        let signed = sign_module(&module(PLAIN), &ours(dates), &pair(ACCOUNT)).unwrap();
        let token = wasm::extract_claims(&signed).unwrap().unwrap();
        assert_eq!(token.claims.encode(&account()).unwrap(), token.jwt);
    }
}

/// `wascap` 0.16 has no field for capabilities any more. It passes over them, and the text still says them.
#[test]
fn capabilities_do_not_disturb_wascap() {
    let claims = ours((None, None)).capability("wascc:keyvalue").capability("wascc:http_server");
    let signed = sign_module(&module(PLAIN), &claims, &pair(ACCOUNT)).unwrap();
    let token = wasm::extract_claims(&signed).unwrap().unwrap();
    assert!(validate_token::<Component>(&token.jwt).unwrap().signature_valid);
    let payload = token.jwt.split('.').nth(1).unwrap();
    let said: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
    assert_eq!(said["wascap"]["caps"], serde_json::json!(["wascc:keyvalue", "wascc:http_server"]));
    assert_eq!(said["wascap_revision"], 3);
}

#[test]
fn both_judge_times_alike() {
    let hour = 3600;
    for (dates, expired, early) in [
        ((None, Some(now() - hour)), true, false),
        ((Some(now() + hour), None), false, true),
        ((Some(now() - hour), Some(now() + hour)), false, false),
    ] {
        let by_us = sign_module(&module(PLAIN), &ours(dates), &pair(ACCOUNT)).unwrap();
        let by_them = wasm::embed_claims(&module(PLAIN), &theirs(dates), &account()).unwrap();
        for signed in [by_us, by_them] {
            let there = validate_token::<Component>(extract(&signed).unwrap()).unwrap();
            assert_eq!((there.expired, there.cannot_use_yet), (expired, early));
            let here = policy().verify(signed.into(), now());
            assert_eq!(matches!(here, Err(ClaimsError::Expired { .. })), expired);
            assert_eq!(matches!(here, Err(ClaimsError::NotYetValid { .. })), early);
            assert_eq!(here.is_ok(), !expired && !early);
        }
    }
}

#[test]
fn both_refuse_a_module_that_was_altered() {
    let by_us = sign_module(&module(PLAIN), &ours((None, None)), &pair(ACCOUNT)).unwrap();
    let by_them = wasm::embed_claims(&module(PLAIN), &theirs((None, None)), &account()).unwrap();
    for mut signed in [by_us, by_them] {
        let at = signed.windows(7).position(|window| window == b"by hand").unwrap();
        signed[at] ^= 1;
        let there = wasm::extract_claims(&signed).unwrap_err();
        assert_eq!(there.to_string(), "Invalid module hash");
        let here = policy().verify(signed.into(), now()).unwrap_err();
        assert!(matches!(here, ClaimsError::Altered { .. }), "{here}");
    }
}

/// Each tool's token takes the place of the other's.
#[test]
fn signing_again_with_the_other_tool_replaces_the_token() {
    let by_us = sign_module(&module(PLAIN), &ours((None, None)), &pair(ACCOUNT)).unwrap();
    let then_them = wasm::embed_claims(&by_us, &theirs((None, None)), &account()).unwrap();
    assert_eq!(
        policy().verify(then_them.clone().into(), now()).unwrap().claims().name(),
        Some("counter \u{1f980}")
    );
    let then_us = sign_module(&then_them, &ours((None, None)), &pair(ACCOUNT)).unwrap();
    let token = wasm::extract_claims(&then_us).unwrap().unwrap();
    assert_eq!(token.jwt, extract(&then_us).unwrap());
    assert_eq!(strip(&then_us).unwrap(), module(PLAIN));
}
