//! Reads tokens: any text, and any header and claims that the account itself signed, as only it can.
//!
//! The first byte chooses what the rest is. What is accepted must say what a plain JSON parser reads in it.
#![no_main]

use bytes::Bytes;
use capability_claims::{
    AccountClaims, ClaimsError, KeyPair, ModuleClaims, OperatorClaims, TrustPolicy, extract, inspect,
};
use capability_fuzz::{NOW, carrying, cast, sealed, token};
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

const HEADER: &[u8] = br#"{"typ":"jwt","alg":"Ed25519"}"#;

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else { return };
    match mode % 6 {
        0 => any_text(rest),
        1 => module_claims(rest),
        2 => signers_claims(rest, &cast().operator),
        3 => any_header(rest),
        4 => any_parts(rest),
        _ => changed(rest),
    }
});

/// Nobody signed it, unless it is one of the tokens that the cast's keys made.
fn any_text(text: &[u8]) {
    let wasm = carrying(text);
    if let Ok(inspection) = inspect(&wasm) {
        let text = extract(&wasm).expect("what can be looked at is text");
        assert!(header_is_right(text));
        let claims = decoded(text.split('.').nth(1).expect("a token has three parts"));
        agree(&inspection.claims, &claims);
    }
    let Ok(text) = str::from_utf8(text) else { return };
    if let Ok(claims) = AccountClaims::verify(text) {
        assert!(header_is_right(text));
        assert_eq!(claims, AccountClaims::verify(text).expect("it was read before"));
    }
    if let Ok(claims) = OperatorClaims::verify(text) {
        assert!(header_is_right(text));
        assert_eq!(
            claims.operator().to_string(),
            decoded(text.split('.').nth(1).expect("it has parts"))["sub"]
        );
    }
}

/// Claims about a module, signed by the account.
fn module_claims(json: &[u8]) {
    let text = token(HEADER, json, &cast().account);
    let wasm = carrying(text.as_bytes());
    let inspection = match inspect(&wasm) {
        Ok(inspection) => inspection,
        Err(error) => return shown(&error),
    };
    let claims = &inspection.claims;
    assert_eq!(inspection.signature, claims.issuer() == cast().account.public_key());
    agree(claims, &serde_json::from_slice(json).expect("accepted claims are JSON"));

    let written = serde_json::to_vec(claims).expect("claims can be written");
    let again = carrying(token(HEADER, &written, &cast().account).as_bytes());
    assert_eq!(inspect(&again).expect("what was written is read").claims, *claims);

    let policy = TrustPolicy::nobody().account(cast().account.public_key());
    match policy.verify(Bytes::from(wasm), NOW) {
        Ok(verified) => assert!(inspection.holds() && verified.claims() == claims),
        Err(error) => shown(&error),
    }
}

/// Claims about an account or an operator, signed by the operator.
fn signers_claims(json: &[u8], key: &KeyPair) {
    let text = token(HEADER, json, key);
    let value = || serde_json::from_slice::<Value>(json).expect("accepted claims are JSON");
    match AccountClaims::verify(&text) {
        Ok(claims) => {
            let value = value();
            assert_eq!(claims.operator(), key.public_key());
            assert_eq!(claims.account().to_string(), value["sub"]);
            assert_eq!(
                (claims.id(), Some(claims.issued_at())),
                (value["jti"].as_str().unwrap_or("?"), value["iat"].as_u64())
            );
            assert_eq!(
                (claims.expires(), claims.not_before()),
                (value["exp"].as_u64(), value["nbf"].as_u64())
            );
            assert_eq!(claims.name(), value["wascap"]["name"].as_str());
        }
        Err(error) => shown(&error),
    }
    match OperatorClaims::verify(&text) {
        Ok(claims) => assert_eq!((claims.operator(), &value()["sub"]), (key.public_key(), &value()["iss"])),
        Err(error) => shown(&error),
    }
}

/// A header of any kind before good claims, signed by the account: none but the two good ones is taken.
fn any_header(header: &[u8]) {
    let text = token(header, good_claims().as_bytes(), &cast().account);
    match inspect(&carrying(text.as_bytes())) {
        Ok(inspection) => assert!(inspection.signature && header_is_right(&text)),
        Err(error) => shown(&error),
    }
}

/// Parts that need not be base64, signed by the account.
fn any_parts(parts: &[u8]) {
    let Ok(parts) = str::from_utf8(parts) else { return };
    let (header, claims) = parts.split_once('\n').unwrap_or((parts, ""));
    let text = sealed(header, claims, &cast().account);
    if inspect(&carrying(text.as_bytes())).is_ok() {
        assert!(header_is_right(&text) && decoded(claims).is_object());
    }
}

/// The account's good token with a stretch of it exchanged: only the token itself has a signature that holds.
fn changed(change: &[u8]) {
    let [high, low, length, rest @ ..] = change else { return };
    let whole = token(HEADER, good_claims().as_bytes(), &cast().account);
    let start = usize::from(u16::from_be_bytes([*high, *low])) % (whole.len() + 1);
    let end = (start + usize::from(*length)).min(whole.len());
    let text = [&whole.as_bytes()[..start], rest, &whole.as_bytes()[end..]].concat();
    let holds = inspect(&carrying(&text)).is_ok_and(|inspection| inspection.signature);
    assert_eq!(holds, text == whole.as_bytes());
}

fn good_claims() -> String {
    format!(
        r#"{{"jti":"x","iat":1,"iss":"{}","sub":"{}","wascap":{{"hash":"{:064}"}}}}"#,
        cast().account.public_key(),
        cast().module.public_key(),
        0,
    )
}

/// What is said of a refusal is text that can be shown.
fn shown(error: &ClaimsError) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.contains(|c: char| c.is_control()), "{text:?}");
}

fn decoded(part: &str) -> Value {
    let json = BASE64URL_NOPAD.decode(part.as_bytes()).expect("accepted parts are base64");
    serde_json::from_slice(&json).expect("accepted parts are JSON")
}

fn header_is_right(text: &str) -> bool {
    let header = decoded(text.split('.').next().unwrap_or_default());
    let says = |field: &str| header[field].as_str().unwrap_or_default().to_owned();
    header.as_object().is_some_and(|header| header.len() == 2)
        && says("typ").eq_ignore_ascii_case("jwt")
        && ["Ed25519", "EdDSA"].contains(&says("alg").as_str())
}

/// Whether the claims are, field for field, what the JSON says.
#[track_caller]
fn agree(claims: &ModuleClaims, json: &Value) {
    let mut expected = json.clone();
    if let Some(about) = expected["wascap"].as_object_mut() {
        fill(about);
    }
    assert_eq!(serde_json::to_value(claims).expect("claims can be written"), expected);
}

/// Empty lists are left out where claims are written, and `prov` never is.
fn fill(about: &mut Map<String, Value>) {
    about.retain(|field, value| {
        !(["tags", "caps"].contains(&field.as_str()) && *value == Value::Array(Vec::new()))
    });
    about.entry("prov").or_insert(Value::Bool(false));
}
