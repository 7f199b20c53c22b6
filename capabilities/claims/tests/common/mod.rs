//! What the tests share: fixed keys, small modules, and tokens made by hand, without the code that is tested.
// Each test file uses a part of this.
#![allow(dead_code)]

use bytes::Bytes;
use capability_claims::{
    ClaimsBuilder, ClaimsError, KeyPair, Label, PublicKey, TrustPolicy, VerifiedModule, sign_module,
};
use data_encoding::BASE64URL_NOPAD;

/// The moment at which the tests verify, unless they say another.
pub(crate) const NOW: u64 = 1_700_000_000;

/// Seeds of 32 times the same byte: 1 the account, 2 the module, 3 the operator, 4 another account, 5 another operator.
pub(crate) const ACCOUNT: &str = "SAAACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAKM5I";
pub(crate) const MODULE: &str = "SMAAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAWDLE";
pub(crate) const OPERATOR: &str = "SOAAGAYDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGA36TU";
pub(crate) const OTHER_ACCOUNT: &str = "SAAAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAP4I";
pub(crate) const OTHER_OPERATOR: &str = "SOAAKBIFAUCQKBIFAUCQKBIFAUCQKBIFAUCQKBIFAUCQKBIFAUCQKBP4SI";

pub(crate) const HEADER: &str = r#"{"typ":"jwt","alg":"Ed25519"}"#;

pub(crate) fn account() -> KeyPair {
    KeyPair::from_seed(ACCOUNT).unwrap()
}

pub(crate) fn module() -> KeyPair {
    KeyPair::from_seed(MODULE).unwrap()
}

/// What the module is called in messages.
pub(crate) fn label() -> Label {
    Label::new(Some("counter"), module().public_key())
}

pub(crate) fn operator() -> KeyPair {
    KeyPair::from_seed(OPERATOR).unwrap()
}

/// A number in LEB128 that takes `width` bytes, which may be more than it needs.
pub(crate) fn leb128(value: usize, width: usize) -> Vec<u8> {
    let byte = |i: usize| (value >> (7 * i)) as u8 & 0x7f | if i + 1 < width { 0x80 } else { 0 };
    (0..width).map(byte).collect()
}

fn shortest(value: usize) -> usize {
    (1..5).find(|width| value < 1 << (7 * width)).unwrap_or(5)
}

/// A section whose size is written in as many bytes as need be.
pub(crate) fn section(id: u8, body: &[u8]) -> Vec<u8> {
    section_with_width(id, body, shortest(body.len()))
}

/// A section whose size is written in `width` bytes.
pub(crate) fn section_with_width(id: u8, body: &[u8], width: usize) -> Vec<u8> {
    [&[id][..], &leb128(body.len(), width), body].concat()
}

pub(crate) fn custom(name: &str, payload: &[u8]) -> Vec<u8> {
    section(0, &[&leb128(name.len(), shortest(name.len())), name.as_bytes(), payload].concat())
}

pub(crate) fn wasm(sections: &[Vec<u8>]) -> Vec<u8> {
    [b"\0asm\x01\0\0\0".to_vec(), sections.concat()].concat()
}

/// A type, a function of it, its body (which returns at once), and a custom section: a valid module.
pub(crate) fn small_module() -> Vec<u8> {
    wasm(&[
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(10, &[1, 2, 0, 0x0b]),
        custom("producers", b"by hand"),
    ])
}

pub(crate) fn claims() -> ClaimsBuilder {
    ClaimsBuilder::new(module().public_key())
        .name("counter")
        .capability("wascc:http_server")
        .capability("wascc:keyvalue")
        .tag("demo")
        .revision(7)
        .version("1.2.0")
        .issued_at(NOW - 100)
        .not_before(NOW - 50)
        .expires_at(NOW + 50)
}

pub(crate) fn signed() -> Vec<u8> {
    sign_module(&small_module(), &claims(), &account()).unwrap()
}

pub(crate) fn policy() -> TrustPolicy {
    TrustPolicy::nobody().account(account().public_key())
}

pub(crate) fn verify(wasm: &[u8]) -> Result<VerifiedModule, ClaimsError> {
    policy().verify(Bytes::copy_from_slice(wasm), NOW)
}

#[track_caller]
pub(crate) fn refusal(wasm: &[u8]) -> ClaimsError {
    verify(wasm).expect_err("the module should be refused")
}

/// The claims of the small module as JSON, for the tests that change the text.
pub(crate) fn claims_json() -> String {
    let hash = capability_claims::ModuleHash::of(&small_module()).unwrap();
    format!(
        r#"{{"jti":"by-hand","iat":1700000000,"iss":"{}","sub":"{}","wascap":{{"name":"counter","hash":"{hash}","prov":false}},"wascap_revision":3}}"#,
        account().public_key(),
        module().public_key(),
    )
}

pub(crate) fn token(header: &str, claims: &str, key: &KeyPair) -> String {
    sealed(&BASE64URL_NOPAD.encode(header.as_bytes()), &BASE64URL_NOPAD.encode(claims.as_bytes()), key)
}

/// A token of parts that are text already, with a right signature over whatever they are.
pub(crate) fn sealed(header: &str, claims: &str, key: &KeyPair) -> String {
    let message = format!("{header}.{claims}");
    let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The small module with this token.
pub(crate) fn carrying(token: &str) -> Vec<u8> {
    [small_module(), custom("jwt", token.as_bytes())].concat()
}

/// The small module with a token of this JSON, rightly signed.
pub(crate) fn carrying_json(header: &str, claims: &str) -> Vec<u8> {
    carrying(&token(header, claims, &account()))
}

pub(crate) fn key(text: &str) -> PublicKey {
    text.parse().unwrap()
}

/// A generator of numbers that are the same in every run (xorshift).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
