//! Modules exchanged with `wascap` 0.5 of 2020, in both directions.
//!
//! It parses a module whole and writes it anew, so it only takes modules of the first version of WebAssembly.

use bytes::Bytes;
use capability_claims::{ClaimsBuilder, ClaimsError, TrustPolicy, extract, sign_module, strip};
use claims_interop::{ACCOUNT, MODULE, PLAIN, dates, module, now, pair};
use nkeys_of_2020::KeyPair;
use wascap_of_2020::{
    caps,
    jwt::{Actor, Claims, validate_token},
    wasm,
};

fn account() -> KeyPair {
    KeyPair::from_seed(ACCOUNT).unwrap()
}

fn theirs((not_before, expires): (Option<u64>, Option<u64>)) -> Claims<Actor> {
    let subject = KeyPair::from_seed(MODULE).unwrap().public_key();
    Claims::<Actor>::with_dates(
        "counter".into(),
        account().public_key(),
        subject,
        Some(vec![caps::KEY_VALUE.into(), caps::HTTP_SERVER.into()]),
        Some(vec!["demo".into()]),
        not_before,
        expires,
        false,
        Some(7),
        Some("1.2.0".into()),
    )
}

fn ours((not_before, expires): (Option<u64>, Option<u64>)) -> ClaimsBuilder {
    let builder = ClaimsBuilder::new(pair(MODULE).public_key())
        .name("counter")
        .capability(caps::KEY_VALUE)
        .capability(caps::HTTP_SERVER)
        .tag("demo")
        .revision(7)
        .version("1.2.0");
    let builder = not_before.map_or(builder.clone(), |second| builder.not_before(second));
    expires.map_or(builder.clone(), |second| builder.expires_at(second))
}

fn policy() -> TrustPolicy {
    TrustPolicy::nobody().account(pair(ACCOUNT).public_key())
}

#[test]
fn what_wascap_signed_in_2020_verifies_here() {
    for dates in dates() {
        let signed = wasm::embed_claims(&module(PLAIN), &theirs(dates), &account()).unwrap();
        let verified = policy().verify(Bytes::from(signed.clone()), now()).unwrap();
        let claims = verified.claims();
        assert_eq!(
            (claims.name(), claims.version(), claims.revision()),
            (Some("counter"), Some("1.2.0"), Some(7))
        );
        assert_eq!(claims.caps(), [caps::KEY_VALUE, caps::HTTP_SERVER]);
        assert_eq!((claims.tags(), claims.provider()), (&["demo".to_owned()][..], false));
        assert_eq!(
            (claims.issuer(), claims.subject()),
            (pair(ACCOUNT).public_key(), pair(MODULE).public_key())
        );
        assert_eq!((claims.not_before(), claims.expires()), dates);
        assert_eq!(claims.claims_revision(), None, "tokens did not say it then");
        let there = wasm::extract_claims(&signed).unwrap().unwrap();
        assert_eq!((claims.id(), claims.issued_at()), (&*there.claims.id, there.claims.issued_at));
    }
}

#[test]
fn what_is_signed_here_reads_there() {
    for dates in dates() {
        let signed = sign_module(&module(PLAIN), &ours(dates), &pair(ACCOUNT)).unwrap();
        let token = wasm::extract_claims(&signed).unwrap().expect("it finds the token");
        assert_eq!(token.jwt, extract(&signed).unwrap());
        let validation = validate_token::<Actor>(&token.jwt).unwrap();
        assert!(validation.signature_valid && !validation.expired && !validation.cannot_use_yet);
        let about = token.claims.metadata.unwrap();
        assert_eq!(about.caps.unwrap(), [caps::KEY_VALUE, caps::HTTP_SERVER]);
        assert_eq!(
            (about.tags.unwrap(), about.rev, about.provider),
            (vec!["demo".to_owned()], Some(7), false)
        );
        assert_eq!((about.name.as_deref(), about.ver.as_deref()), (Some("counter"), Some("1.2.0")));
        assert_eq!((token.claims.not_before, token.claims.expires), dates);
    }
}

/// Its tokens do not say that they want their hash to be enforced. It is.
#[test]
fn what_was_altered_after_it_was_signed_in_2020_is_refused() {
    let mut signed = wasm::embed_claims(&module(PLAIN), &theirs((None, None)), &account()).unwrap();
    let at = signed.windows(5).position(|window| window == b"hello").unwrap();
    signed[at] ^= 1;
    let error = policy().verify(signed.into(), now()).unwrap_err();
    assert!(matches!(error, ClaimsError::Altered { .. }), "{error}");
}

#[test]
fn a_module_signed_in_2020_can_be_signed_anew() {
    let old = wasm::embed_claims(&module(PLAIN), &theirs((None, None)), &account()).unwrap();
    let new = sign_module(&old, &ours((None, None)), &pair(ACCOUNT)).unwrap();
    assert_eq!(strip(&new).unwrap(), strip(&old).unwrap());
    assert_eq!(policy().verify(new.into(), now()).unwrap().claims().claims_revision(), Some(3));
}
