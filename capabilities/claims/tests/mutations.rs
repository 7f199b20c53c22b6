//! Ten thousand changes of a signed module, of every kind that somebody without the account's key can make: none is accepted.
//!
//! Only changes of content are made. Sizes that are merely written longer leave the module the same one to every engine and to the
//! hash; `round_trip.rs` shows that they are accepted.

mod common;

use std::{collections::BTreeMap, ops::Range, panic::catch_unwind};

use bytes::Bytes;
use capability_claims::{
    AccountBuilder, Chain, ClaimsError, ModuleHash, TrustPolicy, extract, inspect, sign_module, strip,
};
use common::{NOW, Numbers, account, claims, custom, operator, section, wasm};

const CHANGES: usize = 10_000;

/// A module with a section of many kinds, a chain and a token.
fn original() -> Vec<u8> {
    let module = wasm(&[
        custom("first", b"before all others"),
        section(1, &[2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f]),
        section(2, &[1, 1, b'm', 1, b'f', 0, 0]),
        section(3, &[1, 0]),
        section(5, &[1, 0, 1]),
        section(6, &[1, 0x7f, 0, 0x41, 42, 0x0b]),
        section(7, &[1, 3, b'r', b'u', b'n', 0, 1]),
        section(10, &[1, 4, 0, 0x01, 0x01, 0x0b]),
        section(11, &[1, 0, 0x41, 0, 0x0b, 4, 1, 2, 3, 4]),
        custom("name", b"\x00\x02\x01m"),
        custom("producers", b"by hand"),
    ]);
    let voucher = AccountBuilder::new(account().public_key()).issue(&operator()).unwrap();
    let module = Chain::new([voucher.as_str()]).unwrap().embed(&module).unwrap();
    sign_module(&module, &claims(), &account()).unwrap()
}

/// Where the sections of a module are, their ids and sizes with them. Sizes here take at most two bytes.
fn frames(wasm: &[u8]) -> Vec<Range<usize>> {
    let (mut frames, mut at) = (Vec::new(), 8);
    while at < wasm.len() {
        let (low, high) = (usize::from(wasm[at + 1]), usize::from(wasm[at + 2]));
        let (size, body) = if low < 128 { (low, at + 2) } else { (low - 128 + (high << 7), at + 3) };
        frames.push(at..body + size);
        at = body + size;
    }
    frames
}

fn assemble(sections: &[&[u8]]) -> Vec<u8> {
    [&b"\0asm\x01\0\0\0"[..], &sections.concat()].concat()
}

fn is_custom(section: &&[u8]) -> bool {
    section[0] == 0
}

/// One change, and what kind it is. It may by chance change nothing; such a one does not count.
fn change(whole: &[u8], numbers: &mut Numbers, round: usize) -> (String, Vec<u8>) {
    match round % 2 {
        0 => change_of_bytes(whole, numbers, round / 2),
        _ => change_of_sections(whole, numbers, round / 2),
    }
}

fn change_of_bytes(whole: &[u8], numbers: &mut Numbers, round: usize) -> (String, Vec<u8>) {
    let frames = frames(whole);
    let mut bytes = whole.to_vec();
    match round % 4 {
        0 => {
            // Section by section, so that the small ones are hit as often as the token is.
            let at = numbers.below(frames.len());
            let frame = &frames[at];
            bytes[frame.start + numbers.below(frame.len())] ^= 1 << numbers.below(8);
            (format!("a bit of section {at:2}"), bytes)
        }
        1 => {
            let token = frames.last().expect("the token is there");
            bytes[token.start + numbers.below(token.len())] = numbers.next() as u8;
            ("a byte of the token".into(), bytes)
        }
        2 => {
            bytes.truncate(numbers.below(whole.len()));
            ("cut short".into(), bytes)
        }
        _ => {
            for _ in 0..=numbers.below(4) {
                bytes[numbers.below(whole.len())] = numbers.next() as u8;
            }
            ("bytes overwritten".into(), bytes)
        }
    }
}

fn change_of_sections(whole: &[u8], numbers: &mut Numbers, round: usize) -> (String, Vec<u8>) {
    let frames = frames(whole);
    let mut sections: Vec<&[u8]> = frames.iter().map(|frame| &whole[frame.clone()]).collect();
    let (one, two) = (numbers.below(sections.len()), numbers.below(sections.len()));
    let added;
    let kind = match round % 7 {
        0 => {
            sections.swap(one, two);
            "two sections swapped"
        }
        1 => {
            shuffle(&mut sections, numbers);
            "sections shuffled"
        }
        2 => {
            let mut customs: Vec<&[u8]> = sections.iter().copied().filter(is_custom).collect();
            shuffle(&mut customs, numbers);
            let places = sections.iter_mut().filter(|section| is_custom(section));
            places.zip(customs).for_each(|(place, section)| *place = section);
            "custom sections reordered"
        }
        3 => {
            sections.insert(one, sections[two]);
            "a section twice"
        }
        4 => {
            let customs: Vec<&[u8]> = sections.iter().copied().filter(is_custom).collect();
            sections.insert(one, customs[numbers.below(customs.len())]);
            "a custom section twice"
        }
        5 => {
            sections.remove(one);
            "a section removed"
        }
        _ => {
            let payload: Vec<u8> = (0..numbers.below(40)).map(|_| numbers.next() as u8).collect();
            let name = ["jwt", "wasmcloud_jwt", "wascc_chain", "name", "", "x"][numbers.below(6)];
            added = custom(name, &payload);
            sections.insert(numbers.below(sections.len() + 1), &added);
            "a custom section added"
        }
    };
    (kind.into(), assemble(&sections))
}

fn shuffle<T>(items: &mut [T], numbers: &mut Numbers) {
    for i in (1..items.len()).rev() {
        items.swap(i, numbers.below(i + 1));
    }
}

/// Everything that reads a module, on these bytes: what verification says, or `None` when anything panics.
fn judge(policy: &TrustPolicy, bytes: Vec<u8>) -> Option<Result<(), ClaimsError>> {
    let policy = policy.clone();
    catch_unwind(move || {
        let _ = (extract(&bytes), inspect(&bytes), ModuleHash::of(&bytes), strip(&bytes));
        let _ = Chain::carried_by(&bytes);
        policy.verify(Bytes::from(bytes), NOW).map(|verified| drop(verified.code()))
    })
    .ok()
}

/// How many changes of one kind there were, and as what they were refused.
#[derive(Default)]
struct Tally {
    changes: usize,
    accepted: usize,
    panics: usize,
    refused: BTreeMap<String, usize>,
}

impl Tally {
    fn count(&mut self, judgement: Option<Result<(), ClaimsError>>) {
        self.changes += 1;
        match judgement {
            Some(Ok(())) => self.accepted += 1,
            Some(Err(error)) => {
                let variant = format!("{error:?}").split([' ', '(']).next().unwrap_or_default().to_owned();
                *self.refused.entry(variant).or_default() += 1;
            }
            None => self.panics += 1,
        }
    }
}

/// Shows its counts with `cargo test -p capability-claims --test mutations -- --nocapture`.
#[test]
fn ten_thousand_changes_none_accepted_none_panics() {
    let whole = original();
    let policies = [
        TrustPolicy::nobody().account(account().public_key()),
        TrustPolicy::nobody().operator(operator().public_key()),
    ];
    for policy in &policies {
        assert_eq!(judge(policy, whole.clone()), Some(Ok(())), "good before it is changed");
    }
    let (mut numbers, mut kinds) = (Numbers(0x5eed), BTreeMap::<String, Tally>::new());
    let mut made = 0;
    for round in 0.. {
        let (kind, changed) = change(&whole, &mut numbers, round);
        if changed != whole {
            kinds.entry(kind).or_default().count(judge(&policies[round / 3 % 2], changed));
            made += 1;
        }
        if made == CHANGES {
            break;
        }
    }
    for (kind, tally) in &kinds {
        println!(
            "{kind:<26}{:>5} changes, {} accepted, {} panics, refused: {:?}",
            tally.changes, tally.accepted, tally.panics, tally.refused
        );
    }
    let sum = |of: fn(&Tally) -> usize| kinds.values().map(of).sum::<usize>();
    let (accepted, panics) = (sum(|tally| tally.accepted), sum(|tally| tally.panics));
    println!("{} changes in all: {accepted} accepted, {panics} panics", sum(|tally| tally.changes));
    assert_eq!((sum(|tally| tally.changes), accepted, panics), (CHANGES, 0, 0));
    assert_eq!(kinds.len(), 10 + frames(&whole).len(), "every kind, and bits of every section");
    assert!(kinds.values().all(|tally| tally.changes > 50));
}

/// What is not content: a size that takes more bytes than it needs. It is accepted, and only the frame differs.
#[test]
fn a_longer_size_is_the_same_module() {
    let whole = original();
    let frame = frames(&whole)[1].clone();
    let body = &whole[frame.start + 2..frame.end];
    let longer = common::section_with_width(whole[frame.start], body, 3);
    let rewritten = [&whole[..frame.start], &longer, &whole[frame.end..]].concat();
    assert_ne!(rewritten, whole);
    assert_eq!(judge(&common::policy(), rewritten), Some(Ok(())));
}
