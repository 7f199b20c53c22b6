//! Ten thousand changes of a signed module, of every kind that somebody without the account's key can make: none is accepted.
//!
//! Only changes of content are made. Sizes that are merely written longer leave the module the same one to every engine and to the
//! hash; `round_trip.rs` shows that they are accepted.

mod common;

use std::{collections::BTreeMap, ops::Range, panic::catch_unwind};

use bytes::Bytes;
use capability_claims::{
    AccountBuilder, Chain, ModuleHash, TrustPolicy, VerifiedModule, extract, inspect, sign_module, strip,
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

fn assemble<'a>(sections: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    sections.into_iter().fold(b"\0asm\x01\0\0\0".to_vec(), |mut all, section| {
        all.extend_from_slice(section);
        all
    })
}

/// One change, and what kind it is. It may by chance change nothing; such a one does not count.
fn change(whole: &[u8], numbers: &mut Numbers, round: usize) -> (&'static str, Vec<u8>) {
    let frames = frames(whole);
    let mut sections: Vec<&[u8]> = frames.iter().map(|frame| &whole[frame.clone()]).collect();
    let (one, two) = (numbers.below(sections.len()), numbers.below(sections.len()));
    let mut bytes = whole.to_vec();
    match round % 9 {
        0 => {
            // Section by section, so that the small ones are hit as often as the token is.
            let frame = &frames[one];
            bytes[frame.start + numbers.below(frame.len())] ^= 1 << numbers.below(8);
            ("a bit of a section", bytes)
        }
        1 => {
            let token = frames.last().expect("the token is there");
            bytes[token.start + numbers.below(token.len())] = numbers.next() as u8;
            ("a byte of the token", bytes)
        }
        2 => {
            sections.swap(one, two);
            ("sections swapped", assemble(sections))
        }
        3 => {
            sections.insert(one, sections[two]);
            ("a section twice", assemble(sections))
        }
        4 => {
            sections.remove(one);
            ("a section removed", assemble(sections))
        }
        5 => {
            let payload: Vec<u8> = (0..numbers.below(40)).map(|_| numbers.next() as u8).collect();
            let name = ["jwt", "wasmcloud_jwt", "wascc_chain", "name", "", "x"][numbers.below(6)];
            let added = custom(name, &payload);
            sections.insert(numbers.below(sections.len() + 1), &added);
            ("a custom section added", assemble(sections))
        }
        6 => {
            bytes.truncate(numbers.below(whole.len()));
            ("cut short", bytes)
        }
        7 => {
            for i in (1..sections.len()).rev() {
                sections.swap(i, numbers.below(i + 1));
            }
            ("sections shuffled", assemble(sections))
        }
        _ => {
            for _ in 0..=numbers.below(4) {
                bytes[numbers.below(whole.len())] = numbers.next() as u8;
            }
            ("bytes overwritten", bytes)
        }
    }
}

/// Everything that reads a module, on these bytes: whether verification accepts them, or `None` when anything panics.
fn accepts(policy: &TrustPolicy, bytes: Vec<u8>) -> Option<bool> {
    let policy = policy.clone();
    catch_unwind(move || {
        let _ = (extract(&bytes), inspect(&bytes), ModuleHash::of(&bytes), strip(&bytes));
        let _ = Chain::carried_by(&bytes);
        policy.verify(Bytes::from(bytes), NOW).as_ref().map(VerifiedModule::code).is_ok()
    })
    .ok()
}

#[test]
fn ten_thousand_changes_none_accepted_none_panics() {
    let whole = original();
    let policies = [
        TrustPolicy::nobody().account(account().public_key()),
        TrustPolicy::nobody().operator(operator().public_key()),
    ];
    for policy in &policies {
        assert_eq!(accepts(policy, whole.clone()), Some(true), "good before it is changed");
    }
    let mut numbers = Numbers(0x5eed);
    let (mut accepted, mut panics, mut kinds) = (0, 0, BTreeMap::<_, usize>::new());
    let mut round = 0;
    while kinds.values().sum::<usize>() < CHANGES {
        let (kind, changed) = change(&whole, &mut numbers, round);
        round += 1;
        if changed == whole {
            continue;
        }
        *kinds.entry(kind).or_default() += 1;
        match accepts(&policies[round % 2], changed) {
            Some(true) => accepted += 1,
            Some(false) => {}
            None => panics += 1,
        }
    }
    assert_eq!((accepted, panics), (0, 0), "of {CHANGES} changes");
    assert!(kinds.len() == 9 && kinds.values().all(|count| *count > 900), "{kinds:?}");
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
    assert_eq!(accepts(&common::policy(), rewritten), Some(true));
}
