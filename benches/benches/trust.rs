//! Measures what trust costs: signing and verifying a module of 20 MiB, and the decision that comes before every call of a
//! running one.
//!
//! The median of many rounds stands beside its limit, and the bench fails when one is missed. Where the best round is much faster, the
//! machine was busy with something else.

use std::{
    hint::black_box,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use capability_claims::{
    Access, ClaimsBuilder, Grant, GrantLimit, KeyKind, KeyPair, ManualClock, ModuleClaims, ModuleHash,
    Permit, PublicKey, TrustPolicy, sign_module, strip,
};
use host_core::{Error, Host};

const MIB: usize = 1 << 20;
const ROUNDS: usize = 31;
/// The moment of every decision, in seconds since 1970.
const NOW: u64 = 1_800_000_000;
/// Keys and tokens that the policy of the decisions revokes, so that it is not a small one.
const REVOKED: usize = 1000;

fn main() -> ExitCode {
    let mut table = Table::new();
    let account = KeyPair::generate(KeyKind::Account).expect("there is randomness");
    of_a_file(&mut table, &account);
    of_a_call(&mut table, &account);
    if table.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is done once, when a module is signed or loaded.
fn of_a_file(table: &mut Table, account: &KeyPair) {
    let wasm = module_of_20_mib();
    let claims = claims(KeyPair::generate(KeyKind::Module).expect("there is randomness").public_key());
    let policy = TrustPolicy::nobody().account(account.public_key());
    let signed = Bytes::from(sign_module(&wasm, &claims, account).expect("a module can be signed"));
    assert_eq!(strip(&signed).as_deref(), Ok(&wasm[..]), "stripping gives back what was signed");

    table.row("hash 20 MiB", None, rounds(1, || ModuleHash::of(&wasm)));
    let limit = Duration::from_millis(200);
    table.row("sign 20 MiB", Some(limit), rounds(1, || sign_module(&wasm, &claims, account)));
    let limit = Duration::from_millis(60);
    table.row("verify 20 MiB", Some(limit), rounds(1, || policy.verify(signed.clone(), NOW)));
}

/// What is done for each call of a module that runs, and when the policy is replaced under it.
fn of_a_call(table: &mut Table, account: &KeyPair) {
    let module = KeyPair::generate(KeyKind::Module).expect("there is randomness").public_key();
    let policy = Arc::new(strict_policy(account.public_key(), module));
    let claims = verified(&policy, module, account);
    let permit: Permit = policy.permit(&claims, NOW).expect("the module may run");
    let get = Access::capability("wascc:keyvalue", "default", "Get");
    assert_eq!((permit.allows(&get, NOW), policy.allows(&claims, &get, NOW)), (Ok(()), Ok(())));

    let limit = Some(Duration::from_nanos(50));
    table.row("Permit::allows", limit, rounds(100_000, || permit.allows(black_box(&get), NOW)));
    let decides = host_decision(&policy, module, account);
    assert!(decides(&get, NOW).is_ok());
    table.row("the host's decision", limit, rounds(100_000, || decides(black_box(&get), NOW)));
    table.row("Permit::check", limit, rounds(100_000, || permit.check(black_box(NOW))));
    table.row("TrustPolicy::check", None, rounds(100_000, || policy.check(black_box(&claims), NOW)));
    table.row("TrustPolicy::allows", None, rounds(100_000, || policy.allows(&claims, black_box(&get), NOW)));
    table.row("a permit of a new policy", None, rounds(10_000, || policy.permit(black_box(&claims), NOW)));
}

fn claims(module: PublicKey) -> ClaimsBuilder {
    let capabilities = ["wascc:http_server", "wascc:keyvalue", "wascc:logging", "wascc:blobstore"];
    capabilities
        .into_iter()
        .fold(ClaimsBuilder::new(module).name("bench"), ClaimsBuilder::capability)
        .revision(7)
        .issued_at(NOW - 60)
        .expires_at(NOW + 3600)
}

fn verified(policy: &TrustPolicy, module: PublicKey, account: &KeyPair) -> ModuleClaims {
    let signed = sign_module(b"\0asm\x01\0\0\0", &claims(module), account).expect("a module can be signed");
    policy.verify(signed.into(), NOW).expect("the policy trusts it").claims().clone()
}

/// What a host decides before each call to a provider or to another actor, in an actor that runs in it.
fn host_decision(
    policy: &TrustPolicy,
    module: PublicKey,
    account: &KeyPair,
) -> impl Fn(&Access<'_>, u64) -> Result<(), Error> {
    let guest = r#"(module (memory (export "memory") 1)
        (func (export "__guest_call") (param i32 i32) (result i32) (i32.const 1)))"#;
    let wasm = wat::parse_str(guest).expect("the guest is well-formed");
    let signed = sign_module(&wasm, &claims(module), account).expect("a module can be signed");
    let host = Host::builder().trust(policy.clone()).clock(Arc::new(ManualClock::new(NOW))).build();
    let host = host.expect("the host is built");
    let actor = host.add_actor(signed).expect("the policy trusts it");
    let decides = host.decision(&actor).expect("the actor is here");
    // A host that nobody holds ends, and then its actors may do nothing.
    move |access, now| {
        let _held = &host;
        decides(access, now)
    }
}

/// A policy that uses everything that there is to say.
fn strict_policy(account: PublicKey, module: PublicKey) -> TrustPolicy {
    let keyvalue = Grant::of("wascc:keyvalue").link("default").operation("Set").operation("Get");
    let limit = GrantLimit::nothing().and(keyvalue).and(Grant::of("wascc:logging"));
    let policy = TrustPolicy::nobody()
        .account(account)
        .max_token_life(Duration::from_secs(7200))
        .clock_skew(Duration::from_secs(5))
        .limit(account, limit)
        .and_then(|policy| policy.allow_actor(module))
        .and_then(|policy| policy.minimum_revision(module, 7))
        .expect("the keys are of the right kinds");
    (0..REVOKED).fold(policy, |policy, id| {
        let key = KeyPair::generate(KeyKind::Account).expect("there is randomness").public_key();
        policy.revoke_token(id.to_string()).revoke_key(key)
    })
}

/// The times of one run, from the best to the worst of rounds of so many runs each.
fn rounds<T>(runs: u32, mut run: impl FnMut() -> T) -> [Duration; ROUNDS] {
    let mut rounds = [(); ROUNDS].map(|()| {
        let began = Instant::now();
        (0..runs).for_each(|_| drop(black_box(run())));
        began.elapsed() / runs
    });
    rounds.sort_unstable();
    rounds
}

/// The table that is printed, row by row, and whether every limit was kept.
struct Table {
    kept: bool,
}

impl Table {
    fn new() -> Self {
        println!("{:<26}{:>12}{:>12}{:>12}", "", "best", "median", "limit");
        Self { kept: true }
    }

    fn row(&mut self, name: &str, limit: Option<Duration>, rounds: [Duration; ROUNDS]) {
        let (best, median) = (rounds[0], rounds[ROUNDS / 2]);
        let (limit, verdict) = match limit {
            None => ("-".to_owned(), ""),
            Some(limit) if median < limit => (format!("{limit:?}"), "pass"),
            Some(limit) => (format!("{limit:?}"), "FAIL"),
        };
        self.kept &= verdict != "FAIL";
        let (best, median) = (format!("{best:.1?}"), format!("{median:.1?}"));
        println!("{name:<26}{best:>12}{median:>12}{limit:>12}  {verdict}");
    }
}

/// A valid module with what large ones have: many functions with different bodies, data, and the names of all functions.
fn module_of_20_mib() -> Vec<u8> {
    const FUNCTIONS: usize = 60_000;
    let mut numbers = 0x9e37_79b9_7f4a_7c15;
    let functions: Vec<u8> = (0..FUNCTIONS).flat_map(|_| function(&mut numbers)).collect();
    let names: Vec<u8> = (0..FUNCTIONS)
        .flat_map(|index| {
            [leb128(index), sized(format!("crate::module::function_{index}").as_bytes())].concat()
        })
        .collect();
    let counted = |items: &[u8]| [&leb128(FUNCTIONS)[..], items].concat();
    let rest = |used: usize| 20 * MIB - used;
    let names = [&b"\x04name\x01"[..], &sized(&counted(&names))].concat();
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    for (id, body) in [
        (1, vec![1, 0x60, 1, 0x7f, 1, 0x7f]),
        (3, counted(&[0; FUNCTIONS])),
        (5, [vec![1, 0], leb128(512)].concat()),
        (7, [&[1][..], &sized(b"run"), &[0, 0]].concat()),
        (10, counted(&functions)),
        (11, data(rest(functions.len() + names.len() + FUNCTIONS), &mut numbers)),
        (0, names),
    ] {
        wasm.push(id);
        wasm.extend(sized(&body));
    }
    assert!((20 * MIB..21 * MIB).contains(&wasm.len()), "{} bytes", wasm.len());
    let store = wasmer::Store::default();
    wasmer::Module::validate(&store, &wasm).expect("the module is valid");
    wasm
}

/// The body of a function: some hundred bytes of additions and shifts of constants that are different each time.
fn function(numbers: &mut u64) -> Vec<u8> {
    let mut body = vec![0, 0x20, 0];
    for _ in 0..20 + next(numbers) % 40 {
        body.push(0x41);
        body.extend(leb128(next(numbers) as usize & 0x0fff_ffff));
        body.push(if next(numbers).is_multiple_of(2) { 0x6a } else { 0x74 });
    }
    body.push(0x0b);
    sized(&body)
}

/// One segment of data at the start of the memory.
fn data(length: usize, numbers: &mut u64) -> Vec<u8> {
    let bytes: Vec<u8> = (0..length).map(|_| next(numbers) as u8).collect();
    [&[1, 0, 0x41, 0, 0x0b][..], &sized(&bytes)].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&leb128(bytes.len()), bytes].concat()
}

/// A number in LEB128; it reads the same signed and unsigned, as its highest bit is never one of the value's.
fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x3f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The same numbers in every run (xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
