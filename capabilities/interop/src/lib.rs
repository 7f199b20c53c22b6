//! Holds what the tests under `tests/` share: keys, and modules of every kind of WebAssembly that compilers emit.
//!
//! ```text
//!   wascap 0.5, 0.16 ──sign──▶ module + token ──verify──▶ capability-claims
//!   capability-claims ──sign──▶ module + token ──validate──▶ wascap 0.16, 0.5
//! ```
#![forbid(unsafe_code)]

use capability_claims::{Clock as _, KeyPair, SystemClock};

/// Seeds of 32 times the same byte: 1 the account, 2 the module, 3 the operator.
pub const ACCOUNT: &str = "SAAACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAKM5I";
/// The seed of the module's key.
pub const MODULE: &str = "SMAAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAWDLE";
/// The seed of the operator's key.
pub const OPERATOR: &str = "SOAAGAYDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGAYDAMBQGA36TU";

/// A module of the first version of WebAssembly, which every tool can parse.
pub const PLAIN: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 8) "hello")
    (func (export "double") (param i32) (result i32) local.get 0 i32.const 1 i32.shl))"#;

/// Modules that use what came later, by name. `wascap` 0.5 can parse none of them.
pub const MODERN: [(&str, &str); 9] = [
    (
        "bulk memory",
        r#"(module (memory 1) (data "abc") (func (export "f")
            (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 3))
            (memory.copy (i32.const 8) (i32.const 0) (i32.const 3))
            (memory.fill (i32.const 0) (i32.const 7) (i32.const 9)) data.drop 0))"#,
    ),
    (
        "sign extension",
        r#"(module (func (export "f") (param i32 i64) (result i64)
            local.get 0 i32.extend8_s drop local.get 1 i64.extend32_s))"#,
    ),
    (
        "SIMD",
        r#"(module (func (export "f") (param v128) (result v128)
            local.get 0 v128.const i32x4 1 2 3 4 i32x4.add))"#,
    ),
    (
        "reference types",
        r#"(module (table 2 externref) (table 2 funcref) (elem declare func $f)
            (func $f (export "f") (param externref) (result funcref)
                (table.set 0 (i32.const 0) (local.get 0)) ref.func $f))"#,
    ),
    (
        "tail calls and multiple values",
        r#"(module (func $two (param i32) (result i32 i32) local.get 0 local.get 0)
            (func (export "f") (param i32) (result i32 i32) local.get 0 return_call $two))"#,
    ),
    (
        "exceptions",
        r#"(module (tag $e (param i32)) (func (export "f") (result i32)
            (block $caught (result i32) (try_table (catch $e $caught) (throw $e (i32.const 1))) i32.const 2)))"#,
    ),
    (
        "threads",
        r#"(module (memory 1 2 shared) (func (export "f") (result i32)
            (i32.atomic.rmw.add (i32.const 0) (i32.const 1))))"#,
    ),
    (
        "two memories of 64 bits",
        r#"(module (memory $a i64 1) (memory $b i64 1) (func (export "f") (result i32) (i32.load $b (i64.const 0))))"#,
    ),
    (
        "garbage collection",
        r#"(module (type $point (struct (field i32) (field i32)))
            (func (export "f") (result (ref $point)) i32.const 1 i32.const 2 struct.new $point))"#,
    ),
];

/// What the compiler of Rust makes of an actor, with its own token.
pub const RUST: &[u8] = include_bytes!("../../../examples/guests/modules/kv-counter.wasm");

/// A module from its text, with custom sections before and after all others.
#[must_use]
pub fn module(text: &str) -> Vec<u8> {
    let inside = text.strip_prefix("(module").and_then(|rest| rest.strip_suffix(')')).expect("a module");
    let text = format!(
        r#"(module (@custom "first" (before first) "\00\ff") {inside} (@custom "producers" (after last) "by hand"))"#
    );
    wat::parse_str(text).expect("the modules are valid")
}

/// Every module here, by name.
pub fn modules() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let texts = [("plain", PLAIN)].into_iter().chain(MODERN);
    texts
        .map(|(name, text)| (name, module(text)))
        .chain([("sizes in five bytes", with_long_sizes(&module(PLAIN))), ("Rust", RUST.to_vec())])
}

/// The same sections with every size written in five bytes, as linkers do that fill sizes in afterwards. Sizes in `wasm` take one byte.
fn with_long_sizes(wasm: &[u8]) -> Vec<u8> {
    let (preamble, mut rest) = wasm.split_at(8);
    let mut long = preamble.to_vec();
    while let [id, size, tail @ ..] = rest {
        assert!(*size < 128, "the sections are small");
        let (body, next) = tail.split_at(usize::from(*size));
        long.extend([*id, size | 0x80, 0x80, 0x80, 0x80, 0]);
        long.extend(body);
        rest = next;
    }
    long
}

/// The key pair of a seed above.
#[must_use]
pub fn pair(seed: &str) -> KeyPair {
    KeyPair::from_seed(seed).expect("the seeds are valid")
}

/// The time of this moment in seconds since 1970, which `wascap` judges by.
#[must_use]
pub fn now() -> u64 {
    SystemClock.now()
}

/// The dates that a token may have, all of them good for an hour: without and with a beginning, without and with an end.
#[must_use]
pub fn dates() -> [(Option<u64>, Option<u64>); 4] {
    let (begin, end) = (Some(now() - 3600), Some(now() + 3600));
    [(None, None), (begin, None), (None, end), (begin, end)]
}
