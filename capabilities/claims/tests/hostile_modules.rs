//! Damaged, hostile and random bytes: none is accepted, and none makes anything panic.

mod common;

use bytes::Bytes;
use capability_claims::{ClaimsError, ModuleHash, extract, inspect, sign_module, strip};
use common::{NOW, Numbers, account, claims, custom, policy, section, signed, verify, wasm};

/// Everything that reads a module, on these bytes: it may refuse them, not panic, and not accept them.
#[track_caller]
fn assert_refused(bytes: Vec<u8>, what: impl std::fmt::Display) {
    let _ = (extract(&bytes), inspect(&bytes), ModuleHash::of(&bytes), strip(&bytes));
    let _ = sign_module(&bytes, &claims(), &account());
    assert!(policy().verify(Bytes::from(bytes), NOW).is_err(), "accepted: {what}");
}

#[test]
fn the_module_is_good_before_it_is_damaged() {
    assert!(verify(&signed()).is_ok());
}

#[test]
fn truncated_at_every_length() {
    let whole = signed();
    for length in 0..whole.len() {
        assert_refused(whole[..length].to_vec(), format_args!("{length} bytes"));
    }
}

#[test]
fn every_single_bit_flipped() {
    let whole = signed();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_refused(flipped, format_args!("bit {bit}"));
    }
}

#[test]
fn bytes_set_inserted_removed_and_swapped() {
    let whole = signed();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut tried = 0;
    while tried < 3000 {
        let mut changed = whole.clone();
        let (one, two) = (numbers.below(whole.len()), numbers.below(whole.len()));
        match numbers.below(5) {
            0 => changed[one] = numbers.next() as u8,
            1 => changed.insert(one, numbers.next() as u8),
            2 => drop(changed.remove(one)),
            3 => changed.swap(one, two),
            _ => drop(changed.drain(one.min(two)..one.max(two))),
        }
        if changed != whole {
            assert_refused(changed, format_args!("change {tried}"));
            tried += 1;
        }
    }
}

#[test]
fn random_bytes_with_and_without_the_beginning_of_a_module() {
    let mut numbers = Numbers(42);
    for round in 0..2000 {
        let mut bytes: Vec<u8> = (0..numbers.below(200)).map(|_| numbers.next() as u8).collect();
        assert_refused(bytes.clone(), format_args!("random {round}"));
        bytes.splice(0..0, *b"\0asm\x01\0\0\0");
        assert_refused(bytes, format_args!("random module {round}"));
    }
}

#[test]
fn random_text_in_the_place_of_a_token() {
    let mut numbers = Numbers(7);
    for round in 0..2000 {
        let text: Vec<u8> =
            (0..numbers.below(120)).map(|_| b"eyJ0.\"{}:, =-_\\u\n\xff"[numbers.below(18)]).collect();
        assert_refused(wasm(&[custom("jwt", &text)]), format_args!("text {round}"));
    }
}

/// Sizes that lie must not be believed: nothing of their size is allocated.
#[test]
fn sizes_of_four_gigabytes_in_a_few_bytes() {
    let huge = b"\xff\xff\xff\xff\x0f";
    for bytes in [
        [&b"\0asm\x01\0\0\0\x01"[..], huge].concat(),
        [&b"\0asm\x01\0\0\0\x00"[..], huge, b"\x03jwt"].concat(),
        wasm(&[section(0, &[huge, &b"jwt"[..]].concat())]),
        wasm(&[section(0, huge)]),
    ] {
        let error = verify(&bytes).unwrap_err();
        assert!(matches!(error, ClaimsError::MalformedModule { .. }), "{error:?}");
        assert_refused(bytes, "huge sizes");
    }
}

/// A million sections in two megabytes: time and memory stay in proportion to the file.
#[test]
fn a_million_sections() {
    let many = wasm(&[[1, 0].repeat(1_000_000)]);
    let signed = sign_module(&many, &claims(), &account()).unwrap();
    assert!(verify(&signed).is_ok());
    assert_eq!(strip(&signed).unwrap(), many);

    let tokens = wasm(&[custom("jwt", b"").repeat(100_000)]);
    assert_eq!(verify(&tokens).unwrap_err(), ClaimsError::MultipleTokens { count: 100_000 });
    assert_eq!(strip(&tokens).unwrap(), wasm(&[]));
}
