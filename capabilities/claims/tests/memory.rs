//! A secret lies in memory once, and not at all when the last key pair is gone. A child process reads its own memory.
#![cfg(target_os = "linux")]

use std::{
    env,
    fmt::Write,
    fs::{self, File},
    hint,
    io::{Read, Seek, SeekFrom},
    process::Command,
};

use capability_claims::{ClaimsBuilder, KeyKind, KeyPair, sign_module};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

const MODULE: &str = "MAWTZOX6RYV2OCU46C3VC6CPCFXTLS3EHQFBB6X56LXL7C7IKHUSV4QW";
const SEED: &str = "SAABU24PZRLEGQ3B72RFODWFDJIBIWBMN5DQSOTS5CVEOUCJFW4KHZOC7Q";

/// What the child is to do, and the masked text of the seed.
const TASK: &str = "TASK_OF_THE_CHILD";
const MASKED_SEED: &str = "MASKED_SEED";
const MASKED_PARTS: &str = "MASKED_PARTS";

/// What is looked for is in the child only with each byte changed, lest it finds itself.
const MASK: u8 = 0xa5;

/// So long a part of a secret is not there by chance.
const PART: usize = 16;

/// Parts of one secret, masked: as bytes, as the words that a hash makes of them, as text, and of what signatures are made with.
struct Parts(Vec<(String, Vec<u8>)>);

impl Parts {
    fn of(seed: &str) -> Self {
        let raw = Zeroizing::new(BASE32_NOPAD.decode(seed.as_bytes()).unwrap());
        let raw = Zeroizing::new(raw[2..34].to_vec());
        let words: Zeroizing<Vec<u8>> =
            Zeroizing::new(raw.chunks(8).flat_map(|word| word.iter().rev().copied()).collect());
        let expanded = Zeroizing::new(Sha512::digest(&*raw).to_vec());
        let mut parts = Vec::new();
        let mut add = |name: &str, bytes: &[u8]| parts.push((name.to_owned(), masked(bytes)));
        add("seed, first half", &raw[..PART]);
        add("seed, second half", &raw[PART..]);
        add("words, first half", &words[..PART]);
        add("words, second half", &words[PART..]);
        add("text, begin", &seed.as_bytes()[4..][..PART]);
        // What a buffer that grew leaves behind: the allocator overwrites no more than the first two words.
        add("text, middle", &seed.as_bytes()[16..][..PART]);
        add("text, end", &seed.as_bytes()[40..][..PART]);
        // The first and the last byte of the scalar have bits that do not count.
        add("scalar", &expanded[8..][..PART]);
        add("prefix", &expanded[32..][..PART]);
        Self(parts)
    }

    fn to_text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (name, part)| {
            let _ = write!(text, "{name}={};", HEXLOWER.encode(part));
            text
        })
    }

    fn parse(text: &str) -> Self {
        let parts = text.split_terminator(';').map(|part| {
            let (name, masked) = part.split_once('=').unwrap();
            (name.to_owned(), HEXLOWER.decode(masked.as_bytes()).unwrap())
        });
        Self(parts.collect())
    }

    /// The names of the parts that are in this process's memory, each as often as it is there.
    fn found(&self) -> Vec<String> {
        let mut memory = File::open("/proc/self/mem").unwrap();
        let mut buffer = vec![0; 1 << 16];
        let own = buffer.as_ptr().addr();
        let own = own..own + buffer.len();
        let mut found = Vec::new();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (start, rest) = line.split_once('-').unwrap();
            let address = |text| usize::from_str_radix(text, 16).unwrap();
            let (mut at, end) = (address(start), address(rest.split_once(' ').unwrap().0));
            while at < end {
                let length = buffer.len().min(end - at);
                let Ok(()) = memory
                    .seek(SeekFrom::Start(at as u64))
                    .and_then(|_| memory.read_exact(&mut buffer[..length]))
                else {
                    break;
                };
                for (name, part) in &self.0 {
                    let hits = places(&buffer[..length], part);
                    found.extend(hits.filter(|hit| !own.contains(&(at + hit))).map(|_| name.clone()));
                }
                if length < buffer.len() {
                    break;
                }
                // What lies across the end of a buffer is in the next one as a whole.
                at += length - (PART - 1);
            }
        }
        found.sort();
        found
    }
}

fn places(bytes: &[u8], masked: &[u8]) -> impl Iterator<Item = usize> {
    let first = masked[0] ^ MASK;
    let begins = bytes.windows(PART).enumerate().filter(move |(_, window)| window[0] == first);
    begins
        .filter(move |(_, window)| window.iter().zip(masked).all(|(byte, masked)| byte ^ MASK == *masked))
        .map(|(at, _)| at)
}

fn masked(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ MASK).collect()
}

/// The secret's text. A buffer that grows would leave copies behind.
fn unmasked(hexadecimal: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in HEXLOWER.decode(hexadecimal.as_bytes()).unwrap() {
        text.push(char::from(byte ^ MASK));
    }
    text
}

/// Goes down the stack first, so that what is left there is not overwritten by what comes afterwards.
#[inline(never)]
fn deep_down<T>(levels: usize, work: &mut dyn FnMut() -> T) -> T {
    let room = hint::black_box([0_u8; 1 << 16]);
    let result = if levels == 0 { work() } else { deep_down(levels - 1, work) };
    hint::black_box(&room);
    result
}

/// Lets the child do one task, and panics with what it says when that fails.
fn child_does(task: &str) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_child", "--ignored", "--nocapture", "--test-threads=1"]).env(TASK, task);
    command.env(MASKED_SEED, HEXLOWER.encode(&masked(SEED.as_bytes())));
    command.env(MASKED_PARTS, Parts::of(SEED).to_text());
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_key_pair_has_the_only_copy_of_its_secret() {
    child_does("alive");
}

#[test]
fn nothing_is_left_of_a_key_pair_that_was_read() {
    child_does("read");
}

#[test]
fn nothing_is_left_of_a_key_pair_that_signed() {
    child_does("sign");
}

#[test]
fn nothing_is_left_of_a_key_pair_that_was_refused() {
    child_does("refuse");
}

#[test]
fn nothing_is_left_of_a_key_pair_that_told_its_seed() {
    child_does("tell");
}

#[test]
fn nothing_is_left_of_a_key_pair_that_was_generated() {
    child_does("generate");
}

/// Not a test: what the tests above run as a process of its own.
#[test]
#[ignore = "run by the other tests, with its task"]
fn the_child() {
    let Ok(task) = env::var(TASK) else { return };
    let masked_seed = env::var(MASKED_SEED).unwrap();
    let parts = Parts::parse(&env::var(MASKED_PARTS).unwrap());
    let read = || KeyPair::from_seed(&unmasked(&masked_seed)).unwrap();
    let nothing: [&str; 0] = [];
    match task.as_str() {
        "alive" => {
            let key = deep_down(2, &mut || Some(read().of_kind(KeyKind::Account, "a key").unwrap()));
            let moved = Box::new(key);
            assert_eq!(parts.found(), ["seed, first half", "seed, second half"]);
            drop(moved);
        }
        "read" => deep_down(2, &mut || drop(read())),
        "sign" => deep_down(2, &mut || {
            let key = read().of_kind(KeyKind::Account, "a key").unwrap();
            hint::black_box(key.sign(b"a message"));
            let claims = ClaimsBuilder::new(MODULE.parse().unwrap());
            hint::black_box(sign_module(b"\0asm\x01\0\0\0", &claims, &key).unwrap());
        }),
        "refuse" => deep_down(2, &mut || {
            assert!(read().of_kind(KeyKind::Module, "a key").is_err());
            let mut mistyped = unmasked(&masked_seed);
            assert!(mistyped.pop().is_some());
            mistyped.push('R');
            assert!(KeyPair::from_seed(&mistyped).is_err());
        }),
        "tell" => deep_down(2, &mut || assert_eq!(read().seed().len(), 58)),
        "generate" => {
            let parts = deep_down(2, &mut || {
                let key = KeyPair::generate(KeyKind::Module).unwrap();
                let masked = masked(key.seed().as_bytes());
                // The rest of the parts would need the secret itself.
                Parts(vec![
                    ("text, begin".to_owned(), masked[4..][..PART].to_vec()),
                    ("text, middle".to_owned(), masked[16..][..PART].to_vec()),
                    ("text, end".to_owned(), masked[40..][..PART].to_vec()),
                ])
            });
            assert_eq!(parts.found(), nothing);
        }
        other => panic!("no task is called {other}"),
    }
    assert_eq!(parts.found(), nothing, "left of the secret");
    // What is there is found.
    let there = unmasked(&masked_seed);
    assert_eq!(parts.found(), ["text, begin", "text, end", "text, middle"]);
    drop(there);
}
