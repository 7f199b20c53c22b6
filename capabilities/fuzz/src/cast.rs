//! Holds the keys and tokens that play a part in the targets. They never change, so that a corpus keeps its meaning.

use std::sync::LazyLock;

use capability_claims::{AccountBuilder, Chain, ClaimsBuilder, KeyKind, KeyPair, OperatorBuilder};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};

/// The moment at which the targets verify, in seconds since 1970.
pub const NOW: u64 = 1_700_000_000;
/// The seed of the trusted account, as somebody may paste it where it does not belong.
pub const ACCOUNT_SEED: &str = "SAAACAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAKM5I";

/// Who is who.
pub struct Cast {
    /// Signs modules, and is trusted where the target trusts anybody.
    pub account: KeyPair,
    /// A module's identity.
    pub module: KeyPair,
    /// Vouches for the account.
    pub operator: KeyPair,
    /// An account that nobody trusts.
    pub stranger: KeyPair,
    /// The operator's own token, good for 40 seconds more.
    pub operator_token: String,
    /// The operator's word for the account, good for 20 seconds more.
    pub account_token: String,
    /// Both tokens.
    pub chain: Chain,
}

impl Cast {
    /// What the account says about the module.
    #[must_use]
    pub fn claims(&self) -> ClaimsBuilder {
        ClaimsBuilder::new(self.module.public_key())
            .name("counter")
            .capability("wascc:keyvalue")
            .revision(7)
            .id("the token's id")
            .issued_at(NOW - 100)
            .not_before(NOW - 50)
            .expires_at(NOW + 50)
    }
}

/// The cast of every target.
#[must_use]
pub fn cast() -> &'static Cast {
    static CAST: LazyLock<Cast> = LazyLock::new(assemble);
    &CAST
}

fn assemble() -> Cast {
    let (account, operator) = (key_pair(KeyKind::Account, 1), key_pair(KeyKind::Operator, 3));
    let root =
        OperatorBuilder::new().name("the house").id("the house").issued_at(NOW - 100).expires_at(NOW + 40);
    let operator_token = root.issue(&operator).expect("an operator may speak of itself");
    let team = AccountBuilder::new(account.public_key())
        .name("team")
        .id("the team")
        .issued_at(NOW - 100)
        .not_before(NOW - 30)
        .expires_at(NOW + 20);
    let account_token = team.issue(&operator).expect("an operator may vouch for an account");
    let chain =
        Chain::new([operator_token.as_str(), account_token.as_str()]).expect("the tokens belong together");
    Cast {
        module: key_pair(KeyKind::Module, 2),
        stranger: key_pair(KeyKind::Account, 4),
        account,
        operator,
        operator_token,
        account_token,
        chain,
    }
}

/// The key pair of a seed that is 32 times this byte.
///
/// # Panics
/// For a curve key, which cannot sign.
#[must_use]
pub fn key_pair(kind: KeyKind, byte: u8) -> KeyPair {
    let letter =
        BASE32_NOPAD.decode(format!("{}A", kind.letter()).as_bytes()).expect("letters are base32")[0];
    let mut raw = vec![0x90 | letter >> 5, (letter & 31) << 3];
    raw.extend([byte; 32]);
    let sum = crc(&raw).to_le_bytes();
    raw.extend(sum);
    KeyPair::from_seed(&BASE32_NOPAD.encode(&raw)).expect("this is how a seed is written")
}

/// CRC-16/XMODEM, bit by bit.
#[must_use]
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte) << 8, |sum, _| sum << 1 ^ if sum >> 15 == 1 { 0x1021 } else { 0 })
    })
}

/// A token of this header and these claims, with a right signature whatever they are.
#[must_use]
pub fn token(header: &[u8], claims: &[u8], key: &KeyPair) -> String {
    sealed(&BASE64URL_NOPAD.encode(header), &BASE64URL_NOPAD.encode(claims), key)
}

/// A token of parts that are text already, with a right signature over them.
#[must_use]
pub fn sealed(header: &str, claims: &str, key: &KeyPair) -> String {
    let message = format!("{header}.{claims}");
    let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// An empty module with this token, which need not be text.
#[must_use]
pub fn carrying(token: &[u8]) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    crate::Piece::custom(crate::Name::Token, token).write(&mut wasm);
    wasm
}
