//! Encodes keys and seeds as NATS nkeys define it, and decodes them: base32 of prefix, key and checksum.

use crc::{CRC_16_XMODEM, Crc};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::keys::KeyKind;

/// The characters of a public key.
pub(crate) const PUBLIC_LENGTH: usize = 56;
/// The characters of a seed.
const SEED_LENGTH: usize = 58;
/// The prefix of seeds, `S`, in the upper five bits of a seed's first byte.
const SEED_PREFIX: u8 = 18 << 3;

const PUBLIC_BYTES: usize = 1 + 32 + 2;
const SEED_BYTES: usize = 2 + 32 + 2;

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// A text or bytes that are not a key, with what is wrong and what to do. The text is not repeated,
/// for it may be a secret.
pub(crate) struct Malformed(pub(crate) &'static str);

pub(crate) fn encode_public<'a>(kind: KeyKind, key: &[u8; 32], text: &'a mut [u8; PUBLIC_LENGTH]) -> &'a str {
    let mut raw = [0; PUBLIC_BYTES];
    raw[0] = kind.prefix();
    raw[1..33].copy_from_slice(key);
    seal(&mut raw);
    BASE32_NOPAD.encode_mut_str(&raw, text)
}

pub(crate) fn decode_public(text: &str) -> Result<(KeyKind, [u8; 32]), Malformed> {
    if text.len() == SEED_LENGTH && text.starts_with('S') {
        return malformed(
            "this is a secret seed where a public key belongs; keep it to yourself, and give its public key",
        );
    }
    if text.len() != PUBLIC_LENGTH {
        return malformed("a public key has 56 characters; copy all of it and nothing else");
    }
    let raw: [u8; PUBLIC_BYTES] = *decode(text)?;
    let Some(kind) = KeyKind::of_prefix(raw[0]) else {
        return malformed("its first letter is none of A, C, M, N, O, U, V, X; copy it once more");
    };
    let mut key = [0; 32];
    key.copy_from_slice(&raw[1..33]);
    Ok((kind, key))
}

pub(crate) fn encode_seed(kind: KeyKind, seed: &[u8; 32]) -> Zeroizing<String> {
    let mut raw = Zeroizing::new([0; SEED_BYTES]);
    raw[0] = SEED_PREFIX | (kind.prefix() >> 5);
    raw[1] = (kind.prefix() & 31) << 3;
    raw[2..34].copy_from_slice(seed);
    seal(raw.as_mut());
    let mut text = Zeroizing::new([0; SEED_LENGTH]);
    Zeroizing::new(BASE32_NOPAD.encode_mut_str(raw.as_ref(), text.as_mut()).to_owned())
}

pub(crate) fn decode_seed(text: &str) -> Result<(KeyKind, Zeroizing<[u8; 32]>), Malformed> {
    if text.len() == PUBLIC_LENGTH && !text.starts_with('S') {
        return malformed(
            "this looks like a public key where a secret seed belongs; give the seed of this key",
        );
    }
    if text.len() != SEED_LENGTH {
        return malformed("a seed has 58 characters; copy all of it and nothing else");
    }
    let raw: Zeroizing<[u8; SEED_BYTES]> = decode(text)?;
    if raw[0] & 0xf8 != SEED_PREFIX {
        return malformed("a seed begins with S; copy it once more");
    }
    let prefix = (raw[0] & 7) << 5 | raw[1] >> 3;
    let (true, Some(kind)) = (raw[1] & 7 == 0, KeyKind::of_prefix(prefix)) else {
        return malformed("its second letter is none of A, C, M, N, O, U, V, X; copy it once more");
    };
    let mut seed = Zeroizing::new([0; 32]);
    seed.copy_from_slice(&raw[2..34]);
    Ok((kind, seed))
}

/// Writes the checksum of all before it into the last two bytes, little end first.
fn seal(raw: &mut [u8]) {
    let body = raw.len() - 2;
    let sum = CRC.checksum(&raw[..body]).to_le_bytes();
    raw[body..].copy_from_slice(&sum);
}

/// Decodes base32 into exactly `N` bytes and checks the checksum at their end.
fn decode<const N: usize>(text: &str) -> Result<Zeroizing<[u8; N]>, Malformed> {
    let mut raw = Zeroizing::new([0; N]);
    if BASE32_NOPAD.decode_len(text.len()) != Ok(N) {
        return malformed("it has the wrong length; copy all of it and nothing else");
    }
    if BASE32_NOPAD.decode_mut(text.as_bytes(), raw.as_mut()).is_err() {
        return malformed("only the characters A-Z and 2-7 may be in it; copy it once more");
    }
    let (body, sum) = raw.split_at(N - 2);
    if CRC.checksum(body).to_le_bytes() != sum {
        return malformed("its checksum is wrong, for a character was lost or mistyped; copy it once more");
    }
    Ok(raw)
}

fn malformed<T>(reason: &'static str) -> Result<T, Malformed> {
    Err(Malformed(reason))
}
