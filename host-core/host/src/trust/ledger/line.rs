//! Reads and writes the lines of a ledger: text of one length, closed by a checksum.

use capability_claims::{Owner, PolicyVersion, PublicKey};
use crc::{CRC_32_ISO_HDLC, Crc};

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What all ledgers begin with.
const HEADER: &str = "wascc revision ledger 2: the highest revision of each module that ran, and whose it is; the newest policy of \
                      each signer; how often each line changed";

/// In the place of a key where there is none.
const NOBODY: &str = "--------------------------------------------------------";

/// What is said has the length of a revision of 11 characters and two keys of 56, with the spaces between them.
const SAID: usize = 11 + 2 * (1 + 56);

/// A key of 56 characters, a number of 10, what is said, a checksum of 8; with the spaces between them and the end of the line.
pub(super) const LENGTH: usize = 56 + 1 + 10 + 1 + SAID + 1 + 8 + 1;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Of a module key.
    Module { highest: i32, account: Box<str>, operator: Option<Box<str>> },
    /// Of the signer of policies, whose newest this is.
    Policy(PolicyVersion),
    /// Of the ledger itself: how many keys it has.
    Keys(usize),
}

impl Said {
    pub(super) fn of_module(highest: i32, owner: Owner) -> Self {
        let operator = owner.operator().map(|key| key.to_string().into());
        Self::Module { highest, account: owner.account().to_string().into(), operator }
    }

    /// To whom the module belongs; `None` when these are no such keys, although the line is whole.
    pub(super) fn owner(&self) -> Option<Owner> {
        let Self::Module { account, operator, .. } = self else { return None };
        let operator = operator.as_deref().map(PublicKey::parse).transpose().ok()?;
        Owner::new(PublicKey::parse(account).ok()?, operator).ok()
    }

    fn text(&self) -> String {
        match self {
            Self::Module { highest, account, operator } => {
                format!("{highest:+011} {account} {}", operator.as_deref().unwrap_or(NOBODY))
            }
            Self::Policy(PolicyVersion { serial, hash }) => format!("{serial:020} {hash}"),
            Self::Keys(keys) => format!("{keys:010}"),
        }
    }

    /// What is said of a key; its first character tells what kind of key it is.
    fn parse(key: &str, text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut word = || words.next();
        Some(match key.as_bytes()[0] {
            b'M' => {
                let (highest, account) = (word()?.parse().ok()?, word()?.into());
                let operator = word().filter(|key| *key != NOBODY).map(Box::from);
                Self::Module { highest, account, operator }
            }
            b'A' | b'O' => {
                Self::Policy(PolicyVersion { serial: word()?.parse().ok()?, hash: word()?.parse().ok()? })
            }
            b'-' => Self::Keys(word()?.parse().ok()?),
            _ => return None,
        })
    }
}

/// The key of the lines that say how many there are.
pub(super) const fn of_itself() -> &'static str {
    NOBODY
}

/// The first line.
pub(super) fn header() -> Vec<u8> {
    format!("{HEADER:<width$}\n", width = LENGTH - 1).into_bytes()
}

/// A line that says nothing yet.
pub(super) fn empty() -> Vec<u8> {
    format!("{:-<width$}\n", "", width = LENGTH - 1).into_bytes()
}

/// The line that says this of a key; of two lines of one key the one with the higher turn is the newer.
pub(super) fn of(key: &str, turn: u32, said: &Said) -> Vec<u8> {
    let line = format!("{key} {turn:010} {:<SAID$}", said.text());
    let checksum = CHECKSUM.checksum(line.as_bytes());
    format!("{line} {checksum:08x}\n").into_bytes()
}

/// The key of a line, its turn, and what it says, when it is whole.
pub(super) fn parse(line: &[u8]) -> Option<(&str, u32, Said)> {
    let (key, rest) = str::from_utf8(line).ok()?.split_at_checked(56)?;
    let (turn, rest) = rest.strip_prefix(' ')?.split_at_checked(10)?;
    let said = Said::parse(key, rest.strip_prefix(' ')?.get(..SAID)?.trim_end())?;
    let turn = turn.parse().ok()?;
    (of(key, turn, &said) == line).then_some((key, turn, said))
}

#[cfg(test)]
mod tests {
    use capability_claims::{KeyKind, KeyPair};

    use super::*;

    fn public(kind: KeyKind) -> PublicKey {
        KeyPair::generate(kind).unwrap().public_key()
    }

    #[test]
    fn lines_have_one_length_and_come_back_whole() {
        let [module, account, operator] = [KeyKind::Module, KeyKind::Account, KeyKind::Operator].map(public);
        let owned = |highest, operator| Said::of_module(highest, Owner::new(account, operator).unwrap());
        let policy = |serial| {
            Said::Policy(PolicyVersion { serial, hash: "0123456789ABCDEF".repeat(4).parse().unwrap() })
        };
        let texts = [module, account, operator].map(|key| key.to_string());
        let [module, signer, other] = texts.each_ref().map(String::as_str);
        for (key, turn, said) in [
            (module, 0, owned(i32::MIN, None)),
            (module, 1, owned(-1, Some(operator))),
            (module, 9, owned(0, None)),
            (module, u32::MAX, owned(i32::MAX, Some(operator))),
            (signer, 0, policy(0)),
            (other, u32::MAX, policy(u64::MAX)),
            (of_itself(), 0, Said::Keys(0)),
            (of_itself(), 3, Said::Keys(131_072)),
        ] {
            let line = of(key, turn, &said);
            assert_eq!((line.len(), parse(&line)), (LENGTH, Some((key, turn, said.clone()))));
            for at in 0..line.len() {
                let mut changed = line.clone();
                changed[at] ^= 1;
                assert_eq!(parse(&changed), None, "{at}");
                assert_eq!(parse(&line[..at]), None, "{at}");
            }
        }
        assert_eq!(owned(1, Some(operator)).owner(), Some(Owner::new(account, Some(operator)).unwrap()));
        for other in [header(), empty()] {
            assert_eq!((other.len(), parse(&other)), (LENGTH, None));
        }
        assert_eq!(parse(&of(&"B".repeat(56), 0, &owned(1, None))), None, "that is no key");
        assert_eq!(parse(&of(module, 0, &policy(1))), None, "that is no policy's signer");
        let no_account = Said::Module { highest: 1, account: module.into(), operator: None };
        assert_eq!(no_account.owner(), None, "that is no account");
    }
}
