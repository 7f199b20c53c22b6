//! Modules that the public `wascap` tool signed.

mod common;

use bytes::Bytes;
use capability_claims::{AccountClaims, ClaimsError, ModuleHash, TrustPolicy, inspect, sign_module, strip};
use common::{account, claims, custom, key, leb128, section, section_with_width, verify, wasm};
use data_encoding::HEXLOWER;

/// A loop that `wascap` 0.5 signed in May 2020, as published with that tool (Apache-2.0): the module without its token ...
const LOOP: &str = concat!(
    "0061736d010000000105016000017f030201000503010001070801046d61696e",
    "00000a26012401027f410a21010340200145044005200141016b210120004102",
    "6a21000c010b0b20000b"
);
/// ... and the token that it carries.
const LOOP_TOKEN: &str = concat!(
    "eyJ0eXAiOiJqd3QiLCJhbGciOiJFZDI1NTE5In0.",
    "eyJqdGkiOiI1dUhLcUR2M2dTQkFreTE1bXZ3dWhwIiwiaWF0IjoxNTkwMjA1MzMyLCJpc3MiOiJBQ0NIUzU3RDNQMlZFT041TVFDSk00WUEzNEdZQ",
    "kRGWlIzSUJHNUVRTlVPTklIQk81WDROSVVSQyIsInN1YiI6Ik1CUTJSQzNCQVJYRldUQkZXNVVKNkozUVNBVllKN0Q2NFo1TFJDUFIzVUk0NEY2NV",
    "EzT01OR1lNIiwid2FzY2FwIjp7Im5hbWUiOiJTZWN1cmUgQWN0b3IiLCJoYXNoIjoiNUM2NjE0MERCNjFBQkU3MDAwQkFEN0JCQjdBMUY4OTZDRTB",
    "DMEE3ODc5RDhBQTNDOUNBQjkzREIwQTBBMTgyNyIsInRhZ3MiOltdLCJjYXBzIjpbIndhc2NjOmtleXZhbHVlIiwid2FzY2M6bWVzc2FnaW5nIiwi",
    "d2FzY2M6aHR0cF9jbGllbnQiLCJ3YXNjYzpodHRwX3NlcnZlciJdLCJ2ZXIiOiIxLjAuMCIsInByb3YiOmZhbHNlfX0.",
    "jYFMymq5Z4v2f8ArGEU39dbJAHKytgXh_fbF9oSz1G0SR5s75b3796p9daMmgfrxEbn2k1L-FcIiHEeGrvdyDw",
);
const LOOP_ACCOUNT: &str = "ACCHS57D3P2VEON5MQCJM4YA34GYBDFZR3IBG5EQNUONIHBO5X4NIURC";

fn loop_module() -> Vec<u8> {
    HEXLOWER.decode(LOOP.as_bytes()).unwrap()
}

fn signed_loop() -> Vec<u8> {
    [loop_module(), custom("jwt", LOOP_TOKEN.as_bytes())].concat()
}

#[test]
fn a_module_signed_in_2020_verifies() {
    let policy = TrustPolicy::nobody().account(key(LOOP_ACCOUNT));
    let verified = policy.verify(Bytes::from(signed_loop()), 1_700_000_000).unwrap();
    let claims = verified.claims();
    assert_eq!(claims.name(), Some("Secure Actor"));
    assert_eq!(claims.subject(), key("MBQ2RC3BARXFWTBFW5UJ6J3QSAVYJ7D64Z5LRCPR3UI44F65Q3OMNGYM"));
    assert_eq!(claims.id(), "5uHKqDv3gSBAky15mvwuhp");
    assert_eq!((claims.issued_at(), claims.claims_revision()), (1_590_205_332, None));
    assert_eq!(
        claims.caps(),
        ["wascc:keyvalue", "wascc:messaging", "wascc:http_client", "wascc:http_server"]
    );
    assert_eq!((claims.version(), claims.revision()), (Some("1.0.0"), None));
    assert!(claims.tags().is_empty());
}

/// The tool itself did not look at the hash of tokens that give no revision of their shape.
#[test]
fn its_hash_is_enforced_although_the_token_has_no_revision() {
    let mut altered = signed_loop();
    altered[50] ^= 1;
    let error = TrustPolicy::nobody().verify(Bytes::from(altered), 0).unwrap_err();
    assert!(matches!(error, ClaimsError::Altered { .. }), "{error:?}");
}

#[test]
fn it_can_be_signed_anew() {
    assert_eq!(strip(&signed_loop()).unwrap(), loop_module());
    let signed = sign_module(&signed_loop(), &claims(), &account()).unwrap();
    assert_eq!(strip(&signed).unwrap(), loop_module());
    assert!(verify(&signed).is_ok());
}

/// Compilers of the time wrote sizes in five bytes, and tokens of the time give the hash of the bytes as they were.
#[test]
fn the_hash_of_the_bytes_as_written_is_accepted_too() {
    let sections = |width| {
        let note = [&leb128(4, 1)[..], b"noteabc"].concat();
        wasm(&[section_with_width(1, &[1, 0x60, 0, 0], width), section_with_width(0, &note, width)])
    };
    let as_written = sha256(&sections(5));
    assert_ne!(as_written, ModuleHash::of(&sections(5)).unwrap().to_string());
    let json = common::claims_json();
    let at = json.find(r#""hash":""#).unwrap() + 8;
    let json = json.replace(&json[at..at + 64], &as_written);
    let token = custom("wasmcloud_jwt", common::token(common::HEADER, &json, &account()).as_bytes());
    assert!(verify(&[sections(5), token.clone()].concat()).is_ok());
    assert!(inspect(&[sections(5), token.clone()].concat()).unwrap().holds());
    // That hash is of these very bytes: the shorter form of the same sections has another.
    let error = verify(&[sections(1), token.clone()].concat()).unwrap_err();
    assert!(matches!(error, ClaimsError::Altered { .. }), "{error:?}");
    let error = verify(&[sections(5), section(0, &[0]), token].concat()).unwrap_err();
    assert!(matches!(error, ClaimsError::Altered { .. }), "{error:?}");
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXUPPER.encode(&sha2::Sha256::digest(bytes))
}

/// What `wascap` 0.16 writes for an account: the name may be `null`, and so may the list of signers.
#[test]
fn account_tokens_with_nulls_are_read() {
    let json = format!(
        r#"{{"jti":"x","iat":1,"iss":"{}","sub":"{}","wascap":{{"name":null,"valid_signers":null}},"wascap_revision":3}}"#,
        common::operator().public_key(),
        account().public_key(),
    );
    let token = common::token(common::HEADER, &json, &common::operator());
    assert_eq!(AccountClaims::verify(&token).unwrap().name(), None);
}
