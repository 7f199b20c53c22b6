//! Reads and writes the lines of a ledger: text of one length, closed by a checksum.

use capability_claims::{Owner, PublicKey};
use capability_provider::ActorId;
use crc::{CRC_32_ISO_HDLC, Crc};

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What all ledgers begin with.
const HEADER: &str = "wascc revision ledger 1: the highest revision of each module that ran, how often that changed, whose it is, and whose word that is";

/// In the place of an operator where there is none.
const NOBODY: &str = "--------------------------------------------------------";

/// Three keys of 56 characters, a revision of 11 with its sign, a number of 10, a checksum of 8; with five spaces and the end of the
/// line.
pub(super) const LENGTH: usize = 3 * 56 + 11 + 10 + 8 + 5 + 1;

/// What a line says of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) highest: i32,
    /// Of two lines of one module the one with the higher turn is the newer.
    pub(super) turn: u32,
    account: Box<str>,
    /// [`NOBODY`] where there is none.
    operator: Box<str>,
}

impl Said {
    pub(super) fn new(highest: i32, owner: Owner, turn: u32) -> Self {
        let operator = owner.operator().map_or_else(|| NOBODY.to_owned(), |key| key.to_string());
        Self { highest, turn, account: owner.account().to_string().into(), operator: operator.into() }
    }

    /// To whom the module belongs; `None` when these are no such keys, although the line is whole.
    pub(super) fn owner(&self) -> Option<Owner> {
        let account = PublicKey::parse(&self.account).ok()?;
        let operator = match &*self.operator {
            NOBODY => None,
            key => Some(PublicKey::parse(key).ok()?),
        };
        Owner::new(account, operator).ok()
    }

    /// Whether the other says nothing else, whenever it was said.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        (self.highest, &self.account, &self.operator) == (other.highest, &other.account, &other.operator)
    }
}

/// The first line.
pub(super) fn header() -> Vec<u8> {
    format!("{HEADER:<width$}\n", width = LENGTH - 1).into_bytes()
}

/// A line that says nothing yet.
pub(super) fn empty() -> Vec<u8> {
    format!("{:-<width$}\n", "", width = LENGTH - 1).into_bytes()
}

/// The line that says this of a module.
pub(super) fn of(module: &str, Said { highest, turn, account, operator }: &Said) -> Vec<u8> {
    let said = format!("{module} {highest:+011} {turn:010} {account} {operator}");
    let checksum = CHECKSUM.checksum(said.as_bytes());
    format!("{said} {checksum:08x}\n").into_bytes()
}

/// What a line says, when it is whole.
pub(super) fn parse(line: &[u8]) -> Option<(&str, Said)> {
    let mut words = str::from_utf8(line).ok()?.split(' ');
    let module = words.next()?;
    let (highest, turn) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let said = Said { highest, turn, account: words.next()?.into(), operator: words.next()?.into() };
    (ActorId::has_form_of(module) && of(module, &said) == line).then_some((module, said))
}

#[cfg(test)]
mod tests {
    use capability_claims::{KeyKind, KeyPair};

    use super::*;

    #[test]
    fn lines_have_one_length_and_come_back_whole() {
        let module = &format!("M{}", "A".repeat(55));
        let [account, operator] =
            [KeyKind::Account, KeyKind::Operator].map(|kind| KeyPair::generate(kind).unwrap().public_key());
        for (highest, turn, operator) in [
            (i32::MIN, 0, None),
            (-1, 1, Some(operator)),
            (0, 9, None),
            (1, 10, Some(operator)),
            (i32::MAX, u32::MAX, Some(operator)),
        ] {
            let owner = Owner::new(account, operator).unwrap();
            let said = Said::new(highest, owner, turn);
            let line = of(module, &said);
            assert_eq!((line.len(), parse(&line)), (LENGTH, Some((module.as_str(), said.clone()))));
            assert_eq!(said.owner(), Some(owner));
            for at in 0..line.len() {
                let mut changed = line.clone();
                changed[at] ^= 1;
                assert_eq!(parse(&changed), None, "{at}");
            }
        }
        for other in [header(), empty()] {
            assert_eq!((other.len(), parse(&other)), (LENGTH, None));
        }
        let said = Said::new(1, Owner::new(account, None).unwrap(), 0);
        assert_eq!(parse(&of(&"A".repeat(56), &said)), None, "that is no module");
        assert_eq!(Said { account: module.as_str().into(), ..said }.owner(), None, "that is no account");
    }
}
