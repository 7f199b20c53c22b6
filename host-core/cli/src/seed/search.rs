//! Finds what could be a seed among other things, so that nobody repeats it.

use std::ops::Range;

use capability_claims::KeyPair;
use zeroize::Zeroizing;

/// The characters of a seed.
const SEED: usize = 58;

/// How short a slip of the hand can make it.
const SHORTEST: usize = 50;

/// The longest word in which a seed is looked for that does not begin with it.
const LONGEST_WORD: usize = 256;

/// A text for people, with what could be a seed taken out: a seed may have been typed where any word belongs.
pub(crate) fn hidden_in(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = first_in(rest.as_bytes()) {
        shown.push_str(&rest[..found.start]);
        shown.push_str("(a seed, not shown)");
        rest = &rest[found.end..];
    }
    shown.push_str(rest);
    shown
}

/// Where the first thing is that could be a seed: a word of the characters of seeds that begins as one and has about its length or more; and
/// in other words, or in small letters, what is one.
pub(crate) fn first_in(bytes: &[u8]) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|byte| is_of_words(*byte)).map(|skipped| at + skipped)
    {
        let length =
            bytes[start..].iter().position(|byte| !is_of_words(*byte)).unwrap_or(bytes.len() - start);
        if let Some(found) = in_word(&bytes[start..][..length]) {
            return Some(start + found.start..start + found.end);
        }
        at = start + length;
    }
    None
}

/// The base32 alphabet (RFC 4648 §6), also in small letters.
fn is_of_words(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'2'..=b'7')
}

fn in_word(word: &[u8]) -> Option<Range<usize>> {
    if word.len() < SHORTEST {
        return None;
    }
    let mut start = 0;
    // Small letters may stand beside it without a space.
    for piece in word.split(u8::is_ascii_lowercase) {
        if piece.len() >= SHORTEST && piece[0] == b'S' {
            return Some(start..start + piece.len());
        }
        start += piece.len() + 1;
    }
    let windows = word[..word.len().min(LONGEST_WORD)].windows(SEED);
    windows.enumerate().find(|(_, window)| is_seed(window)).map(|(at, _)| at..at + SEED)
}

fn is_seed(window: &[u8]) -> bool {
    if !window[0].eq_ignore_ascii_case(&b'S') {
        return false;
    }
    let Ok(text) = str::from_utf8(window) else { return false };
    let mut capitals = Zeroizing::new(String::with_capacity(SEED));
    capitals.push_str(text);
    capitals.make_ascii_uppercase();
    KeyPair::from_seed(&capitals).is_ok()
}

#[cfg(test)]
mod tests {
    use super::hidden_in;

    const SEED: &str = "SAABU24PZRLEGQ3B72RFODWFDJIBIWBMN5DQSOTS5CVEOUCJFW4KHZOC7Q";
    const KEY: &str = "AAVGZPUWJNPTKLS7KZNEKWMDZ2OOCZ7UAMVADZVA2P7J2XHOD5LNCHLZ";

    #[test]
    fn what_could_be_a_seed_is_hidden() {
        let small = SEED.to_lowercase();
        for text in [
            SEED,
            &SEED[..57],
            &SEED[..50],
            &format!("{SEED}A"),
            &format!("{SEED}{SEED}"),
            &format!("AA{SEED}"),
            &format!("{KEY}{SEED}"),
            &format!("key{SEED}x"),
            &format!("./{SEED}.nk"),
            &format!("{SEED} {KEY} {SEED}"),
            &small,
            &format!("AA{small}"),
        ] {
            let shown = hidden_in(text);
            for seed in [SEED, &small] {
                assert!((0..50).all(|at| !shown.contains(&seed[at..at + 8])), "{text}: {shown}");
            }
            assert_eq!(
                shown.contains(KEY),
                text.contains(&format!(" {KEY}")) || text.starts_with(KEY),
                "{shown}"
            );
        }
    }

    #[test]
    fn what_is_none_is_shown() {
        let hash = "6DCA430C153E14691EA7FCE11A726027342A45789B77425CA403BF760B0C9F33";
        let words = "S".repeat(49);
        for text in
            [KEY, "", "S", hash, &words, &"s".repeat(100), "a näme\n, and\u{202e} more", &"A".repeat(1000)]
        {
            assert_eq!(hidden_in(text), text);
        }
    }
}
